//! What is still to be sent on a connection.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use millau_gateway::Bytes;
use rustix::io::Errno;
use rustix::net::SendFlags;

use crate::response_spool::{ResponseSpool, Spill};
use crate::wire::Frames;

/// Above this, bytes that can be shared are sent from where they are instead of being copied behind the head.
const COPY_BELOW: usize = 4 * 1024;
/// A buffer that has grown past this is given back when it is empty.
const KEEP_BELOW: usize = 64 * 1024;
/// How many pieces go into one system call.
const PIECES: usize = 16;
/// How much of a file goes into one system call.
const FILE_PIECE: u64 = 1024 * 1024;

/// Bytes in the order in which they go out: first the queue, then the buffer.
///
/// The queue is empty unless something large was shared, so that a small response is one buffer and one `send`.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Piece>,
    buffer: Vec<u8>,
    /// How much of the first piece (or of the buffer, when the queue is empty) has gone.
    sent: usize,
    /// Bytes in memory that have not gone; those of a file do not count.
    pending: usize,
    /// What was moved from memory to disk.
    spill: Option<Spill>,
}

enum Piece {
    Copied(Vec<u8>),
    Shared(Bytes),
    File {
        file: Arc<File>,
        offset: u64,
        length: u64,
    },
    /// A stretch of a file that is wrapped frame by frame when its turn has come: a large file makes many frames.
    Framed {
        file: Arc<File>,
        offset: u64,
        length: u64,
        frames: Frames,
    },
    /// A part of the spill.
    Spilled {
        offset: u64,
        length: u64,
    },
}

/// How far [`Outbox::send`] came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Everything has gone.
    All,
    /// The peer does not take more now.
    Blocked,
}

