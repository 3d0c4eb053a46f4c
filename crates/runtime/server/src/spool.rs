//! A request body on disk: for a chunked body that outgrows its buffer.
//!
//! Its length is known only at its end, and there are applications that read no further than CONTENT_LENGTH says: they
//! would take such a body for empty. So they are called when it is whole.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};

use millau_log::off_standard_streams;

/// A file without a name; it is gone when this is dropped, whatever happens.
pub(crate) struct Spool {
    file: File,
    written: u64,
    read: u64,
}

impl Spool {
    /// Makes a file in the directory for temporary files (`TMPDIR`).
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { file: nameless_file()?, written: 0, read: 0 })
    }

    /// How many bytes were put in.
    pub(crate) fn length(&self) -> u64 {
        self.written
    }

    /// True while there are bytes that were not taken out.
    pub(crate) fn has_more(&self) -> bool {
        self.read < self.written
    }

    /// Puts bytes in, at the end. Nothing may be put in after the first were taken out.
    pub(crate) fn put(&mut self, data: &[u8]) -> io::Result<()> {
        self.file.write_all(data)?;
        self.written += data.len() as u64;
        Ok(())
    }

    /// Takes up to `size` bytes out, from the beginning on, and appends them to `to`.
    pub(crate) fn take(&mut self, to: &mut Vec<u8>, size: usize) -> io::Result<()> {
        if self.read == 0 {
            self.file.rewind()?;
        }
        let length = (&mut self.file).take(size as u64).read_to_end(to)?;
        if length == 0 && self.has_more() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the spooled body became shorter"));
        }
        self.read += length as u64;
        Ok(())
    }
}

/// A file in the directory for temporary files (`TMPDIR`), where no application prints.
pub(crate) fn nameless_file() -> io::Result<File> {
    Ok(off_standard_streams(tempfile::tempfile()?.into())?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let mut spool = Spool::new().unwrap();
        spool.put(b"hello ").unwrap();
        spool.put(b"world").unwrap();
        assert_eq!(spool.length(), 11);
        let mut out = Vec::new();
        while spool.has_more() {
            spool.take(&mut out, 4).unwrap();
        }
        assert_eq!(out, b"hello world");
    }
}
