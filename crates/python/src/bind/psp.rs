//! The PSP translator for Python: `millau._engine.translate_psp`.

use std::path::PathBuf;

use millau_psp::{Failure, Included, PageError, translate};
use pyo3::exceptions::PySyntaxError;
use pyo3::prelude::*;

/// One piece of the source text and its place: line, column and length there; file, line and column in the page.
type Piece = (u32, u32, u32, u32, u32, u32);

/// Translates a page of Python Server Pages.
///
/// `open(name)` gives the path and the bytes of an included file. The answer is the source text, the paths of the page and
/// of what it includes, and the map.
///
/// # Errors
/// `SyntaxError` with the page's own line.
#[pyfunction]
#[pyo3(signature = (path, page, open, /))]
pub(crate) fn translate_psp(
    py: Python<'_>,
    path: PathBuf,
    page: &[u8],
    open: &Bound<'_, PyAny>,
) -> PyResult<(String, Vec<String>, Vec<Piece>)> {
    let mut find = |name: &str| -> PyResult<Included> {
        let (path, bytes) = open.call1((name,))?.extract::<(PathBuf, Vec<u8>)>()?;
        Ok(Included { path: path.to_string_lossy().into_owned(), bytes })
    };
    match translate(&path.to_string_lossy(), page, &mut find) {
        Ok(translation) => {
            let map = translation
                .map
                .iter()
                .map(|piece| (piece.line, piece.column, piece.length, piece.file, piece.page_line, piece.page_column));
            Ok((translation.code, translation.files, map.collect()))
        }
        Err(Failure::Page(PageError { path, line, column, fault })) => {
            Err(syntax_error(fault.to_string(), &path, line, column + 1))
        }
        Err(Failure::Include { path, line, name, cause }) => {
            let error = syntax_error(format!("cannot include '{name}': {cause}"), &path, line, 1);
            error.set_cause(py, Some(cause));
            Err(error)
        }
    }
}

fn syntax_error(message: String, path: &str, line: u32, column: u32) -> PyErr {
    PySyntaxError::new_err((message, (path.to_owned(), line, column, None::<String>)))
}
