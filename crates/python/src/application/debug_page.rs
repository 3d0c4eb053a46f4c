//! The answer that `--debug` gives for an uncaught exception of an application of any kind: the page that
//! `millau.traceback_page` makes, in HTML for browsers and in plain text for others.

use millau_gateway::{Exchange, Response};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Answers with the exception, its frames and the variables of the request. `traceback` is what the log got: it is shown
/// if the page cannot be made.
pub(crate) fn answer(exchange: Exchange, error: &PyErr, traceback: &str, variables: &Bound<'_, PyAny>) {
    let py = variables.py();
    let request = exchange.request();
    let is_browser = request.fields.get_all(b"accept").any(accepts_html);
    let heading = format!("{} {}", String::from_utf8_lossy(&request.method), String::from_utf8_lossy(request.target()));
    let form = if is_browser { "html" } else { "text" };
    // Only so has the exception its own traceback with it.
    let raised = error.clone_ref(py).into_value(py);
    let page = py
        .import("millau.traceback_page")
        .and_then(|module| module.call_method1(form, (raised, variables, heading)))
        .and_then(|page| Ok(page.cast::<PyString>()?.to_string_lossy().into_owned()));
    let (page, is_html) = match page {
        Ok(page) => (page, is_browser),
        Err(fault) => {
            log::error!("engine error: the page for an exception could not be made: {fault}");
            (format!("{traceback}\n"), false)
        }
    };
    let mut response = Response::new(500);
    let kind: &[u8] = if is_html { b"text/html; charset=utf-8" } else { b"text/plain; charset=utf-8" };
    response.fields.push(b"Content-Type", kind);
    response.fields.push(b"Cache-Control", b"no-store");
    // Nothing in the page runs or loads anything; should an escape ever be missed, the browser will not either.
    response.fields.push(b"Content-Security-Policy", b"default-src 'none'; style-src 'unsafe-inline'");
    response.fields.push(b"X-Content-Type-Options", b"nosniff");
    exchange.respond(&response, page.as_bytes());
}

/// Whether an Accept field names HTML. `*/*` is what programs send that show text.
fn accepts_html(accept: &[u8]) -> bool {
    accept.split(|byte| *byte == b',').any(|range| {
        let kind = range.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        kind.eq_ignore_ascii_case(b"text/html") || kind.eq_ignore_ascii_case(b"application/xhtml+xml")
    })
}
