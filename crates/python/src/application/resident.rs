//! CGI scripts inside the worker's interpreter, as mod_python's CGI handler ran them: fast, and without isolation.
//!
//! What makes a script believe that it is alone (its environment, streams and `__main__`) is in `millau/_resident_cgi.py`,
//! which also lets only one of them run at a time.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use millau_cgi_program::{Answer, Environment, Resident, Script};
use millau_gateway::Error;
use pyo3::exceptions::{PySystemExit, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};

use super::debug_page;
use super::script_environment::ScriptEnvironment;
use super::wsgi::{Errors, raised};
use crate::door::traceback;

/// Runs scripts with the Python part.
pub(crate) struct ResidentScripts {
    run: Py<PyAny>,
    debug: bool,
}

impl ResidentScripts {
    /// Imports the Python part.
    pub(crate) fn new(py: Python<'_>, debug: bool) -> PyResult<Self> {
        Ok(Self { run: py.import("millau._resident_cgi")?.getattr("run")?.unbind(), debug })
    }

    fn call(
        &self,
        py: Python<'_>,
        script: &Script,
        environment: &Environment,
        answer: &Bound<'_, CgiStreams>,
    ) -> PyResult<()> {
        let path = PyBytes::new(py, script.path.as_os_str().as_bytes());
        let environment = ScriptEnvironment::of(environment);
        let errors = Errors::of(script.path.display().to_string());
        self.run.call1(py, (path, environment, answer, errors, self.debug))?;
        Ok(())
    }
}

impl Resident for ResidentScripts {
    fn run(&self, script: &Script, environment: &Environment, answer: Answer) {
        Python::attach(|py| {
            let streams =
                match Bound::new(py, CgiStreams { answer: Mutex::new(Some(answer)), ending: AtomicBool::new(false) }) {
                    Ok(streams) => streams,
                    Err(error) => return log::error!("engine error: {error}"),
                };
            let result = self.call(py, script, environment, &streams);
            let Some(answer) = streams.get().lock().take() else {
                return log::error!("{}: a thread of the script still uses its response", script.path.display());
            };
            match result {
                Ok(()) => answer.end(),
                Err(error) => {
                    let text = traceback(py, &error);
                    if self.debug && answer.is_replaceable() {
                        return show(py, environment, answer, &error, &text);
                    }
                    log::error!("{}\n{text}", script.path.display());
                    answer.fail(Error::application("the script could not be run"));
                }
            }
        });
    }
}

/// Shows a developer what the script raised, which is in the log already.
fn show(py: Python<'_>, environment: &Environment, answer: Answer, error: &PyErr, traceback: &str) {
    let variables = PyDict::new(py);
    for (name, value) in environment.iter() {
        let _ = variables.set_item(String::from_utf8_lossy(name), String::from_utf8_lossy(value));
    }
    if let Some(exchange) = answer.replace() {
        debug_page::answer(exchange, error, traceback, variables.as_any());
    }
}

/// Has a thread raise `SystemExit` before its next line, by the `ident` of `threading.Thread`; `False` if it is gone.
#[pyfunction]
#[pyo3(signature = (identifier, /))]
pub(crate) fn end_thread(py: Python<'_>, identifier: std::ffi::c_ulong) -> bool {
    let exception = py.get_type::<PySystemExit>();
    // The interpreter takes the identifier as it hands it out, as unsigned, whatever pyo3 declares.
    let identifier = identifier.cast_signed();
    // SAFETY: the interpreter is attached, and takes a reference of its own to the class.
    unsafe { pyo3::ffi::PyThreadState_SetAsyncExc(identifier, exception.as_ptr()) == 1 }
}

/// Standard input and output of a script that runs inside the worker. It is what `sys.stdout.buffer` is there.
#[pyclass(frozen, module = "millau._engine")]
pub(crate) struct CgiStreams {
    /// Away while a thread waits for the client with it; gone when the request is over.
    answer: Mutex<Option<Answer>>,
    /// The script has ended: what is flushed now is the end of the response.
    ending: AtomicBool,
}

impl CgiStreams {
    fn lock(&self) -> MutexGuard<'_, Option<Answer>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work`, which may wait for the client, outside of the interpreter.
    fn wait<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut Answer) -> Result<T, Error> + Send) -> PyResult<T> {
        let mut answer = self.lock().take().ok_or_else(over)?;
        let (answer, result) = py.detach(move || {
            let result = work(&mut answer);
            (answer, result)
        });
        *self.lock() = Some(answer);
        result.map_err(|error| raised(&error))
    }
}

fn over() -> PyErr {
    PyValueError::new_err("I/O operation on closed file: the request of this script is over")
}

#[pymethods]
impl CgiStreams {
    /// The length of the body; 0 where there is none.
    fn body_length(&self) -> PyResult<u64> {
        Ok(self.lock().as_ref().ok_or_else(over)?.request().content_length.unwrap_or(0))
    }

    /// Up to `size` bytes of the body, as many as are here; waits for the first. Empty at its end.
    #[pyo3(signature = (size, /))]
    fn receive<'py>(&self, py: Python<'py>, size: usize) -> PyResult<Bound<'py, PyBytes>> {
        loop {
            if let Some(answer) = self.lock().as_mut() {
                let exchange = answer.exchange();
                let length = exchange.buffered().len().min(size);
                if length > 0 || size == 0 || exchange.is_body_complete() {
                    let data = PyBytes::new(py, &exchange.buffered()[..length]);
                    exchange.consume(length);
                    return Ok(data);
                }
            }
            if !self.wait(py, |answer| answer.exchange().fill())? {
                return Ok(PyBytes::new(py, b""));
            }
        }
    }

    /// Writes output; gives its length.
    #[pyo3(signature = (data, /))]
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        let data: PyBackedBytes = match data.extract() {
            Ok(data) => data,
            Err(_) => py.import("builtins")?.getattr("bytes")?.call1((data,))?.extract()?,
        };
        let must_wait = {
            let mut answer = self.lock();
            let answer = answer.as_mut().ok_or_else(over)?;
            answer.take(&data).map_err(|error| raised(&error))?;
            answer.must_wait()
        };
        if must_wait {
            self.wait(py, |answer| {
                answer.flush()?;
                answer.exchange().wait()
            })?;
        }
        Ok(data.len())
    }

    /// Says that the script has ended: a flush does nothing any more, because the whole response goes out at once.
    fn ending(&self) {
        self.ending.store(true, Relaxed);
    }

    /// Puts on the way what was written so far.
    fn flush(&self) -> PyResult<()> {
        if self.ending.load(Relaxed) {
            return Ok(());
        }
        match self.lock().as_mut() {
            Some(answer) => answer.flush().map_err(|error| raised(&error)),
            None => Ok(()),
        }
    }

    fn readable(&self) -> bool {
        false
    }

    fn writable(&self) -> bool {
        true
    }

    fn seekable(&self) -> bool {
        false
    }

    /// A pipe is what a web server gives to a program.
    fn isatty(&self) -> bool {
        false
    }

    /// There is none: the worker's other requests are behind the process's own.
    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        let unsupported = py.import("io")?.getattr("UnsupportedOperation")?;
        Err(PyErr::from_value(unsupported.call1(("fileno",))?))
    }

    #[getter]
    fn name(&self) -> &'static str {
        "<stdout>"
    }

    /// The response is not the script's to close.
    fn close(&self) {}

    #[getter]
    fn closed(&self) -> bool {
        false
    }
}
