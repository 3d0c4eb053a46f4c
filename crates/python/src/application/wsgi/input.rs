//! `wsgi.input`: the body of the request as a file that ends where the body ends.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::call::{StartResponse, raised};

/// How much is asked for at once where an application wants all.
const PIECE: usize = 64 * 1024;

/// The body of a request (PEP 3333, "Input and Error Streams"). Never reads past its end: there it gives `b""`, always.
/// A body that is cut on its way raises `OSError`; it is never passed off as whole.
#[pyclass(frozen, module = "millau._engine")]
pub(crate) struct Input {
    /// None: there is no body.
    call: Option<Py<StartResponse>>,
}

impl Input {
    /// The body of a request that has none; one serves all.
    pub(crate) fn empty(py: Python<'_>) -> PyResult<Bound<'_, Self>> {
        Bound::new(py, Self { call: None })
    }

    /// The body of this request.
    pub(crate) fn of(call: Py<StartResponse>) -> Self {
        Self { call: Some(call) }
    }

    /// Calls `take` with the bytes that are there, until it is satisfied or the body is at its end. `take` tells how many
    /// it has used, and whether it wants more.
    fn each(&self, py: Python<'_>, mut take: impl FnMut(&[u8]) -> (usize, bool)) -> PyResult<()> {
        let Some(call) = &self.call else { return Ok(()) };
        let call = call.get();
        loop {
            let at_end = {
                let mut state = call.lock();
                let exchange = state.exchange()?;
                let buffered = exchange.buffered();
                if !buffered.is_empty() {
                    let (used, more) = take(buffered);
                    exchange.consume(used);
                    if !more {
                        return Ok(());
                    }
                    continue;
                }
                if exchange.is_body_complete() {
                    // Waits for nothing: it only tells that there is no more.
                    !exchange.fill().map_err(|error| raised(&error))?
                } else {
                    false
                }
            };
            if at_end || !call.wait(py, |channel| channel.fill())? {
                return Ok(());
            }
        }
    }

    /// Reads without a copy in between, if everything that is asked for has arrived.
    fn read_arrived<'py>(&self, py: Python<'py>, size: usize) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some(call) = &self.call else { return Ok(None) };
        let mut state = call.get().lock();
        let exchange = state.exchange()?;
        let buffered = exchange.buffered();
        if buffered.len() < size && !exchange.is_body_complete() {
            return Ok(None);
        }
        let length = buffered.len().min(size);
        let bytes = PyBytes::new(py, &buffered[..length]);
        exchange.consume(length);
        Ok(Some(bytes))
    }

    fn read_up_to(&self, py: Python<'_>, size: usize) -> PyResult<Vec<u8>> {
        let mut data = Vec::new();
        if size == 0 {
            return Ok(data);
        }
        self.each(py, |buffered| {
            let used = buffered.len().min(size - data.len());
            data.extend_from_slice(&buffered[..used]);
            (used, data.len() < size)
        })?;
        Ok(data)
    }

    fn read_line(&self, py: Python<'_>, size: usize) -> PyResult<Vec<u8>> {
        let mut line = Vec::new();
        if size == 0 {
            return Ok(line);
        }
        self.each(py, |buffered| {
            let room = buffered.len().min(size - line.len());
            let end = buffered[..room].iter().position(|byte| *byte == b'\n');
            let used = end.map_or(room, |end| end + 1);
            line.extend_from_slice(&buffered[..used]);
            (used, end.is_none() && line.len() < size)
        })?;
        Ok(line)
    }
}

/// A size argument: absent, `None` and negative mean "all".
fn size_of(argument: Option<&Bound<'_, PyAny>>) -> PyResult<usize> {
    match argument.filter(|size| !size.is_none()) {
        None => Ok(usize::MAX),
        Some(size) => {
            let size: i64 = size.extract().map_err(|_| PyTypeError::new_err("the size must be an int or None"))?;
            Ok(usize::try_from(size).unwrap_or(usize::MAX))
        }
    }
}

#[pymethods]
impl Input {
    /// Reads `size` bytes, fewer only at the end of the body; without a size, all that is left.
    #[pyo3(signature = (size = None, /))]
    fn read<'py>(&self, py: Python<'py>, size: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyBytes>> {
        if let Some(bytes) = self.read_arrived(py, size_of(size)?)? {
            return Ok(bytes);
        }
        Ok(PyBytes::new(py, &self.read_up_to(py, size_of(size)?)?))
    }

    /// Reads at most `size` bytes with as few waits as possible: what is there, or what comes first.
    #[pyo3(signature = (size = None, /))]
    fn read1<'py>(&self, py: Python<'py>, size: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyBytes>> {
        let size = size_of(size)?.min(PIECE);
        let mut data = Vec::new();
        if size > 0 {
            self.each(py, |buffered| {
                let used = buffered.len().min(size);
                data.extend_from_slice(&buffered[..used]);
                (used, false)
            })?;
        }
        Ok(PyBytes::new(py, &data))
    }

    /// Reads one line with its `\n`; at most `size` bytes of it.
    #[pyo3(signature = (size = None, /))]
    fn readline<'py>(&self, py: Python<'py>, size: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.read_line(py, size_of(size)?)?))
    }

    /// Reads lines until they have `hint` bytes together, or all.
    #[pyo3(signature = (hint = None, /))]
    fn readlines<'py>(&self, py: Python<'py>, hint: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyList>> {
        let hint = match size_of(hint)? {
            0 => usize::MAX,
            hint => hint,
        };
        let lines = PyList::empty(py);
        let mut total = 0;
        while total < hint {
            let line = self.read_line(py, usize::MAX)?;
            if line.is_empty() {
                break;
            }
            total += line.len();
            lines.append(PyBytes::new(py, &line))?;
        }
        Ok(lines)
    }

    /// Reads into a writable buffer; gives the number of bytes, 0 at the end of the body.
    #[pyo3(signature = (buffer, /))]
    fn readinto<'py>(&self, py: Python<'py>, buffer: &Bound<'py, PyAny>) -> PyResult<usize> {
        // The buffer protocol came to the stable ABI with Python 3.11 only: memoryview does it for all.
        let view = py.get_type::<pyo3::types::PyMemoryView>().call1((buffer,))?;
        if view.getattr("readonly")?.is_truthy()? {
            return Err(PyTypeError::new_err("readinto() needs a writable buffer"));
        }
        let view = view.call_method1("cast", ("B",))?;
        let data = self.read_up_to(py, view.len()?)?;
        let part = pyo3::types::PySlice::new(py, 0, data.len() as isize, 1);
        view.set_item(part, PyBytes::new(py, &data))?;
        Ok(data.len())
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let line = self.read_line(py, usize::MAX)?;
        Ok((!line.is_empty()).then(|| PyBytes::new(py, &line)))
    }

    /// True.
    fn readable(&self) -> bool {
        true
    }

    /// False: the body can be read once.
    fn seekable(&self) -> bool {
        false
    }

    /// False.
    fn writable(&self) -> bool {
        false
    }

    /// Does nothing: the server closes the stream (PEP 3333).
    fn close(&self) {}

    /// Raises `io.UnsupportedOperation`: no descriptor ends where the body ends.
    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        let unsupported = py.import("io")?.getattr("UnsupportedOperation")?;
        Err(PyErr::from_value(unsupported.call1(("the body of a request has no file descriptor",))?))
    }
}
