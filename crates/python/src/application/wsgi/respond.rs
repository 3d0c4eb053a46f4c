//! From the call of the application to the end of its response.

use millau_gateway::{BodyLength, Error, Exchange};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PyString, PyTuple};

use super::call::StartResponse;
use super::{FileWrapper, Input, WsgiApplication};
use crate::application::debug_page;
use crate::door::{body_bytes, latin1_bytes, traceback, type_name};

impl WsgiApplication {
    /// Calls the application and carries its response to the end, whatever happens.
    pub(super) fn answer(&self, py: Python<'_>, exchange: Exchange) {
        let environ = match self.environ.build(py, exchange.request()) {
            Ok(environ) => environ,
            Err(error) => {
                log::error!("engine error: environ could not be built: {error}");
                return exchange.fail(Error::engine("environ could not be built"));
            }
        };
        let request = exchange.request();
        let has_body = request.streamed_body || request.content_length.is_some_and(|length| length > 0);
        let call = match Bound::new(py, StartResponse::new(exchange)) {
            Ok(call) => call,
            Err(error) => return log::error!("engine error: start_response could not be made: {error}"),
        };
        if let Err(error) = self.run(py, &call, &environ, has_body) {
            self.fail(py, &call, &environ, &error);
        }
        // Whatever the application still holds of the request is dead from here on.
        if let Some(exchange) = call.get().end() {
            exchange.fail(Error::engine("the response was not finished"));
        }
    }

    fn run(
        &self,
        py: Python<'_>,
        call: &Bound<'_, StartResponse>,
        environ: &Bound<'_, PyDict>,
        has_body: bool,
    ) -> PyResult<()> {
        if has_body {
            environ.set_item(pyo3::intern!(py, "wsgi.input"), Input::of(call.clone().unbind()))?;
        }
        let result = self.callable.bind(py).call1((environ, call))?;
        let outcome = self.send(py, call, environ, &result);
        // close() is called exactly once, whatever became of the response (PEP 3333, "Specification Details").
        let closed = if result.is_exact_instance_of::<PyList>() || result.is_exact_instance_of::<PyTuple>() {
            Ok(())
        } else {
            close(&result)
        };
        outcome?;
        if let Some(exchange) = call.get().end() {
            finish(exchange, environ);
        }
        closed
    }

    fn send(
        &self,
        py: Python<'_>,
        call: &Bound<'_, StartResponse>,
        environ: &Bound<'_, PyDict>,
        result: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let this = call.get();
        if let Ok(list) = result.cast_exact::<PyList>()
            && list.len() == 1
        {
            let item = list.get_item(0)?;
            let data = body_bytes(&item, "an item of the response")?;
            let mut state = this.lock();
            state.single = true;
            state.write(data)?;
            return state.start_empty();
        }
        if let Ok(wrapper) = result.cast_exact::<FileWrapper>()
            && self.send_file(py, call, wrapper)?
        {
            return Ok(());
        }
        if result.is_instance_of::<PyString>() || result.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err(format!(
                "the application returned {}: it must return an iterable of bytes, such as a list",
                type_name(result)
            )));
        }
        let items = result.try_iter().map_err(|_| {
            PyTypeError::new_err(format!(
                "the application returned {}: it must return an iterable of bytes, such as a list",
                type_name(result)
            ))
        })?;
        if result.cast::<PyIterator>().is_err() && result.len().is_ok_and(|length| length == 1) {
            this.lock().single = true;
        }
        let mut excess = 0;
        for item in items {
            let item = item?;
            let data = body_bytes(&item, "an item of the response")?;
            if data.as_bytes().is_empty() {
                continue;
            }
            if this.lock().is_over() {
                excess += data.as_bytes().len();
                continue;
            }
            this.lock().write(data)?;
            self.pass_on(py, call, environ)?;
        }
        if excess > 0 {
            log::error!(
                "application error: the response body is longer than its Content-Length ({excess} bytes were cut off)"
            );
        }
        call.get().lock().start_empty()
    }

    /// Sees to it that what is written gets on its way before the application is asked for more.
    ///
    /// When the promised length is reached, the response is finished right here: it then goes out with the others of its
    /// batch, or by another thread should the application take its time to end. A single thread has no other, and sends.
    fn pass_on(&self, py: Python<'_>, call: &Bound<'_, StartResponse>, environ: &Bound<'_, PyDict>) -> PyResult<()> {
        let this = call.get();
        let must_wait = {
            let mut state = this.lock();
            let exchange = state.exchange()?;
            if self.surroundings.multithread && exchange.is_body_sent() {
                drop(state);
                if let Some(exchange) = this.end() {
                    finish(exchange, environ);
                }
                return Ok(());
            }
            exchange.flush().map_err(|error| super::call::raised(&error))?;
            exchange.must_wait()
        };
        if must_wait { this.wait(py, |channel| channel.wait()) } else { Ok(()) }
    }

    /// Sends the file behind a wrapper by the kernel; `false`: there is no real file.
    fn send_file(
        &self,
        py: Python<'_>,
        call: &Bound<'_, StartResponse>,
        wrapper: &Bound<'_, FileWrapper>,
    ) -> PyResult<bool> {
        let Some(real) = wrapper.get().real_file(py)? else { return Ok(false) };
        let mut state = call.get().lock();
        state.start(BodyLength::Known(real.length))?;
        state
            .exchange()?
            .write_file(real.file, real.offset, real.length)
            .map_err(|error| super::call::raised(&error))?;
        Ok(true)
    }

    /// The application has raised: the log gets the traceback, the client a 500 or a visibly broken response.
    fn fail(&self, py: Python<'_>, call: &Bound<'_, StartResponse>, environ: &Bound<'_, PyDict>, error: &PyErr) {
        let text = traceback(py, error);
        let Some(mut exchange) = call.get().end() else {
            log::error!("application error after the end of the response:\n{text}");
            return;
        };
        name_user(&mut exchange, environ);
        let request = exchange.request();
        let (method, target) =
            (String::from_utf8_lossy(&request.method), String::from_utf8_lossy(request.target()).into_owned());
        if let Some(cause) = exchange.peer_error() {
            log::debug!("{method} {target}: {cause}; the application ended with {error}");
            return exchange.fail(Error::application("the application raised an exception"));
        }
        log::error!("application error in {method} {target}:\n{text}");
        if self.surroundings.debug && !exchange.is_started() {
            debug_page::answer(exchange, error, &text, environ.as_any());
        } else {
            exchange.fail(Error::application("the application raised an exception"));
        }
    }
}

/// Completes a response.
fn finish(mut exchange: Exchange, environ: &Bound<'_, PyDict>) {
    name_user(&mut exchange, environ);
    exchange.finish();
}

/// Tells the access log whom the front or the application has named in `environ`.
fn name_user(exchange: &mut Exchange, environ: &Bound<'_, PyDict>) {
    if exchange.wants_user()
        && let Ok(Some(user)) = environ.get_item("REMOTE_USER")
        && let Ok(user) = user.cast::<PyString>()
    {
        match latin1_bytes(user, "REMOTE_USER") {
            Ok(user) => exchange.set_user(&user),
            Err(_) => exchange.set_user(user.to_string_lossy().as_bytes()),
        }
    }
}

fn close(result: &Bound<'_, PyAny>) -> PyResult<()> {
    match result.getattr_opt(pyo3::intern!(result.py(), "close"))? {
        Some(close) => close.call0().map(drop),
        None => Ok(()),
    }
}
