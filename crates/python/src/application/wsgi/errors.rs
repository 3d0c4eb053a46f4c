//! `wsgi.errors`: a text stream into the error log.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyString;

/// An unfinished line longer than this is written as it is.
const LONGEST_LINE: usize = 64 * 1024;

/// The stream that an application reports its errors to (PEP 3333, "Input and Error Streams"). Each line becomes one line
/// of the error log.
#[pyclass(frozen, module = "millau._engine")]
pub(crate) struct Errors {
    /// Who writes.
    name: Cow<'static, str>,
    /// A line whose end has not come.
    unfinished: Mutex<String>,
}

impl Default for Errors {
    fn default() -> Self {
        Self::of("application")
    }
}

impl Errors {
    /// Of whoever has this name in the log.
    pub(crate) fn of(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), unfinished: Mutex::default() }
    }
}

#[pymethods]
impl Errors {
    /// Writes text; gives the number of its characters.
    fn write(&self, text: &Bound<'_, PyString>) -> PyResult<usize> {
        let written = text.to_string_lossy();
        let mut unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        unfinished.push_str(&written);
        while let Some(end) = unfinished.find('\n') {
            let rest = unfinished.split_off(end + 1);
            let line = std::mem::replace(&mut *unfinished, rest);
            log::error!("{}: {}", self.name, line.trim_end());
        }
        if unfinished.len() > LONGEST_LINE {
            log::error!("{}: {}", self.name, std::mem::take(&mut *unfinished));
        }
        drop(unfinished);
        text.len()
    }

    /// Writes each of the texts.
    fn writelines(&self, lines: &Bound<'_, PyAny>) -> PyResult<()> {
        for line in lines.try_iter()? {
            self.write(line?.cast::<PyString>()?)?;
        }
        Ok(())
    }

    /// Writes a text whose weight is known, by Apache's levels: 0 to 3 errors, 4 warnings, 5 and 6 information, 7 debugging.
    #[pyo3(signature = (level, text, /))]
    fn log(&self, level: u8, text: &Bound<'_, PyString>) {
        self.flush();
        let level = match level {
            0..=3 => log::Level::Error,
            4 => log::Level::Warn,
            5 | 6 => log::Level::Info,
            _ => log::Level::Debug,
        };
        for line in text.to_string_lossy().lines() {
            log::log!(level, "{}: {}", self.name, line.trim_end());
        }
    }

    /// Writes a line that has not ended yet.
    fn flush(&self) {
        let line = std::mem::take(&mut *self.unfinished.lock().unwrap_or_else(PoisonError::into_inner));
        if !line.is_empty() {
            log::error!("{}: {line}", self.name);
        }
    }
}
