//! What a program writes to its standard error: lines for the log, with the program's name.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::io::Errno;

/// Bytes of a line; a longer one is broken.
const LONGEST_LINE: usize = 4 * 1024;
/// Bytes at the end that are kept.
const TAIL: usize = 8 * 1024;
/// Bytes that are logged of one run. The rest is read and counted.
const MOST: usize = 64 * 1024;

/// The reading end, and what is not yet a whole line.
pub(crate) struct StandardError {
    pipe: OwnedFd,
    script: PathBuf,
    line: Vec<u8>,
    /// The last of it, for whoever looks for the cause of a failure.
    tail: Vec<u8>,
    logged: usize,
    dropped: u64,
    ended: bool,
}

impl StandardError {
    /// `pipe` does not block.
    pub(crate) fn new(pipe: OwnedFd, script: PathBuf) -> Self {
        Self { pipe, script, line: Vec::new(), tail: Vec::new(), logged: 0, dropped: 0, ended: false }
    }

    /// True when the program has closed it, and whoever has it from the program.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Reads what is there.
    pub(crate) fn drain(&mut self) {
        let mut piece = [0; 8 * 1024];
        // A program that never stops writing must not keep this thread for ever.
        for _ in 0..32 {
            match rustix::io::read(&self.pipe, &mut piece) {
                Ok(0) => {
                    self.ended = true;
                    return self.end_line();
                }
                Ok(length) => self.take(&piece[..length]),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => {
                    self.ended = true;
                    return;
                }
            }
        }
    }

    /// The last of what was written.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.tail
    }

    fn take(&mut self, data: &[u8]) {
        self.tail.extend_from_slice(data);
        let excess = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..excess);
        for part in data.split_inclusive(|byte| *byte == b'\n') {
            if self.logged >= MOST {
                self.dropped += part.len() as u64;
                continue;
            }
            self.logged += part.len();
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") || self.line.len() >= LONGEST_LINE {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let text = String::from_utf8_lossy(self.line.trim_ascii_end());
        if !text.is_empty() {
            log::warn!("{}: {text}", self.script.display());
        }
        self.line.clear();
    }
}

impl AsFd for StandardError {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl Drop for StandardError {
    fn drop(&mut self) {
        self.end_line();
        if self.dropped > 0 {
            log::warn!("{}: {} bytes more of its standard error were left out", self.script.display(), self.dropped);
        }
    }
}
