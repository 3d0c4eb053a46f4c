//! The body of the request: exactly `CONTENT_LENGTH` bytes of a descriptor (RFC 3875 §4.2), or all of it where the web
//! server has undone a chunked body without counting it.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use millau_gateway::Error;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::interrupt::is_interrupted;

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// What is left of a body.
#[derive(Debug)]
pub(crate) struct Input {
    /// `None`: nothing can be read.
    source: Option<File>,
    /// Bytes that are still in the source.
    unread: u64,
    /// What was read before the application wanted it.
    spool: Option<Spool>,
    timeout: Duration,
}

/// A part of the body in a file without a name.
#[derive(Debug)]
struct Spool {
    file: File,
    written: u64,
    taken: u64,
}

impl Input {
    /// A body that has not been looked at; `timeout` is how long it may stand still.
    pub(crate) fn new(source: Option<OwnedFd>, timeout: Duration) -> Self {
        Self { source: source.map(File::from), unread: 0, spool: None, timeout }
    }

    /// So many bytes are to come.
    pub(crate) fn expect(&mut self, length: u64) {
        self.unread = length;
    }

    /// True when the whole body has been handed out.
    pub(crate) fn is_done(&self) -> bool {
        self.unread == 0 && self.spooled() == 0
    }

    /// Bytes in the spool that were not handed out.
    fn spooled(&self) -> u64 {
        self.spool.as_ref().map_or(0, |spool| spool.written - spool.taken)
    }

    /// Reads a body of unknown length to its end, which must come within `limit` bytes, and gives its length. Up to
    /// `buffer` bytes stay in `body`; a longer one goes to the spool as a whole.
    ///
    /// # Errors
    /// The body is too long or too slow, or cannot be kept.
    pub(crate) fn spool(&mut self, body: &mut Vec<u8>, buffer: usize, limit: u64) -> Result<u64, Error> {
        let mut length = 0;
        loop {
            let before = body.len();
            let count = self.read(body, PIECE)? as u64;
            length += count;
            if length > limit {
                return Err(Error::peer(413, "the request's body is larger than this server takes"));
            }
            if count == 0 {
                return Ok(length);
            }
            if self.spool.is_some() || body.len() > buffer {
                let from = if self.spool.is_some() { before } else { 0 };
                self.keep(&body[from..])?;
                body.truncate(from);
            }
        }
    }

    fn keep(&mut self, data: &[u8]) -> Result<(), Error> {
        let mut keep = || -> io::Result<()> {
            let spool = match &mut self.spool {
                Some(spool) => spool,
                none => none.insert(Spool { file: tempfile::tempfile()?, written: 0, taken: 0 }),
            };
            spool.file.write_all_at(data, spool.written)?;
            spool.written += data.len() as u64;
            Ok(())
        };
        keep().map_err(|error| {
            let directory = std::env::temp_dir();
            let what =
                format!("a request body cannot be kept in {} (TMPDIR names another directory)", directory.display());
            Error::operator(what).caused_by(error)
        })
    }

    /// Hands out more, and appends it to `body`; waits until there is something.
    ///
    /// # Errors
    /// The body ends before its length is reached, or stands still.
    pub(crate) fn more(&mut self, body: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(spool) = self.spool.as_mut().filter(|spool| spool.taken < spool.written) {
            let before = body.len();
            let most = usize::try_from(spool.written - spool.taken).unwrap_or(PIECE).min(PIECE);
            body.resize(before + most, 0);
            let count = spool.file.read_at(&mut body[before..], spool.taken);
            body.truncate(before + *count.as_ref().unwrap_or(&0));
            return match count {
                Ok(count) if count > 0 => {
                    spool.taken += count as u64;
                    Ok(())
                }
                Ok(_) => Err(Error::operator("a spooled request body has become shorter")),
                Err(error) => Err(Error::operator("a spooled request body cannot be read").caused_by(error)),
            };
        }
        let wanted = self.wanted();
        let count = self.read(body, wanted)?;
        if count == 0 && wanted > 0 {
            return Err(Error::disconnected("the web server ended the request's body early"));
        }
        self.unread -= count as u64;
        Ok(())
    }

    /// What to poll while something else is waited for, if there is more to read: see [`Input::read_ahead`].
    pub(crate) fn source(&self) -> Option<&File> {
        self.source.as_ref().filter(|_| self.unread > 0)
    }

