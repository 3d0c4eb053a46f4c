//! What is to be written to standard output, in order, and the writing of it.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use millau_gateway::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown, shutdown};

use crate::input::Input;
use crate::interrupt::is_interrupted;

/// How much of a file is read at once.
const PIECE: u64 = 64 * 1024;
/// So much can be written to a pipe that poll(2) calls writable without waiting: PIPE_BUF of Linux (pipe(7)).
const PIPE_ROOM: usize = 4096;

/// A queue before a descriptor. The descriptor is never made non-blocking: that would also concern those who share it.
#[derive(Debug)]
pub(crate) struct Output {
    descriptor: OwnedFd,
    kind: Kind,
    queue: VecDeque<Piece>,
    timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pipe,
    Socket,
    /// A file or a terminal: it takes what it is given.
    Other,
}

#[derive(Debug)]
enum Piece {
    Copied(Vec<u8>),
    Shared(Bytes),
    File { file: File, offset: u64, length: u64 },
}

impl Output {
    /// `timeout`: how long the reader may take nothing.
    pub(crate) fn new(descriptor: OwnedFd, timeout: Duration) -> Self {
        let kind = match fstat(&descriptor).map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Ok(FileType::Fifo) => Kind::Pipe,
            Ok(FileType::Socket) => Kind::Socket,
            _ => Kind::Other,
        };
        Self { descriptor, kind, queue: VecDeque::new(), timeout }
    }

    /// Adds bytes at the end.
    pub(crate) fn push(&mut self, data: &[u8]) {
        match self.queue.back_mut() {
            Some(Piece::Copied(last)) => last.extend_from_slice(data),
            _ => self.queue.push_back(Piece::Copied(data.to_vec())),
        }
    }

    /// Adds bytes without copying them.
    pub(crate) fn push_shared(&mut self, data: Bytes) {
        self.queue.push_back(Piece::Shared(data));
    }

    /// Adds a stretch of a file.
    pub(crate) fn push_file(&mut self, file: File, offset: u64, length: u64) {
        self.queue.push_back(Piece::File { file, offset, length });
    }

    /// True when everything was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Forgets what was not written.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }

    /// Tells the reader that this is the end, where it could not tell that from our closing: a socket may carry the request
    /// as well. True if that was so.
    pub(crate) fn finish(&self) -> bool {
        self.kind == Kind::Socket && shutdown(&self.descriptor, Shutdown::Write).is_ok()
    }

    /// Writes everything; waits as long as the reader goes on reading. Meanwhile the request's body is taken off its hands,
    /// because some web servers read nothing before they have written all of it.
    ///
    /// # Errors
    /// The reader is gone (`BrokenPipe`) or takes nothing (`TimedOut`), a file that was promised can no longer be read, or
    /// this program is to end (`Interrupted`).
    pub(crate) fn drain(&mut self, input: &mut Input) -> io::Result<()> {
        while let Some(piece) = self.queue.front_mut() {
            let mut write_all = |data: &[u8]| write_all(&self.descriptor, self.kind, self.timeout, data, input);
            match piece {
                Piece::Copied(bytes) => write_all(bytes)?,
                Piece::Shared(bytes) => write_all(bytes)?,
                Piece::File { file, offset, length } => {
                    let mut buffer = vec![0; (*length).min(PIECE) as usize];
                    while *length > 0 {
                        let most = (*length).min(PIECE) as usize;
                        let count = file.read_at(&mut buffer[..most], *offset)?;
                        if count == 0 {
                            let what = "the file became shorter while it was sent";
                            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
                        }
                        write_all(&buffer[..count])?;
                        *offset += count as u64;
                        *length -= count as u64;
                    }
                }
            }
            self.queue.pop_front();
        }
        Ok(())
    }
}

