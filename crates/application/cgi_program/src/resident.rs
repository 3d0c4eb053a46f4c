//! Which scripts can run inside the worker's own interpreter.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::answer::Answer;
use crate::environment::Environment;
use crate::interpreter::FirstLine;
use crate::options::Options;
use crate::script::{Identity, Script};

/// Scripts that are known; beyond it they are looked at anew.
const MOST: usize = 1024;

/// Runs scripts inside the worker's own interpreter ([`Mode::Resident`](crate::Mode::Resident)).
pub trait Resident: Send + Sync {
    /// Runs a script to its end, and ends the answer.
    fn run(&self, script: &Script, environment: &Environment, answer: Answer);
}

/// Whether scripts are Python's, by their first line.
#[derive(Default)]
pub(crate) struct FirstLines(Mutex<HashMap<PathBuf, (Identity, bool)>>);

impl FirstLines {
    /// True for a Python script. What is none is told to the log once.
    pub(crate) fn name_python(&self, script: &Script, options: &Options) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, is_python)) = known.get(&script.path).filter(|(identity, _)| *identity == script.identity) {
            return *is_python;
        }
        let path = options.variable(b"PATH").unwrap_or_default();
        let is_python = FirstLine::of(&script.path).is_ok_and(|line| line.python(path).is_some());
        if !is_python {
            log::warn!(
                "{}: it is executed, and not resident: its first line does not name Python 3",
                script.path.display()
            );
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(script.path.clone(), (script.identity, is_python));
        is_python
    }
}
