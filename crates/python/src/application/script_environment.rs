//! The environment of the process while a resident script runs: the request's in place of the worker's.
//!
//! One variable after the other would cost more than the rest of a small script, and the C library keeps each value that
//! it was ever given. So the whole array is exchanged, and exchanged back.

use std::collections::VecDeque;
use std::ffi::c_char;
use std::sync::{Arc, Mutex, PoisonError};

use millau_cgi_program::Environment;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

/// Arrays whose requests are over are kept for so many requests: another thread may be looking something up in one.
const KEPT: usize = 8;

unsafe extern "C" {
    /// Where the C library finds the environment (POSIX, `environ`).
    static mut environ: *mut *mut c_char;
}

/// What was exchanged, the latest last. The array that the worker has now is among it.
static EXCHANGED: Mutex<VecDeque<Exchanged>> = Mutex::new(VecDeque::new());

struct Exchanged {
    worker: Vec<*mut c_char>,
    _request: Vec<*mut c_char>,
    /// What the pointers of the request lead to.
    _text: Arc<Environment>,
}

// SAFETY: the pointers lead to the text beside them, or to strings that the C library keeps; nothing is bound to a thread.
unsafe impl Send for Exchanged {}

/// The environment of one request, as a context in which it is that of the process. Contexts may not overlap.
#[pyclass(frozen, module = "millau._engine")]
pub(crate) struct ScriptEnvironment {
    environment: Arc<Environment>,
}

impl ScriptEnvironment {
    pub(crate) fn of(environment: &Environment) -> Self {
        Self { environment: Arc::new(environment.clone()) }
    }
}

#[pymethods]
impl ScriptEnvironment {
    /// Puts it in the place of the worker's; gives the variables as `os.environb` keeps them.
    fn __enter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let variables = PyDict::new(py);
        for (name, value) in self.environment.iter() {
            variables.set_item(PyBytes::new(py, name), PyBytes::new(py, value))?;
        }
        let text = self.environment.clone();
        let mut request: Vec<*mut c_char> = text.pointers().into_iter().map(<*const c_char>::cast_mut).collect();
        let mut exchanged = EXCHANGED.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: as with os.putenv, whoever changes the environment holds the interpreter lock, and so does this. The
        // worker's array is copied, because the C library may move or reuse the one that it has made itself as soon as
        // another one is in place. Both new arrays end with a null pointer and live as long as they are in place.
        let worker = unsafe {
            let worker = copy_of(environ);
            environ = request.as_mut_ptr();
            worker
        };
        exchanged.push_back(Exchanged { worker, _request: request, _text: text });
        if exchanged.len() > KEPT {
            exchanged.pop_front();
        }
        Ok(variables)
    }

    /// Gives the worker back its own.
    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, _raised: &Bound<'_, pyo3::types::PyTuple>) {
        let mut exchanged = EXCHANGED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(latest) = exchanged.back_mut() {
            // SAFETY: as above; the array stays until others have taken its place.
            unsafe { environ = latest.worker.as_mut_ptr() };
        }
    }
}

/// The pointers of an environment, with the null pointer at the end.
///
/// # Safety
/// `array` is null, or ends with a null pointer.
unsafe fn copy_of(array: *mut *mut c_char) -> Vec<*mut c_char> {
    let mut copy = Vec::new();
    if !array.is_null() {
        let mut at = array;
        // SAFETY: the null pointer has not been passed yet.
        while let entry = unsafe { *at }
            && !entry.is_null()
        {
            copy.push(entry);
            // SAFETY: as above.
            at = unsafe { at.add(1) };
        }
    }
    copy.push(std::ptr::null_mut());
    copy
}
