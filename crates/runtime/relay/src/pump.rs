//! Both directions at once: the request to the server, its response to the web server, each as fast as it is taken.
//!
//! Nothing waits here but for the two servers, which have limits of time of their own: the one for a client or an application
//! that stands still, the other for a program that does.

use alloc::vec;
use alloc::vec::Vec;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{FileType, fstat};
use rustix::io::{Errno, pread, pwrite};
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use crate::first_line::FirstLine;
use crate::promise::Promise;
use crate::request::{Request, nameless};

/// So much of either direction is held at most.
const PIECE: usize = 64 * 1024;
/// So much can be written to a pipe that poll(2) calls writable without waiting: PIPE_BUF of Linux (pipe(7)).
const PIPE_ROOM: usize = 4096;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The response has passed, to its end as far as one can tell from the outside.
    Whole,
    /// The connection broke in the middle of the response.
    Cut,
    /// The web server has gone, or has ended the body early. The server sees that by its closed connection.
    PeerGone,
    /// The server ended, without a word, after it had read what was sent.
    Died,
    /// The server ended before it had read what was sent, and that can be sent again.
    NotTaken,
}

/// Hands the request over and the response back.
pub(crate) fn pump(connection: OwnedFd, request: &mut Request) -> Outcome {
    pump_to(connection, request, crate::streams::output())
}

fn pump_to(connection: OwnedFd, request: &mut Request, output: BorrowedFd<'_>) -> Outcome {
    let outcome = exchange(&connection, request, output);
    if outcome == Outcome::Whole && request.remaining() > 0 && is_kind(output, FileType::Socket) {
        // Closed with something unread in it, a socket takes along what its other end has not read yet: the response.
        drop(connection);
        let _ = shutdown(output, Shutdown::Write);
        request.discard(&mut vec![0; PIECE]);
    }
    outcome
}

fn is_kind(descriptor: BorrowedFd<'_>, kind: FileType) -> bool {
    fstat(descriptor).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == kind)
}

