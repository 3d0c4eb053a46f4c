//! From the call of the application to the end of its response.

use millau_gateway::{BodyLength, Error, Exchange};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PyString, PyTuple};

use super::call::StartResponse;
use super::{FileWrapper, Input, WsgiApplication};
use crate::application::debug_page;
use crate::door::{body_bytes, latin1_bytes, traceback, type_name};

/// Items without a byte that are taken after the last byte of the body.
const MOST_EMPTY: usize = 100;

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
        if let (Err(_), Err(error)) = (&outcome, &closed) {
            log::error!("application error in close() after {}:\n{}", named(environ), traceback(py, error));
        }
        outcome?;
        if let Some(mut exchange) = call.get().end() {
            name_user(&mut exchange, environ);
            exchange.finish();
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
        let items = match result.try_iter() {
            Err(_) if !result.hasattr("__iter__")? && !result.hasattr("__getitem__")? => {
                return Err(PyTypeError::new_err(format!(
                    "the application returned {}: it must return an iterable of bytes, such as a list",
                    type_name(result)
                )));
            }
            items => items?,
        };
        if result.cast::<PyIterator>().is_err() && result.len().is_ok_and(|length| length == 1) {
            this.lock().single = true;
        }
        let mut empty = 0;
        let mut passed = Passed::More;
        for item in items {
            let item = item?;
            let data = body_bytes(&item, "an item of the response")?;
            match (&passed, data.as_bytes().len()) {
                // What comes behind the last byte may be the application's own end, and it may go on for ever.
                (Passed::Last, 0) if empty == MOST_EMPTY => break,
                (Passed::Last, 0) => empty += 1,
                (Passed::Last, excess) => {
                    log::error!(
                        "application error in {}: the response body is longer than its Content-Length ({excess} bytes \
                         were cut off, and whatever follows them)",
                        named(environ)
                    );
                    break;
                }
                (_, 0) => {}
                _ => {
                    this.lock().write(data)?;
                    passed = self.pass_on(py, call, environ)?;
                    // Nobody is to see the rest (PEP 3333, "Handling the Content-Length Header").
                    if passed == Passed::Nothing {
                        break;
                    }
                }
            }
        }
        call.get().lock().start_empty()
    }

    /// Sees to it that what is written gets on its way before the application is asked for more.
    ///
    /// When the promised length is reached, the response is finished right here: it then goes out with the others of its
    /// batch, or by another thread should the application take its time to end. Where there is no other, it is sent.
    fn pass_on(
        &self,
        py: Python<'_>,
        call: &Bound<'_, StartResponse>,
        environ: &Bound<'_, PyDict>,
    ) -> PyResult<Passed> {
        let this = call.get();
        let passed = Passed::of(this.lock().exchange()?);
        if passed != Passed::More
            && self.surroundings.multithread
            && this.finish_early(|exchange| name_user(exchange, environ))?
        {
            return Ok(passed);
        }
        let must_wait = {
            let mut state = this.lock();
            let exchange = state.exchange()?;
            exchange.flush().map_err(|error| super::call::raised(&error))?;
            exchange.must_wait()
        };
        if must_wait {
            this.wait(py, |channel| channel.wait())?;
        }
        Ok(passed)
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
            log::error!("application error in {}, after the end of the response:\n{text}", named(environ));
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
        if Passed::of(&exchange) != Passed::More {
            // The response was whole before.
            return exchange.finish();
        }
        if self.surroundings.debug && !exchange.is_started() {
            debug_page::answer(exchange, error, &text, environ.as_any());
        } else {
            exchange.fail(Error::application("the application raised an exception"));
        }
    }
}

/// How far a response is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passed {
    /// More may follow.
    More,
    /// That was the last byte that the head promised.
    Last,
    /// There is no body: what the application makes is for nobody.
    Nothing,
}

impl Passed {
    fn of(exchange: &Exchange) -> Self {
        match (exchange.is_bodiless(), exchange.is_body_sent()) {
            (true, _) => Self::Nothing,
            (false, true) => Self::Last,
            (false, false) => Self::More,
        }
    }
}

/// Method and target, for the log, of a request whose exchange is gone.
fn named(environ: &Bound<'_, PyDict>) -> String {
    let value = |name: &str| environ.get_item(name).ok().flatten().map(|value| value.to_string()).unwrap_or_default();
    format!("{} {}", value("REQUEST_METHOD"), value("REQUEST_URI"))
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
