//! A request body on disk: for a chunked body that outgrows its buffer, and for a larger body of any kind while enough
//! threads wait for slow senders.
//!
//! The length of a chunked body is known only at its end, and there are applications that read no further than
//! CONTENT_LENGTH says: they would take such a body for empty. So they are called when it is whole.
//!
//! The bodies of a worker share one limit. What finds no room is not read from its client, until there is some. Bodies that
//! grow side by side must not fill the disk with beginnings of which none can end: beyond a quarter of the limit only the one
//! that began first grows.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millau_log::off_standard_streams;

use crate::disk_share::DiskShare;

/// How much of the disk the request bodies of a worker may take.
pub(crate) struct RequestSpool {
    share: DiskShare,
    /// The bodies that have begun and not ended, by when they began.
    growing: Mutex<BTreeSet<u64>>,
    begun: AtomicU64,
}

impl RequestSpool {
    pub(crate) fn new(limit: u64) -> Self {
        let share = DiskShare::new(limit, "request bodies", "(--request-spool): further ones wait until there is room");
        Self { share, growing: Mutex::default(), begun: AtomicU64::new(0) }
    }

    /// The most that there can be.
    pub(crate) fn limit(&self) -> u64 {
        self.share.limit()
    }

    /// True when a body could take so much now; `spool`: what it has already.
    pub(crate) fn has_room(&self, spool: Option<&Spool>, length: u64) -> bool {
        let is_first = || self.growing().first().is_none_or(|first| spool.is_some_and(|spool| spool.turn == *first));
        self.share.has_room(length) && (self.share.taken() + length <= self.limit() / 4 || is_first())
    }

    fn growing(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file without a name; it is gone when this is dropped, whatever happens.
pub(crate) struct Spool {
    file: File,
    written: u64,
    read: u64,
    turn: u64,
    room: Arc<RequestSpool>,
}

impl Spool {
    /// Puts bytes behind what is in `spool`, in a file that is made for the first. Nothing may be put in after the first were
    /// taken out. `false`: there is no room for them.
    pub(crate) fn put(spool: &mut Option<Self>, room: &Arc<RequestSpool>, data: &[u8]) -> io::Result<bool> {
        let length = data.len() as u64;
        if !room.has_room(spool.as_ref(), length) {
            room.share.tell();
            return Ok(false);
        }
        if !room.share.take(length) {
            return Ok(false);
        }
        let spool = match spool {
            Some(spool) => spool,
            none => {
                let file = nameless_file().inspect_err(|_| room.share.give_back(length))?;
                let turn = room.begun.fetch_add(1, Relaxed);
                room.growing().insert(turn);
                none.insert(Self { file, written: 0, read: 0, turn, room: room.clone() })
            }
        };
        spool.written += length;
        spool.file.write_all(data)?;
        Ok(true)
    }

    /// Nothing more will be put in: others may grow.
    pub(crate) fn close(&self) {
        self.room.growing().remove(&self.turn);
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
        self.close();
        self.room.share.give_back(self.written);
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
        let room = Arc::new(RequestSpool::new(11));
        let mut spool = None;
        let mut put = |data| Spool::put(&mut spool, &room, data).unwrap();
        assert!(!put(b"hello world!") && put(b"hello ") && !put(b"worlds") && put(b"world"));
        let mut spool = spool.unwrap();
        assert_eq!(spool.length(), 11);
        let mut out = Vec::new();
        while spool.has_more() {
            spool.take(&mut out, 4).unwrap();
        }
        assert_eq!(out, b"hello world");
        assert_eq!(room.share.taken(), 11, "what was read is still on disk");
        drop(spool);
        assert_eq!(room.share.taken(), 0);
    }

    #[test]
    fn the_first_has_room_to_end() {
        let room = Arc::new(RequestSpool::new(40));
        let (mut first, mut second) = (None, None);
        let put = |spool: &mut Option<Spool>, length| Spool::put(spool, &room, &vec![b'x'; length]).unwrap();
        assert!(put(&mut first, 5) && put(&mut second, 5) && !put(&mut second, 1) && put(&mut first, 30));
        assert!(!put(&mut first, 1) && !put(&mut None, 1));
        first.as_ref().unwrap().close();
        assert!(!put(&mut second, 1), "the room is still taken");
        drop(first);
        assert!(put(&mut second, 35) && !put(&mut second, 1));
    }
}
