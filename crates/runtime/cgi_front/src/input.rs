//! The body of the request: exactly `CONTENT_LENGTH` bytes of a descriptor (RFC 3875 §4.2), or all of it where the web
//! server has undone a chunked body without counting it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::time::Duration;

use millau_gateway::Error;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// What is left of a body.
#[derive(Debug)]
pub(crate) struct Input {
    /// `None`: nothing can be read.
    source: Option<File>,
    remaining: u64,
    timeout: Duration,
}

impl Input {
    /// A body that has not been looked at; `timeout` is how long it may stand still.
    pub(crate) fn new(source: Option<OwnedFd>, timeout: Duration) -> Self {
        Self { source: source.map(File::from), remaining: 0, timeout }
    }

    /// So many bytes are to come.
    pub(crate) fn expect(&mut self, length: u64) {
        self.remaining = length;
    }

    /// True when the whole body has been read.
    pub(crate) fn is_done(&self) -> bool {
        self.remaining == 0
    }

    /// Reads a body of unknown length to its end, which must come within `limit` bytes, and gives its length. Up to
    /// `buffer` bytes stay in `body`; a longer one goes to a file without a name, from which it is then read.
    ///
    /// # Errors
    /// The body is too long or too slow, or cannot be kept.
    pub(crate) fn spool(&mut self, body: &mut Vec<u8>, buffer: usize, limit: u64) -> Result<u64, Error> {
        let mut file: Option<File> = None;
        let mut length = 0;
        loop {
            let before = body.len();
            let count = self.read(body, PIECE)? as u64;
            length += count;
            if length > limit {
                return Err(Error::peer(413, "the request's body is larger than this server takes"));
            }
            if count == 0 {
                break;
            }
            if file.is_some() || body.len() > buffer {
                let spooled = if file.is_some() { before } else { 0 };
                let to = match &mut file {
                    Some(file) => file,
                    none => none.insert(tempfile::tempfile().map_err(kept)?),
                };
                to.write_all(&body[spooled..]).map_err(kept)?;
                body.truncate(spooled);
            }
        }
        if let Some(mut file) = file {
            file.rewind().map_err(kept)?;
            self.source = Some(file);
            self.remaining = length;
        }
        Ok(length)
    }

    /// Takes what is left of a body of known length off the web server: up to `buffer` bytes stay in `body`, more goes to a
    /// file without a name, from which it is then read.
    ///
    /// # Errors
    /// The body ends early or is too slow, or cannot be kept.
    pub(crate) fn take_in(&mut self, body: &mut Vec<u8>, buffer: usize) -> Result<(), Error> {
        if body.len() as u64 + self.remaining <= buffer as u64 {
            while !self.is_done() {
                self.more(body)?;
            }
            return Ok(());
        }
        let mut file = tempfile::tempfile().map_err(kept)?;
        let length = self.remaining;
        let mut piece = Vec::new();
        while !self.is_done() {
            piece.clear();
            self.more(&mut piece)?;
            file.write_all(&piece).map_err(kept)?;
        }
        file.rewind().map_err(kept)?;
        self.source = Some(file);
        self.remaining = length;
        Ok(())
    }

    /// Reads what is left and forgets it, as far as it comes.
    pub(crate) fn discard(&mut self) {
        let mut piece = Vec::new();
        while !self.is_done() && self.more(&mut piece).is_ok() {
            piece.clear();
        }
        self.remaining = 0;
    }

    /// Reads once and appends to `body`; waits until there is something.
    ///
    /// # Errors
    /// The body ends before its length is reached, or stands still.
    pub(crate) fn more(&mut self, body: &mut Vec<u8>) -> Result<(), Error> {
        let wanted = usize::try_from(self.remaining).unwrap_or(PIECE).min(PIECE);
        let count = self.read(body, wanted)?;
        if count == 0 && wanted > 0 {
            return Err(Error::disconnected("the web server ended the request's body early"));
        }
        self.remaining -= count as u64;
        Ok(())
    }

    fn read(&self, body: &mut Vec<u8>, most: usize) -> Result<usize, Error> {
        let Some(mut source) = self.source.as_ref() else { return Ok(0) };
        let broken =
            |error: io::Error| Error::disconnected("the request's body cannot be read any further").caused_by(error);
        let timeout = Timespec::try_from(self.timeout).ok();
        loop {
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

fn kept(error: io::Error) -> Error {
    let directory = std::env::temp_dir();
    let what = format!("a request body cannot be kept in {} (TMPDIR names another directory)", directory.display());
    Error::operator(what).caused_by(error)
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