    /// Reads once, for later, from a source that is readable. A source that fails is not read ahead any more.
    pub(crate) fn read_ahead(&mut self) {
        let mut data = Vec::new();
        let count = self.read(&mut data, self.wanted()).unwrap_or(0);
        if count == 0 || self.keep(&data).is_err() {
            // What is missing, `more` will tell.
            self.source = None;
        } else {
            self.unread -= count as u64;
        }
    }

    /// Reads what nobody wants, to its end or until it stands still.
    pub(crate) fn discard(&mut self) {
        let mut data = Vec::new();
        while self.unread > 0 {
            data.clear();
            match self.read(&mut data, self.wanted()) {
                Ok(count) if count > 0 => self.unread -= count as u64,
                _ => break,
            }
        }
    }

    fn wanted(&self) -> usize {
        usize::try_from(self.unread).unwrap_or(PIECE).min(PIECE)
    }

    fn read(&self, body: &mut Vec<u8>, most: usize) -> Result<usize, Error> {
        let Some(mut source) = self.source.as_ref() else { return Ok(0) };
        let broken =
            |error: io::Error| Error::disconnected("the request's body cannot be read any further").caused_by(error);
        let timeout = Timespec::try_from(self.timeout).ok();
        loop {
            if is_interrupted() {
                return Err(Error::disconnected("the web server ends this program"));
            }
            match poll(&mut [PollFd::new(&source, PollFlags::IN)], timeout.as_ref()) {
                Ok(0) => return Err(Error::peer(408, "the body of the request did not arrive in time")),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(broken(error.into())),
                Ok(_) => {}
            }
            let before = body.len();
            body.resize(before + most, 0);
            let read = source.read(&mut body[before..]);
            body.truncate(before + *read.as_ref().unwrap_or(&0));
            match read {
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
                read => return read.map_err(broken),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(bytes: &[u8]) -> Input {
        let (read, write) = rustix::pipe::pipe().unwrap();
        rustix::io::write(&write, bytes).unwrap();
        Input::new(Some(read), Duration::from_secs(5))
    }

    #[test]
    fn nothing_is_read_beyond_the_length() {
        let mut input = input(b"12345next");
        input.expect(5);
        let mut body = b"0".to_vec();
        while !input.is_done() {
            input.more(&mut body).unwrap();
        }
        assert_eq!(body, b"012345");
    }

    #[test]
    fn what_was_read_ahead_comes_first() {
        let mut input = input(b"123456789");
        input.expect(9);
        let mut body = Vec::new();
        input.unread = 3;
        input.more(&mut body).unwrap();
        input.unread = 4;
        input.read_ahead();
        assert!(input.source().is_none() && !input.is_done());
        input.unread = 2;
        while !input.is_done() {
            input.more(&mut body).unwrap();
        }
        assert_eq!(body, b"123456789");
    }

    #[test]
    fn a_body_that_is_cut_is_never_whole() {
        let mut input = input(b"1234");
        input.expect(5);
        let mut body = Vec::new();
        input.more(&mut body).unwrap();
        assert!(input.more(&mut body).unwrap_err().is_disconnect());
        let mut closed = Input::new(None, Duration::from_secs(5));
        closed.expect(1);
        assert!(closed.more(&mut body).unwrap_err().is_disconnect());
    }

    #[test]
    fn a_body_that_stands_still_is_given_up() {
        let (read, _write) = rustix::pipe::pipe().unwrap();
        let mut input = Input::new(Some(read), Duration::from_millis(20));
        input.expect(1);
        assert_eq!(input.more(&mut Vec::new()).unwrap_err().status(), 408);
    }

    #[test]
    fn a_body_without_a_length_is_read_to_its_end() {
        for buffer in [0, 3, 5, 100] {
            let mut input = input(b"12345");
            let mut body = Vec::new();
            assert_eq!(input.spool(&mut body, buffer, 5).unwrap(), 5, "buffer {buffer}");
            while !input.is_done() {
                input.more(&mut body).unwrap();
            }
            assert_eq!(body, b"12345", "buffer {buffer}");
        }
        assert_eq!(input(b"123456").spool(&mut Vec::new(), 100, 5).unwrap_err().status(), 413);
    }
}
