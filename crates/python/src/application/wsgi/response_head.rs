//! From what an application hands to `start_response` to the head of a response.

use millau_gateway::Response;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::door::{latin1_bytes, type_name};

/// Fills `response` from a status line such as `200 OK` and a list of (name, value) pairs.
///
/// # Errors
/// `TypeError` or `ValueError` that says what is wrong with which field (PEP 3333, "The start_response() Callable").
pub(crate) fn fill(response: &mut Response, status: &Bound<'_, PyAny>, headers: &Bound<'_, PyAny>) -> PyResult<()> {
    response.clear();
    let status = status.cast::<PyString>().map_err(|_| {
        PyTypeError::new_err(format!("the status must be a str such as '200 OK', not {}", type_name(status)))
    })?;
    let line = latin1_bytes(status, "the status")?;
    response.status = status_code(&line).ok_or_else(|| {
        let shown = String::from_utf8_lossy(&line).into_owned();
        PyValueError::new_err(format!(
            "the status must be three digits from 200 to 599, a space and a reason, not {shown:?}"
        ))
    })?;
    let reason = line.get(4..).unwrap_or_default();
    if !reason.iter().all(|byte| is_text(*byte)) {
        return Err(PyValueError::new_err("the reason of the status holds a control character"));
    }
    response.reason.extend_from_slice(reason);
    let headers = headers.cast::<PyList>().map_err(|_| {
        PyTypeError::new_err(format!("the headers must be a list of (name, value) tuples, not {}", type_name(headers)))
    })?;
    for header in headers {
        add(response, &header)?;
    }
    Ok(())
}

fn add(response: &mut Response, header: &Bound<'_, PyAny>) -> PyResult<()> {
    let wrong = || PyTypeError::new_err(format!("each header must be a tuple of two str, not {}", shown(header)));
    let pair = header.cast::<PyTuple>().map_err(|_| wrong())?;
    if pair.len() != 2 {
        return Err(wrong());
    }
    let (name, value) = (pair.get_item(0)?, pair.get_item(1)?);
    let (name, value) = (name.cast::<PyString>().map_err(|_| wrong())?, value.cast::<PyString>().map_err(|_| wrong())?);
    let (name, value) = (latin1_bytes(name, "a header's name")?, latin1_bytes(value, "a header's value")?);
    if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
        return Err(PyValueError::new_err(format!(
            "the header name {:?} is not a token: letters, digits and !#$%&'*+-.^_`|~ only",
            String::from_utf8_lossy(&name)
        )));
    }
    if !value.iter().all(|byte| is_text(*byte)) {
        return Err(PyValueError::new_err(format!(
            "the value of the header {} holds a control character (a line break would forge another header): {:?}",
            String::from_utf8_lossy(&name),
            String::from_utf8_lossy(&value)
        )));
    }
    if millau_gateway::is_hop_by_hop(&name) {
        return Err(PyValueError::new_err(format!(
            "the header {} belongs to the connection: only the server may set it (PEP 3333, \"Other HTTP Features\")",
            String::from_utf8_lossy(&name)
        )));
    }
    response.fields.push(&name, value.trim_ascii());
    Ok(())
}

fn shown(value: &Bound<'_, PyAny>) -> String {
    let mut text = value.repr().map_or_else(|_| type_name(value), |text| text.to_string());
    if text.chars().count() > 100 {
        text = text.chars().take(100).chain("…".chars()).collect();
    }
    text
}

fn status_code(line: &[u8]) -> Option<u16> {
    let [first @ b'2'..=b'5', second @ b'0'..=b'9', third @ b'0'..=b'9', rest @ ..] = line else { return None };
    if !matches!(rest, [] | [b' ', ..]) {
        return None;
    }
    Some(u16::from(first - b'0') * 100 + u16::from(second - b'0') * 10 + u16::from(third - b'0'))
}

/// RFC 9110 §5.6.2
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 9110 §5.5: visible characters, space, tab and obs-text.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}
