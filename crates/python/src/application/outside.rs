//! An application that needs no Python, beside others that do.

use std::sync::Arc;

use millau_gateway::{Application, Exchange};
use pyo3::prelude::*;

/// Lets go of the interpreter while the application inside runs: a batch of calls holds it for those that need it.
pub(crate) struct Outside(pub(crate) Arc<dyn Application>);

impl Application for Outside {
    fn call(&self, exchange: Exchange) {
        Python::attach(|py| py.detach(|| self.0.call(exchange)));
    }
}
