//! Responses on disk: what slow readers leave, beyond what is kept for them in memory.
//!
//! The files of all responses of a worker share one limit. What finds no room there makes its application wait.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::disk_share::DiskShare;
use crate::spool::nameless_file;

/// How much of the disk the responses of a worker have taken.
pub(crate) struct ResponseSpool {
    share: DiskShare,
    /// Whoever writes. One at a time: producers of what nobody reads would keep disk and interpreter busy together.
    turn: Mutex<()>,
}

impl ResponseSpool {
    pub(crate) fn new(limit: u64) -> Self {
        let consequence = "(--response-spool): the application waits for its readers";
        Self { share: DiskShare::new(limit, "responses to slow readers", consequence), turn: Mutex::new(()) }
    }
}

/// The part of one response that is on disk: a file without a name.
pub(crate) struct Spill {
    pub(crate) file: File,
    length: u64,
    unsent: u64,
    /// When the reader last took something of it.
    moved: Instant,
    spool: Arc<ResponseSpool>,
}

impl Spill {
    /// Lets `write` add up to `length` bytes to what is in `spill`, if there is room for them. `false`: there is none.
    pub(crate) fn add(
        spill: &mut Option<Self>,
        spool: &Arc<ResponseSpool>,
        length: u64,
        write: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> bool {
        let _turn = spool.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // A file of which all has gone gives its room back.
        if spill.as_ref().is_some_and(|spill| spill.unsent == 0) {
            *spill = None;
        }
        if !spool.share.take(length) {
            return false;
        }
        let before = spill.as_ref().map_or(0, |spill| spill.length);
        let result = match &mut *spill {
            Some(spill) => write(spill),
            none => Self::new(spool).and_then(|made| write(none.insert(made))),
        };
        let added = spill.as_ref().map_or(0, |spill| spill.length) - before;
        spool.share.give_back(length - added);
        if let Err(error) = &result {
            spool.share.failed(error);
        }
        result.is_ok()
    }

    fn new(spool: &Arc<ResponseSpool>) -> io::Result<Self> {
        Ok(Self { file: nameless_file()?, length: 0, unsent: 0, moved: Instant::now(), spool: spool.clone() })
    }

    /// Puts bytes in, at the end, and says where they are.
    pub(crate) fn put(&mut self, data: &[u8]) -> io::Result<u64> {
        let offset = self.length;
        self.file.write_all_at(data, offset)?;
        self.length += data.len() as u64;
        self.unsent += data.len() as u64;
        Ok(offset)
    }

    /// The reader has taken so many bytes.
    pub(crate) fn sent(&mut self, length: u64) {
        self.unsent -= length;
        self.moved = Instant::now();
    }

    /// For how long the reader has taken nothing.
    pub(crate) fn stalled(&self) -> Duration {
        self.moved.elapsed()
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        self.spool.share.give_back(self.length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(spill: &mut Option<Spill>, spool: &Arc<ResponseSpool>, data: &[u8]) -> bool {
        Spill::add(spill, spool, data.len() as u64, |spill| spill.put(data).map(drop))
    }

    #[test]
    fn all_responses_share_one_limit() {
        let spool = Arc::new(ResponseSpool::new(10));
        let (mut one, mut other) = (None, None);
        assert!(add(&mut one, &spool, b"123456") && !add(&mut other, &spool, b"12345") && other.is_none());
        assert!(add(&mut other, &spool, b"1234") && !add(&mut one, &spool, b"7"));
        drop(other);
        assert!(add(&mut one, &spool, b"7890"));
        drop(one);
        assert_eq!(spool.share.taken(), 0);
    }

    #[test]
    fn a_file_that_is_sent_makes_room() {
        let spool = Arc::new(ResponseSpool::new(10));
        let mut spill = None;
        assert!(add(&mut spill, &spool, b"1234567890") && !add(&mut spill, &spool, b"1"));
        spill.as_mut().unwrap().sent(9);
        assert!(!add(&mut spill, &spool, b"1"), "what was sent is still on disk");
        spill.as_mut().unwrap().sent(1);
        assert!(add(&mut spill, &spool, b"1234567890"));
    }

    #[test]
    fn what_could_not_be_written_takes_no_room() {
        let spool = Arc::new(ResponseSpool::new(10));
        let mut spill = None;
        assert!(!Spill::add(&mut spill, &spool, 8, |_| Err(io::ErrorKind::StorageFull.into())));
        assert!(add(&mut spill, &spool, b"1234567890"));
    }
}
