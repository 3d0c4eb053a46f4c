//! One call of a WSGI application: `start_response`, `write()`, and what both share with `wsgi.input`.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use millau_gateway::{BodyLength, Channel, Error, Exchange, Response};
use pyo3::exceptions::{PyBrokenPipeError, PyOSError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::response_head;
use crate::door::body_bytes;

/// The `start_response` of one request; it also keeps the request's exchange for as long as the call lasts.
///
/// The lock is never held while Python code runs or while anything is waited for.
#[pyclass(frozen, module = "millau._engine")]
pub(crate) struct StartResponse {
    state: Mutex<State>,
}

pub(crate) struct State {
    /// Away while a thread waits for the peer with it, and gone when the response is finished.
    exchange: Option<Exchange>,
    over: bool,
    /// What the application has said; sent with the first bytes of the body (PEP 3333, "Handling the Content-Length").
    response: Response,
    called: bool,
    /// The response has an iterable of one item: then its length is the length of the body.
    pub(crate) single: bool,
}

/// A response head with more memory than this is not kept.
const SPARE_SIZE: usize = 16 * 1024;

thread_local! {
    /// The head of the response before, empty, for its memory.
    static SPARE: Cell<Response> = Cell::default();
}

impl StartResponse {
    pub(crate) fn new(exchange: Exchange) -> Self {
        let state = State {
            exchange: Some(exchange),
            over: false,
            response: Response::default(),
            called: false,
            single: false,
        };
        Self { state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work`, which waits for the peer, outside of the interpreter.
    pub(crate) fn wait<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut dyn Channel) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let mut exchange = self.lock().take()?;
        let (exchange, result) = py.detach(move || {
            let result = work(&mut *exchange);
            (exchange, result)
        });
        self.lock().exchange = Some(exchange);
        result.map_err(|error| raised(&error))
    }

    /// Sends a piece of the body, and the head before the first. Returns when the piece is on its way.
    pub(crate) fn send(&self, py: Python<'_>, data: &Bound<'_, PyBytes>, more: bool) -> PyResult<()> {
        let must_wait = {
            let mut state = self.lock();
            if !data.as_bytes().is_empty() && state.exchange()?.is_body_sent() {
                return Err(PyRuntimeError::new_err("the body is as long as its Content-Length already"));
            }
            state.write(data)?;
            if more {
                let exchange = state.exchange()?;
                exchange.flush().map_err(|error| raised(&error))?;
                exchange.must_wait()
            } else {
                false
            }
        };
        if must_wait { self.wait(py, |channel| channel.wait()) } else { Ok(()) }
    }

    /// Finishes a response whose application goes on; `name_user` is told of the exchange before. `false`: nobody would send
    /// it before the application ends.
    pub(crate) fn finish_early(&self, name_user: impl FnOnce(&mut Exchange)) -> PyResult<bool> {
        let mut exchange = self.lock().take()?;
        name_user(&mut exchange);
        match exchange.finish_early() {
            Ok(()) => {
                self.end();
                Ok(true)
            }
            Err(exchange) => {
                self.lock().exchange = Some(exchange);
                Ok(false)
            }
        }
    }

    /// Takes the exchange for good: the response is finished or has failed.
    pub(crate) fn end(&self) -> Option<Exchange> {
        let mut state = self.lock();
        state.over = true;
        let mut response = std::mem::take(&mut state.response);
        if response.fields.capacity() <= SPARE_SIZE {
            response.clear();
            SPARE.set(response);
        }
        state.exchange.take()
    }
}

impl State {
    fn take(&mut self) -> PyResult<Exchange> {
        let over = self.over;
        self.exchange.take().ok_or_else(|| missing(over))
    }

    /// The exchange, for what does not wait.
    ///
    /// # Errors
    /// `RuntimeError` when the request is over, or another thread waits with it.
    pub(crate) fn exchange(&mut self) -> PyResult<&mut Exchange> {
        let over = self.over;
        self.exchange.as_mut().ok_or_else(|| missing(over))
    }

    /// True when the head has been handed on, so that it cannot be changed any more.
    pub(crate) fn is_started(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.is_started())
    }

    /// Hands the head on, if that has not happened.
    pub(crate) fn start(&mut self, length: BodyLength) -> PyResult<()> {
        if !self.called {
            return Err(PyRuntimeError::new_err("the application sent a body before it called start_response()"));
        }
        let over = self.over;
        let exchange = self.exchange.as_mut().ok_or_else(|| missing(over))?;
        if !exchange.is_started() {
            exchange.start(&self.response, length).map_err(|error| raised(&error))?;
        }
        Ok(())
    }

    /// Starts a response whose body turned out to be empty.
    pub(crate) fn start_empty(&mut self) -> PyResult<()> {
        if self.over || self.is_started() {
            return Ok(());
        }
        if !self.called {
            return Err(PyRuntimeError::new_err(
                "the application returned without calling start_response(): the response has no status",
            ));
        }
        self.start(BodyLength::Known(0))
    }

    /// Adds a piece of the body.
    pub(crate) fn write(&mut self, data: &Bound<'_, PyBytes>) -> PyResult<()> {
        let bytes = data.as_bytes();
        if bytes.is_empty() {
            return Ok(());
        }
        let length = if self.single { BodyLength::Known(bytes.len() as u64) } else { BodyLength::Unknown };
        self.start(length)?;
        let exchange = self.exchange()?;
        if bytes.len() < SHARE_FROM {
            exchange.write(bytes);
        } else {
            let owner = pyo3::pybacked::PyBackedBytes::from(data.clone());
            exchange.write_shared(millau_gateway::Bytes::from_owner(owner));
        }
        Ok(())
    }
}

/// Pieces from this size on are sent from Python's own memory.
const SHARE_FROM: usize = 4 * 1024;

fn missing(over: bool) -> PyErr {
    PyRuntimeError::new_err(if over {
        "the request is over: its response was sent before"
    } else {
        "another thread is using this request at the moment"
    })
}

/// The exception for what went wrong between the application and its peer.
pub(crate) fn raised(error: &Error) -> PyErr {
    if error.is_disconnect() {
        PyBrokenPipeError::new_err(error.to_string())
    } else if error.fault() == millau_gateway::Fault::Peer {
        PyOSError::new_err(error.to_string())
    } else {
        PyRuntimeError::new_err(error.to_string())
    }
}

#[pymethods]
impl StartResponse {
    /// `start_response(status, response_headers, exc_info=None)` of PEP 3333; returns `write`.
    #[pyo3(signature = (status, headers, exc_info = None, /))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        status: &Bound<'py, PyAny>,
        headers: &Bound<'py, PyAny>,
        exc_info: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Write> {
        let this = slf.get();
        let exc_info = exc_info.filter(|info| info.is_truthy().unwrap_or(true));
        let (called, started) = {
            let state = this.lock();
            (state.called, state.is_started() || state.over)
        };
        match exc_info {
            Some(info) if started => return Err(reraise(info)?),
            None if called => {
                return Err(PyRuntimeError::new_err(
                    "start_response() was called a second time without exc_info (PEP 3333)",
                ));
            }
            _ => {}
        }
        let mut response = SPARE.take();
        response_head::fill(&mut response, status, headers)?;
        let mut state = this.lock();
        state.response = response;
        state.called = true;
        drop(state);
        Ok(Write { call: slf.clone().unbind() })
    }
}

/// The exception of an `exc_info` tuple, with its traceback.
fn reraise(info: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    let info = info.cast::<PyTuple>().map_err(|_| PyTypeError::new_err("exc_info must be a tuple of three"))?;
    let value = info.get_item(1)?;
    let traceback = info.get_item(2)?;
    let value = if traceback.is_none() { value } else { value.call_method1("with_traceback", (traceback,))? };
    Ok(PyErr::from_value(value))
}

/// The `write` callable that `start_response` returns: for applications that push their body.
#[pyclass(frozen, module = "millau._engine")]
pub(crate) struct Write {
    call: Py<StartResponse>,
}

#[pymethods]
impl Write {
    #[pyo3(signature = (data, /))]
    fn __call__(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let data = body_bytes(data, "what is given to write()")?;
        self.call.get().send(py, data, true)
    }
}
