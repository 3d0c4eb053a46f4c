//! A request body on disk: for a chunked body that outgrows its buffer, and for a larger body of any kind while enough
//! threads wait for slow senders.
//!
//! The length of a chunked body is known only at its end, and there are applications that read no further than
//! CONTENT_LENGTH says: they would take such a body for empty. So they are called when it is whole.
//!
//! The bodies of a worker share one limit. What finds no room is not read from its client, until there is some.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::sync::Arc;

use millau_log::off_standard_streams;

use crate::disk_share::DiskShare;

/// How much of the disk the request bodies of a worker may take.
pub(crate) fn request_spool(limit: u64) -> DiskShare {
    DiskShare::new(limit, "request bodies", "(--request-spool): further ones wait until there is room")
}

/// A file without a name; it is gone when this is dropped, whatever happens.
pub(crate) struct Spool {
    file: File,
    written: u64,
    read: u64,
    share: Arc<DiskShare>,
}

impl Spool {
    /// Puts bytes behind what is in `spool`, in a file that is made for the first. Nothing may be put in after the first were
    /// taken out. `false`: there is no room for them.
    pub(crate) fn put(spool: &mut Option<Self>, share: &Arc<DiskShare>, data: &[u8]) -> io::Result<bool> {
        let length = data.len() as u64;
        if !share.take(length) {
            return Ok(false);
        }
        let spool = match spool {
            Some(spool) => spool,
            none => {
                let file = nameless_file().inspect_err(|_| share.give_back(length))?;
                none.insert(Self { file, written: 0, read: 0, share: share.clone() })
            }
        };
        spool.written += length;
        spool.file.write_all(data)?;
        Ok(true)
    }

    /// How many bytes were put in.
    pub(crate) fn length(&self) -> u64 {
        self.written
    }

    /// True while there are bytes that were not taken out.
    pub(crate) fn has_more(&self) -> bool {
        self.read < self.written
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

impl Drop for Spool {
    fn drop(&mut self) {
        self.share.give_back(self.written);
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
        let share = Arc::new(request_spool(11));
        let mut spool = None;
        let mut put = |data| Spool::put(&mut spool, &share, data).unwrap();
        assert!(!put(b"hello world!") && put(b"hello ") && !put(b"worlds") && put(b"world"));
        let mut spool = spool.unwrap();
        assert_eq!(spool.length(), 11);
        let mut out = Vec::new();
        while spool.has_more() {
            spool.take(&mut out, 4).unwrap();
        }
        assert_eq!(out, b"hello world");
        assert_eq!(share.taken(), 11, "what was read is still on disk");
        drop(spool);
        assert_eq!(share.taken(), 0);
    }
}