fn exchange(connection: &OwnedFd, request: &mut Request, output: BorrowedFd<'_>) -> Outcome {
    let (output_is_pipe, output_is_socket) = (is_kind(output, FileType::Fifo), is_kind(output, FileType::Socket));
    let mut outgoing = Outgoing::new(request.temporary());
    outgoing.buffer.fill(request.begun());
    let mut incoming = Buffer::default();
    let mut first_line = FirstLine::new(request.is_nph());
    let mut promise = Promise::new(request.is_head());
    let mut scratch = vec![0; PIECE];
    // The server may answer, and close its side, before it has read the whole body.
    let (mut takes, mut answered, mut ended) = (true, false, false);
    // The body has ended before its length was reached.
    let mut cut = false;
    loop {
        if ended && incoming.is_empty() {
            return Outcome::Whole;
        }
        // Also what the server does not take yet: some web servers read nothing before they have written all of it.
        let wants_body = takes && request.remaining() > 0;
        let mut interest = PollFlags::empty();
        interest.set(PollFlags::IN, !ended && incoming.is_empty());
        interest.set(PollFlags::OUT, takes && !outgoing.is_empty());
        let writing = if incoming.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        let (from_server, to_web_server, from_web_server) = {
            let mut sources = [
                PollFd::new(&output, writing),
                PollFd::from_borrowed_fd(connection.as_fd(), interest),
                PollFd::from_borrowed_fd(request.source(), PollFlags::IN),
            ];
            // The end of a connection is reported for ever, asked for or not.
            if interest.is_empty() {
                sources[1] = PollFd::new(&output, writing);
            }
            let count = if wants_body { 3 } else { 2 };
            match poll(&mut sources[..count], None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => return Outcome::PeerGone,
            }
            (sources[1].revents(), sources[0].revents(), sources[2].revents())
        };

        if !to_web_server.is_empty() {
            if incoming.is_empty() {
                // Nothing was asked: its reader is gone.
                return Outcome::PeerGone;
            }
            let room = if output_is_pipe { PIPE_ROOM } else { PIECE };
            let data = incoming.first(room);
            let written = if output_is_socket {
                send(output, data, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
            } else {
                rustix::io::write(output, data)
            };
            match written {
                Ok(count) => incoming.take(count),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => return Outcome::PeerGone,
            }
        }
        if wants_body && !from_web_server.is_empty() {
            match request.read_body(&mut scratch) {
                Ok(count) if count > 0 => takes = outgoing.put(&scratch[..count]).is_ok(),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Ok(_) | Err(_) => {
                    // The server is to see it; whatever it still says is passed on.
                    cut = true;
                    takes = false;
                    let _ = shutdown(connection, Shutdown::Write);
                }
            }
        }
        if takes && !outgoing.is_empty() {
            match send(connection, outgoing.buffer.first(PIECE), SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(count) => takes = outgoing.take(count).is_ok(),
                Err(Errno::AGAIN | Errno::INTR) => {}
                // It has answered already, or the reading below will tell.
                Err(_) => takes = false,
            }
        }
        if !ended && incoming.is_empty() && (!from_server.is_empty() || !takes) {
            match recv(connection, &mut scratch, RecvFlags::DONTWAIT) {
                Ok((_, 0)) if answered && promise.is_open() => return Outcome::Cut,
                Ok((_, 0)) if answered => ended = true,
                Ok((_, 0)) if cut => return Outcome::PeerGone,
                Ok((_, 0)) => return Outcome::Died,
                Ok((count, _)) => {
                    promise.note(&scratch[..count]);
                    incoming.fill(&first_line.pass(&scratch[..count]));
                    answered |= !incoming.is_empty();
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) if answered => return Outcome::Cut,
                // The kernel says so of a connection that was never accepted, and of one with something unread. The
                // application gets a request as a whole, so it has not seen this one.
                Err(_) if request.can_begin_again() => return Outcome::NotTaken,
                Err(_) => return Outcome::Died,
            }
        }
    }
}

/// What the server has not taken: a buffer in memory, and behind it a file for what does not fit.
#[derive(Debug)]
struct Outgoing {
    buffer: Buffer,
    spool: Option<Spool>,
    /// The directory for the file.
    temporary: &'static [u8],
}

#[derive(Debug)]
struct Spool {
    file: OwnedFd,
    written: u64,
    taken: u64,
}

impl Outgoing {
    fn new(temporary: &'static [u8]) -> Self {
        Self { buffer: Buffer::default(), spool: None, temporary }
    }

    fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    fn put(&mut self, mut data: &[u8]) -> Result<(), Errno> {
        let spool = match &mut self.spool {
            None if self.buffer.is_empty() => {
                self.buffer.fill(data);
                return Ok(());
            }
            Some(spool) => spool,
            none => none.insert(Spool { file: nameless(self.temporary)?, written: 0, taken: 0 }),
        };
        while !data.is_empty() {
            let count = pwrite(&spool.file, data, spool.written)?;
            spool.written += count as u64;
            data = &data[count..];
        }
        Ok(())
    }

    fn take(&mut self, count: usize) -> Result<(), Errno> {
        self.buffer.take(count);
        if let Some(spool) = self.spool.as_mut().filter(|_| self.buffer.is_empty()) {
            let room = PIECE.min(usize::try_from(spool.written - spool.taken).unwrap_or(PIECE));
            let count = pread(&spool.file, self.buffer.room(room), spool.taken)?;
            self.buffer.keep(count);
            spool.taken += count as u64;
            if count == 0 {
                // Somebody has shortened a file that has no name.
                return Err(Errno::IO);
            }
            if spool.taken == spool.written {
                self.spool = None;
            }
        }
        Ok(())
    }
}

/// Bytes on their way.
#[derive(Debug, Default)]
struct Buffer {
    data: Vec<u8>,
    taken: usize,
}

impl Buffer {
    fn is_empty(&self) -> bool {
        self.taken == self.data.len()
    }

    /// Puts something into an empty buffer.
    fn fill(&mut self, data: &[u8]) {
        self.data.clear();
        self.taken = 0;
        self.data.extend_from_slice(data);
    }

    /// Room for so many bytes in an empty buffer; `keep` says how many were written to it.
    fn room(&mut self, count: usize) -> &mut [u8] {
        self.taken = 0;
        self.data.clear();
        self.data.resize(count, 0);
        &mut self.data
    }

    fn keep(&mut self, count: usize) {
        self.data.truncate(count);
    }

    fn first(&self, most: usize) -> &[u8] {
        let rest = &self.data[self.taken..];
        &rest[..rest.len().min(most)]
    }

    fn take(&mut self, count: usize) {
        self.taken += count;
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::thread;

    use super::*;
    use crate::environment::Environment;

    fn request() -> Request {
        Request::read(&Environment::new(vec![b"REQUEST_METHOD=GET"])).unwrap()
    }

    /// What comes of a server that does this.
    fn outcome(server: impl FnOnce(UnixStream) + Send + 'static) -> (Outcome, Vec<u8>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (result, output) = rustix::pipe::pipe().unwrap();
        let reading = thread::spawn(move || {
            let mut data = Vec::new();
            File::from(result).read_to_end(&mut data).unwrap();
            data
        });
        let serving = thread::spawn(move || server(theirs));
        let outcome = pump_to(ours.into(), &mut request(), output.as_fd());
        drop(output);
        serving.join().unwrap();
        (outcome, reading.join().unwrap())
    }

    fn read_head(stream: &mut UnixStream) {
        let mut data = vec![0; request().begun().len()];
        stream.read_exact(&mut data).unwrap();
        assert_eq!(data, request().begun());
    }

    #[test]
    fn a_response_of_any_size_passes() {
        let (outcome, data) = outcome(|mut stream| {
            read_head(&mut stream);
            stream.write_all(b"Content-Length: 1000000\r\n\r\n").unwrap();
            stream.write_all(&[b'x'; 1_000_000]).unwrap();
        });
        assert_eq!((outcome, data.len()), (Outcome::Whole, 1_000_027));
    }

    #[test]
    fn a_response_that_is_shorter_than_it_has_promised_is_cut() {
        let (outcome, data) = outcome(|mut stream| {
            read_head(&mut stream);
            stream.write_all(b"Content-Length: 4\r\n\r\nabc").unwrap();
        });
        assert_eq!((outcome, &*data), (Outcome::Cut, &b"Content-Length: 4\r\n\r\nabc"[..]));
    }

    #[test]
    fn what_the_server_does_not_take_waits_in_order() {
        let mut outgoing = Outgoing::new(b"/tmp");
        let mut expected = Vec::new();
        let mut taken = Vec::new();
        for round in 0..300_u32 {
            let data = round.to_le_bytes().repeat(500);
            outgoing.put(&data).unwrap();
            expected.extend_from_slice(&data);
            for _ in 0..round % 3 {
                let count = outgoing.buffer.first(1500).len();
                taken.extend_from_slice(outgoing.buffer.first(1500));
                outgoing.take(count).unwrap();
            }
        }
        while !outgoing.is_empty() {
            let count = outgoing.buffer.first(PIECE).len();
            taken.extend_from_slice(outgoing.buffer.first(PIECE));
            outgoing.take(count).unwrap();
        }
        assert!(taken == expected && outgoing.spool.is_none());
    }

    #[test]
    fn a_server_that_ends_without_a_word_has_died() {
        assert_eq!(outcome(|mut stream| read_head(&mut stream)), (Outcome::Died, Vec::new()));
    }

    #[test]
    fn what_was_not_read_is_handed_over_again() {
        let (result, _) = outcome(|mut stream| stream.read_exact(&mut [0]).unwrap());
        assert_eq!(result, Outcome::NotTaken);
        // A connection that nobody has accepted.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let connection = UnixStream::connect(&path).unwrap();
        let (_result, output) = rustix::pipe::pipe().unwrap();
        let closing = thread::spawn(move || {
            thread::sleep(std::time::Duration::from_millis(50));
            drop(listener);
        });
        assert_eq!(pump_to(connection.into(), &mut request(), output.as_fd()), Outcome::NotTaken);
        closing.join().unwrap();
    }

    #[test]
    fn a_web_server_that_has_gone_is_noticed_while_the_server_is_silent() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (result, output) = rustix::pipe::pipe().unwrap();
        let leaving = thread::spawn(move || {
            thread::sleep(std::time::Duration::from_millis(50));
            drop(result);
        });
        assert_eq!(pump_to(ours.into(), &mut request(), output.as_fd()), Outcome::PeerGone);
        leaving.join().unwrap();
        drop(theirs);
    }
}
