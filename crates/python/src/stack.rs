//! Where the threads of the interpreter are, for the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyString;

/// The interpreter's numbers of threads that serve, by the system's.
static THREADS: Mutex<BTreeMap<i32, u64>> = Mutex::new(BTreeMap::new());

/// Runs `work`, the life of a thread, and lets [`stack_of`] find the thread meanwhile.
pub(crate) fn known<T>(py: Python<'_>, work: impl FnOnce() -> T) -> T {
    let number = rustix::thread::gettid().as_raw_nonzero().get();
    let ident = py.import("_thread").and_then(|module| module.call_method0("get_ident")?.extract());
    let threads = || THREADS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Ok(ident) = ident {
        threads().insert(number, ident);
    }
    let result = work();
    threads().remove(&number);
    result
}

/// The calls that the thread with this number is inside of, the innermost last, as in a traceback. Waits for the interpreter.
pub(crate) fn stack_of(thread: i32) -> Option<String> {
    let ident = THREADS.lock().unwrap_or_else(PoisonError::into_inner).get(&thread).copied()?;
    Python::attach(|py| {
        let frame = py.import("sys")?.call_method0("_current_frames")?.get_item(ident)?;
        let lines = py.import("traceback")?.call_method1("format_stack", (frame,))?;
        let lines = lines.try_iter()?.map(|line| Ok(line?.cast::<PyString>()?.to_string_lossy().into_owned()));
        Ok::<_, PyErr>(lines.collect::<PyResult<Vec<String>>>()?.concat())
    })
    .ok()
    .filter(|text| !text.is_empty())
}