impl Outbox {
    /// Lets `write` append to the buffer; it takes nothing away.
    pub(crate) fn append<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let before = self.buffer.len();
        let result = write(&mut self.buffer);
        self.pending += self.buffer.len() - before;
        result
    }

    /// Moves what waits in memory to disk, if there is room in the spool. `false`: there is none, or the disk took no more;
    /// then it waits in memory, or some of it.
    pub(crate) fn spill(&mut self, spool: &Arc<ResponseSpool>) -> bool {
        self.close_buffer();
        let Self { queue, sent, pending, spill, .. } = self;
        Spill::add(spill, spool, *pending as u64, |spill| {
            let mut result = Ok(());
            for piece in std::mem::take(queue) {
                let bytes: &[u8] = match &piece {
                    Piece::Copied(bytes) => bytes,
                    Piece::Shared(bytes) => bytes,
                    Piece::File { .. } | Piece::Framed { .. } | Piece::Spilled { .. } => &[],
                };
                // Only the first piece may have gone in part.
                let bytes = if queue.is_empty() { &bytes[(*sent).min(bytes.len())..] } else { bytes };
                if bytes.is_empty() || result.is_err() {
                    queue.push_back(piece);
                    continue;
                }
                match spill.put(bytes) {
                    Ok(offset) => {
                        *sent = 0;
                        *pending -= bytes.len();
                        push_spilled(queue, offset, bytes.len() as u64);
                    }
                    Err(error) => {
                        result = Err(error);
                        queue.push_back(piece);
                    }
                }
            }
            result
        })
    }

    /// For how long the reader has taken nothing of what is on disk.
    pub(crate) fn stalled(&self) -> Duration {
        self.spill.as_ref().map_or(Duration::ZERO, Spill::stalled)
    }

    pub(crate) fn push(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
        self.pending += data.len();
    }

    pub(crate) fn push_shared(&mut self, data: Bytes) {
        if data.len() < COPY_BELOW {
            return self.push(&data);
        }
        self.close_buffer();
        self.pending += data.len();
        self.queue.push_back(Piece::Shared(data));
    }

    pub(crate) fn push_file(&mut self, file: File, offset: u64, length: u64, frames: Frames) {
        if length > 0 {
            self.close_buffer();
            let file = Arc::new(file);
            self.queue.push_back(match frames.prefix {
                None => Piece::File { file, offset, length },
                Some(_) => Piece::Framed { file, offset, length, frames },
            });
        }
    }

    /// Makes the next frame of a file that is first in the queue.
    fn unfold(&mut self) {
        let Some(Piece::Framed { file, offset, length, frames }) = self.queue.pop_front() else { return };
        let mut before = Vec::new();
        let part = frames.prefix.map_or(length, |prefix| prefix(&mut before, length, frames.key)).clamp(1, length);
        if part < length {
            let (offset, length) = (offset + part, length - part);
            self.queue.push_front(Piece::Framed { file: file.clone(), offset, length, frames });
        }
        self.pending += before.len() + frames.suffix.len();
        if !frames.suffix.is_empty() {
            self.queue.push_front(Piece::Shared(Bytes::from_static(frames.suffix)));
        }
        self.queue.push_front(Piece::File { file, offset, length: part });
        self.queue.push_front(Piece::Copied(before));
    }

    /// Bytes in memory that wait for the peer.
    pub(crate) fn pending(&self) -> usize {
        self.pending
    }

    /// Forgets everything; keeps a buffer of ordinary size.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.spill = None;
        self.sent = 0;
        self.pending = 0;
        self.buffer.clear();
        if self.buffer.capacity() > KEEP_BELOW {
            self.buffer = Vec::new();
        }
    }

    /// Sends until everything has gone or the socket takes no more. Never waits.
    ///
    /// # Errors
    /// The peer is gone, or a file that was promised can no longer be read (`UnexpectedEof`).
    pub(crate) fn send(&mut self, socket: BorrowedFd<'_>) -> io::Result<Sent> {
        self.send_with(socket, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
    }

    /// Like [`Outbox::send`] for a connection on which the caller ends its side right behind: the kernel may keep the last
    /// bytes until then, and what would be two packets becomes one.
    ///
    /// # Errors
    /// As [`Outbox::send`].
    pub(crate) fn send_last(&mut self, socket: BorrowedFd<'_>) -> io::Result<Sent> {
        self.send_with(socket, SendFlags::NOSIGNAL | SendFlags::DONTWAIT | SendFlags::MORE)
    }

    fn send_with(&mut self, socket: BorrowedFd<'_>, flags: SendFlags) -> io::Result<Sent> {
        loop {
            let progress = match self.queue.front() {
                None if self.sent == self.buffer.len() => {
                    self.clear();
                    return Ok(Sent::All);
                }
                None => rustix::net::send(socket, &self.buffer[self.sent..], flags),
                Some(Piece::Framed { .. }) => {
                    self.unfold();
                    continue;
                }
                Some(Piece::File { .. } | Piece::Spilled { .. }) => {
                    let mut spilled = false;
                    let (file, offset, length) = match (self.queue.front_mut(), &mut self.spill) {
                        (Some(Piece::File { file, offset, length }), _) => (&**file, offset, length),
                        (Some(Piece::Spilled { offset, length }), Some(spill)) => {
                            spilled = true;
                            (&spill.file, offset, length)
                        }
                        _ => return Err(io::ErrorKind::NotFound.into()),
                    };
                    let piece = usize::try_from((*length).min(FILE_PIECE)).unwrap_or(usize::MAX);
                    let sent = rustix::fs::sendfile(socket, file, Some(offset), piece);
                    if sent == Ok(0) {
                        return Err(io::Error::new(
                            io::ErrorKind::UnexpectedEof,
                            "the file became shorter while it was sent",
                        ));
                    }
                    if let Ok(sent) = sent {
                        *length -= sent as u64;
                        if *length == 0 {
                            self.queue.pop_front();
                        }
                        if let (true, Some(spill)) = (spilled, &mut self.spill) {
                            spill.sent(sent as u64);
                        }
                        continue;
                    }
                    sent
                }
                Some(_) => self.send_pieces(socket, flags),
            };
            match progress {
                Ok(sent) => self.advance(sent),
                Err(Errno::AGAIN) => return Ok(Sent::Blocked),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn send_pieces(&self, socket: BorrowedFd<'_>, flags: SendFlags) -> rustix::io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); PIECES];
        let mut count = 0;
        let mut skip = self.sent;
        let mut to_the_end = true;
        for piece in &self.queue {
            let bytes: &[u8] = match piece {
                Piece::Copied(bytes) => bytes,
                Piece::Shared(bytes) => bytes,
                Piece::File { .. } | Piece::Framed { .. } | Piece::Spilled { .. } => {
                    to_the_end = false;
                    break;
                }
            };
            if count == PIECES {
                to_the_end = false;
                break;
            }
            slices[count] = IoSlice::new(&bytes[skip..]);
            skip = 0;
            count += 1;
        }
        if to_the_end && count < PIECES && !self.buffer.is_empty() {
            slices[count] = IoSlice::new(&self.buffer);
            count += 1;
        }
        let mut none = rustix::net::SendAncillaryBuffer::default();
        rustix::net::sendmsg(socket, &slices[..count], &mut none, flags)
    }

    fn advance(&mut self, mut sent: usize) {
        self.pending -= sent;
        while let Some(piece) = self.queue.front() {
            let left = match piece {
                Piece::Copied(bytes) => bytes.len() - self.sent,
                Piece::Shared(bytes) => bytes.len() - self.sent,
                Piece::File { .. } | Piece::Framed { .. } | Piece::Spilled { .. } => break,
            };
            if sent < left {
                break;
            }
            sent -= left;
            self.sent = 0;
            self.queue.pop_front();
        }
        self.sent += sent;
    }

    /// Moves the buffer into the queue, because something else comes behind it.
    fn close_buffer(&mut self) {
        if !self.buffer.is_empty() {
            self.queue.push_back(Piece::Copied(std::mem::take(&mut self.buffer)));
        }
    }
}

/// Puts a stretch of the spill at the end of the queue.
fn push_spilled(queue: &mut VecDeque<Piece>, offset: u64, added: u64) {
    match queue.back_mut() {
        Some(Piece::Spilled { offset: start, length }) if *start + *length == offset => *length += added,
        _ => queue.push_back(Piece::Spilled { offset, length: added }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsFd;

    fn pair() -> (std::os::fd::OwnedFd, std::os::unix::net::UnixStream) {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).expect("a socket pair");
        rustix::io::ioctl_fionbio(&ours, true).expect("non-blocking");
        (ours, theirs.into())
    }

    #[test]
    fn everything_goes_out_in_order_however_slowly_it_is_taken() {
        let (ours, mut theirs) = pair();
        theirs.set_nonblocking(true).unwrap();
        let mut file = tempfile();
        file.write_all(&vec![b'f'; 300_000]).unwrap();
        let mut outbox = Outbox::default();
        outbox.push(b"head");
        outbox.push_shared(vec![b's'; 200_000].into());
        outbox.push_file(file, 100_000, 200_000, Frames::NONE);
        outbox.push(b"tail");
        outbox.push_shared(Bytes::from_static(b"small"));
        assert_eq!(outbox.pending(), 200_013);
        let mut received = Vec::new();
        let mut blocked = 0;
        loop {
            let sent = outbox.send(ours.as_fd()).unwrap();
            let mut piece = [0; 10_000];
            if let Ok(length) = theirs.read(&mut piece) {
                received.extend_from_slice(&piece[..length]);
            }
            if sent == Sent::All {
                break;
            }
            blocked += 1;
        }
        drop(ours);
        theirs.set_nonblocking(false).unwrap();
        theirs.read_to_end(&mut received).unwrap();
        let mut expected = b"head".to_vec();
        expected.extend(vec![b's'; 200_000]);
        expected.extend(vec![b'f'; 200_000]);
        expected.extend(b"tailsmall");
        assert!(received == expected && blocked > 0);
        assert_eq!(outbox.pending(), 0);
    }

    #[test]
    fn what_is_spilled_goes_out_in_its_place() {
        let (ours, mut theirs) = pair();
        let spool = Arc::new(ResponseSpool::new(1 << 20));
        let mut outbox = Outbox::default();
        let mut expected = Vec::new();
        for round in 0..3 {
            outbox.push(b"small;");
            outbox.push_shared(vec![b'a' + round; 300_000].into());
            let mut file = tempfile();
            file.write_all(b"file;").unwrap();
            outbox.push_file(file, 0, 5, Frames::NONE);
            outbox.push(b"end;");
            expected.extend([&b"small;"[..], &vec![b'a' + round; 300_000], b"file;end;"].concat());
            // The first piece has gone in part.
            assert_eq!(outbox.send(ours.as_fd()).unwrap(), Sent::Blocked);
            assert!(outbox.spill(&spool));
            assert_eq!(outbox.pending(), 0);
        }
        outbox.push(b"memory");
        expected.extend(b"memory");
        let mut received = Vec::new();
        let mut piece = vec![0; 100_000];
        while outbox.send(ours.as_fd()).unwrap() == Sent::Blocked {
            let length = theirs.read(&mut piece).unwrap();
            received.extend_from_slice(&piece[..length]);
        }
        drop(ours);
        theirs.read_to_end(&mut received).unwrap();
        assert!(received == expected);
    }

    #[test]
    fn what_finds_no_room_on_disk_stays_in_memory() {
        let (ours, mut theirs) = pair();
        let mut outbox = Outbox::default();
        outbox.push(b"12345");
        assert!(!outbox.spill(&Arc::new(ResponseSpool::new(4))));
        assert_eq!((outbox.pending(), outbox.send(ours.as_fd()).unwrap()), (5, Sent::All));
        drop(ours);
        let mut received = Vec::new();
        theirs.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"12345");
    }

    #[test]
    fn what_is_sent_last_arrives_with_the_end() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut theirs = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        let mut outbox = Outbox::default();
        outbox.push(b"head");
        outbox.push_shared(vec![b's'; 10_000].into());
        outbox.push(b"tail");
        assert_eq!(outbox.send_last(ours.as_fd()).unwrap(), Sent::All);
        drop(ours);
        let mut received = Vec::new();
        theirs.read_to_end(&mut received).unwrap();
        assert_eq!(received, [&b"head"[..], &[b's'; 10_000], b"tail"].concat());
    }

    #[test]
    fn a_file_that_shrinks_is_an_error_and_not_a_short_response() {
        let (ours, _theirs) = pair();
        let mut outbox = Outbox::default();
        outbox.push_file(tempfile(), 0, 10, Frames::NONE);
        assert_eq!(outbox.send(ours.as_fd()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_peer_that_is_gone_is_an_error() {
        let (ours, theirs) = pair();
        drop(theirs);
        let mut outbox = Outbox::default();
        outbox.push(b"x");
        assert_eq!(outbox.send(ours.as_fd()).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    fn tempfile() -> File {
        let directory = std::env::temp_dir();
        let flags = rustix::fs::OFlags::TMPFILE | rustix::fs::OFlags::RDWR;
        rustix::fs::open(directory, flags, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).expect("a file").into()
    }
}