fn write_all(
    descriptor: &OwnedFd,
    kind: Kind,
    timeout: Duration,
    mut data: &[u8],
    input: &mut Input,
) -> io::Result<()> {
    let timeout = Timespec::try_from(timeout).ok();
    while !data.is_empty() {
        if is_interrupted() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let (writable, readable) = {
            let writing = PollFd::new(descriptor, PollFlags::OUT);
            let mut both = match input.source() {
                Some(source) => vec![writing, PollFd::new(source, PollFlags::IN)],
                None => vec![writing],
            };
            match poll(&mut both, timeout.as_ref()) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(_) => {}
            }
            (!both[0].revents().is_empty(), both.get(1).is_some_and(|source| !source.revents().is_empty()))
        };
        if !writable {
            if readable {
                input.read_ahead();
            }
            continue;
        }
        let written = match kind {
            Kind::Pipe => rustix::io::write(descriptor, &data[..data.len().min(PIPE_ROOM)]),
            Kind::Socket => rustix::net::send(descriptor, data, SendFlags::NOSIGNAL | SendFlags::DONTWAIT),
            Kind::Other => rustix::io::write(descriptor, data),
        };
        match written {
            Ok(count) => data = &data[count..],
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn no_input() -> Input {
        Input::new(None, PATIENCE)
    }

    fn pairs() -> [(File, OwnedFd); 2] {
        let (pipe, end) = rustix::pipe::pipe().unwrap();
        let (socket, other) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::empty(), None).unwrap();
        [(pipe.into(), end), (socket.into(), other)]
    }

    #[test]
    fn everything_goes_out_in_order() {
        for (mut reader, descriptor) in pairs() {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&[b'f'; 200_000]).unwrap();
            let mut output = Output::new(descriptor, PATIENCE);
            output.push(b"head");
            output.push(b"ers");
            output.push_shared(vec![b's'; 300_000].into());
            output.push_file(file, 50_000, 100_000);
            output.push(b"end");
            let reading = std::thread::spawn(move || {
                let mut read = Vec::new();
                reader.read_to_end(&mut read).unwrap();
                read
            });
            output.drain(&mut no_input()).unwrap();
            assert!(output.is_empty());
            drop(output);
            let expected = [&b"headers"[..], &[b's'; 300_000], &[b'f'; 100_000], b"end"].concat();
            assert!(reading.join().unwrap() == expected);
        }
    }

    #[test]
    fn a_web_server_that_writes_all_before_it_reads_is_not_left_waiting() {
        let (source, body) = rustix::pipe::pipe().unwrap();
        let [(mut reader, descriptor), _] = pairs();
        let mut input = Input::new(Some(source), PATIENCE);
        input.expect(500_000);
        let web_server = std::thread::spawn(move || {
            File::from(body).write_all(&[b'b'; 500_000]).unwrap();
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            read.len()
        });
        let mut output = Output::new(descriptor, PATIENCE);
        output.push(&[b'r'; 500_000]);
        output.drain(&mut input).unwrap();
        drop(output);
        assert_eq!(web_server.join().unwrap(), 500_000);
        let mut body = Vec::new();
        while !input.is_done() {
            input.more(&mut body).unwrap();
        }
        assert!(body == [b'b'; 500_000]);
    }

    #[test]
    fn a_reader_that_is_gone_or_asleep_is_an_error() {
        for (reader, descriptor) in pairs() {
            let mut output = Output::new(descriptor, Duration::from_millis(20));
            output.push(&[0; 1_000_000]);
            assert_eq!(output.drain(&mut no_input()).unwrap_err().kind(), io::ErrorKind::TimedOut);
            drop(reader);
            assert_eq!(output.drain(&mut no_input()).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        }
    }

    #[test]
    fn a_file_that_shrinks_is_an_error_and_not_a_short_response() {
        let [(_reader, descriptor), _] = pairs();
        let mut output = Output::new(descriptor, PATIENCE);
        output.push_file(tempfile::tempfile().unwrap(), 0, 10);
        assert_eq!(output.drain(&mut no_input()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
