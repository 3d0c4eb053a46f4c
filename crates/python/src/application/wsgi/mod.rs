//! WSGI (PEP 3333): one callable, called with `environ` and `start_response`.

mod call;
mod environ;
mod errors;
mod file_wrapper;
mod input;
mod name_hash;
mod respond;
mod response_head;

use millau_gateway::{Application, Exchange};
use pyo3::prelude::*;

pub(crate) use call::{StartResponse, Write, raised};
pub(crate) use environ::Environ;
pub(crate) use errors::Errors;
pub(crate) use file_wrapper::FileWrapper;
pub(crate) use input::Input;

use crate::stack::{known, stack_of};

/// What an application is told about the process that it runs in, and how its failures are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    /// `wsgi.multithread`: another thread of this process may call the application at the same time.
    pub(crate) multithread: bool,
    /// `wsgi.multiprocess`: so may another process.
    pub(crate) multiprocess: bool,
    /// `wsgi.run_once`: the process ends after one request.
    pub(crate) run_once: bool,
    /// Tracebacks are shown to the client.
    pub(crate) debug: bool,
}

/// A WSGI callable behind any front.
pub(crate) struct WsgiApplication {
    callable: Py<PyAny>,
    environ: Environ,
    surroundings: Surroundings,
}

impl WsgiApplication {
    /// Wraps a callable.
    pub(crate) fn new(py: Python<'_>, callable: Py<PyAny>, surroundings: Surroundings) -> PyResult<Self> {
        Ok(Self { callable, environ: Environ::new(py, surroundings)?, surroundings })
    }
}

impl Application for WsgiApplication {
    fn call(&self, exchange: Exchange) {
        Python::attach(|py| self.answer(py, exchange));
    }

    /// The interpreter is entered once for all calls of a batch; `call` then finds itself inside.
    fn batch(&self, work: &mut dyn FnMut()) {
        Python::attach(|_| work());
    }

    /// The thread keeps its thread state, and with it what `threading.local` holds, from one request to the next.
    fn thread(&self, work: &mut dyn FnMut()) {
        let mut work = Here(work);
        Python::attach(|py| known(py, || py.detach(|| work.run())));
    }

    fn whereabouts(&self, thread: i32) -> Option<String> {
        stack_of(thread)
    }
}

/// Lets the compiler accept that work goes on, on this very thread, outside of the interpreter.
struct Here<'a>(&'a mut dyn FnMut());

// SAFETY: `Python::detach` runs its closure on the calling thread; nothing is sent anywhere.
unsafe impl Send for Here<'_> {}

impl Here<'_> {
    fn run(&mut self) {
        (self.0)();
    }
}
