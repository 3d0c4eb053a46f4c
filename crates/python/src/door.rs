//! In and out of the interpreter: text, tracebacks, and the few calls that pyo3 does not wrap.

use std::borrow::Cow;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// A `str` with one character for each byte: how WSGI carries bytes in native strings (PEP 3333, "Unicode Issues").
pub(crate) fn latin1<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    // SAFETY: pointer and length belong to `bytes`; the result is a new reference or null with an exception set.
    unsafe {
        let text = pyo3::ffi::PyUnicode_DecodeLatin1(bytes.as_ptr().cast(), bytes.len() as isize, std::ptr::null());
        Ok(Bound::from_owned_ptr_or_err(py, text)?.cast_into_unchecked())
    }
}

/// The bytes of a native string of WSGI.
///
/// # Errors
/// `ValueError` when a character is beyond U+00FF; `what` names the string for the message.
pub(crate) fn latin1_bytes<'a>(text: &'a Bound<'_, PyString>, what: &str) -> PyResult<Cow<'a, [u8]>> {
    let utf8 = text.to_str()?;
    if utf8.is_ascii() {
        return Ok(Cow::Borrowed(utf8.as_bytes()));
    }
    let bytes: Result<Vec<u8>, _> = utf8.chars().map(|character| u8::try_from(u32::from(character))).collect();
    bytes.map(Cow::Owned).map_err(|_| {
        PyValueError::new_err(format!("{what} holds a character that HTTP cannot carry (beyond U+00FF): {utf8:?}"))
    })
}

/// The `bytes` that an application gave as a piece of a body.
///
/// # Errors
/// `TypeError` for anything else, as PEP 3333 demands.
pub(crate) fn body_bytes<'a, 'py>(value: &'a Bound<'py, PyAny>, what: &str) -> PyResult<&'a Bound<'py, PyBytes>> {
    value.cast::<PyBytes>().map_err(|_| PyTypeError::new_err(format!("{what} must be bytes, not {}", type_name(value))))
}

/// The name of a value's type, for messages.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

/// An exception with its traceback, as Python prints it, without the last line break.
pub(crate) fn traceback(py: Python<'_>, error: &PyErr) -> String {
    let formatted = py
        .import("traceback")
        .and_then(|module| {
            module.call_method1("format_exception", (error.get_type(py), error.value(py), error.traceback(py)))
        })
        .and_then(|lines| {
            // A lone surrogate is no UTF-8: it is shown by its replacement.
            let lines = lines.try_iter()?.map(|line| Ok(line?.cast::<PyString>()?.to_string_lossy().into_owned()));
            lines.collect::<PyResult<Vec<String>>>()
        });
    match formatted {
        Ok(lines) => lines.concat().trim_end().to_owned(),
        Err(_) => error.to_string(),
    }
}

/// A descriptor of our own for a file that Python has open.
///
/// # Errors
/// `OSError` when the descriptor is not open or no further one can be had.
pub(crate) fn duplicate(descriptor: RawFd) -> PyResult<OwnedFd> {
    if descriptor < 0 {
        return Err(PyValueError::new_err("fileno() gave a negative number"));
    }
    // SAFETY: it is used for one call only, and a number that is not open makes that call fail.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    Ok(borrowed.try_clone_to_owned()?)
}
