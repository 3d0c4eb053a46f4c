//! `wsgi.file_wrapper`: a file as a response, sent by the kernel where there is a real one.

use std::fs::File;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::door::duplicate;

/// Wraps a file-like object (PEP 3333, "Optional Platform-Specific File Handling"). As an iterator it reads blocks; when it
/// is what the application returns, and the object is a real file, the rest of the file is sent without Python.
#[pyclass(frozen, module = "millau._engine")]
pub(crate) struct FileWrapper {
    #[pyo3(get)]
    filelike: Py<PyAny>,
    #[pyo3(get)]
    blksize: usize,
}

/// The part of a real file that is to be sent.
pub(crate) struct RealFile {
    pub(crate) file: File,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

impl FileWrapper {
    /// The descriptor behind the object, if what it reads is what the descriptor has.
    ///
    /// `fileno()` alone proves nothing: a `GzipFile` has one, but reads something else, and a subclass may read as it likes.
    /// So what counts is whose `read` is called: one of Python's own binary files, be it behind a wrapper such as those of
    /// `tempfile` or Django's `File`.
    pub(crate) fn real_file(&self, py: Python<'_>) -> PyResult<Option<RealFile>> {
        let read = self.filelike.bind(py).getattr("read")?;
        let read = read.getattr_opt("__wrapped__")?.unwrap_or(read);
        let Some(file) = read.getattr_opt("__self__")? else { return Ok(None) };
        let io = py.import("io")?;
        let is_exactly =
            |object: &Bound<'_, PyAny>, name: &str| -> PyResult<bool> { Ok(object.get_type().is(&io.getattr(name)?)) };
        let buffered = is_exactly(&file, "BufferedReader")? || is_exactly(&file, "BufferedRandom")?;
        let real = if buffered { is_exactly(&file.getattr("raw")?, "FileIO")? } else { is_exactly(&file, "FileIO")? };
        if !real {
            return Ok(None);
        }
        let position = file.call_method0("tell").and_then(|position| position.extract::<u64>());
        let descriptor = file.call_method0("fileno").and_then(|descriptor| descriptor.extract::<i32>());
        let (Ok(offset), Ok(descriptor)) = (position, descriptor) else { return Ok(None) };
        let file = File::from(duplicate(descriptor)?);
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() == 0 {
            // Files of the kernel's own (/proc) have contents, but no length.
            return Ok(None);
        }
        Ok(Some(RealFile { file, offset, length: metadata.len().saturating_sub(offset) }))
    }
}

#[pymethods]
impl FileWrapper {
    #[new]
    #[pyo3(signature = (filelike, blksize = 8192))]
    fn new(filelike: Py<PyAny>, blksize: usize) -> Self {
        Self { filelike, blksize: blksize.max(1) }
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        // Large blocks: each is one system call and one turn through the interpreter.
        let block = self.filelike.bind(py).call_method1("read", (self.blksize.max(64 * 1024),))?;
        let ended = match block.cast::<PyBytes>() {
            Ok(bytes) => bytes.as_bytes().is_empty(),
            Err(_) => !block.is_truthy()?,
        };
        Ok((!ended).then_some(block))
    }

    /// Closes the object, if it can be closed.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.filelike.bind(py).getattr_opt("close")? {
            Some(close) => close.call0().map(drop),
            None => Ok(()),
        }
    }
}
