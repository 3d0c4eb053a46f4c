//! What the supervisor, a template and its workers say to each other.
//!
//! They share one SEQPACKET socket pair per template: a message is sent and received whole or not at all, also when
//! several workers write at the same time, so there is nothing to put together. The first byte is the kind, numbers
//! are 32 bits in little-endian order.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::process::Pid;

use crate::ending::Ending;

/// No message is longer: a path has at most 4096 bytes.
const LONGEST: usize = 8192;

/// From the supervisor to a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Fork a worker for this seat.
    Start { seat: usize },
    /// Forget this dead worker. Until then its number cannot belong to anybody else.
    Reap { pid: Pid },
}

/// From a template or one of its workers to the supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The template waits for commands; it has this many threads besides its own.
    Loaded { threads: usize },
    /// The application cannot be loaded. The reason is in the log.
    LoadFailed,
    /// A file that the application came from.
    Source(PathBuf),
    /// A worker lives.
    Started { seat: usize, pid: Pid },
    /// A worker accepts connections.
    Ready { seat: usize, pid: Pid },
    /// A worker could not be forked.
    NotStarted { seat: usize },
    /// A worker is dead, and waits to be reaped.
    Ended { seat: usize, pid: Pid, ending: Ending },
}

/// What came of an attempt to receive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received<T> {
    /// A message.
    Message(T),
    /// Nothing yet.
    Nothing,
    /// Nothing any more: nobody holds the other end.
    Closed,
}

/// A socket pair: the supervisor's end, and that of a template and its workers.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

impl Command {
    /// Sends without waiting; `false` if the template has too much to read already.
    pub(crate) fn send(self, socket: impl AsFd) -> io::Result<bool> {
        match retry(|| rustix::net::send(&socket, &self.encode(), SendFlags::NOSIGNAL | SendFlags::DONTWAIT)) {
            Ok(_) => Ok(true),
            Err(Errno::AGAIN) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Receives without waiting.
    pub(crate) fn receive(socket: impl AsFd) -> io::Result<Received<Self>> {
        receive(socket, Self::decode)
    }

    fn encode(self) -> Vec<u8> {
        match self {
            Self::Start { seat } => encode(b'S', &[number(seat)]),
            Self::Reap { pid } => encode(b'R', &[pid.as_raw_nonzero().get()]),
        }
    }

    fn decode(kind: u8, rest: &[u8]) -> Option<Self> {
        Some(match (kind, &numbers(rest)?[..]) {
            (b'S', &[seat]) => Self::Start { seat: index(seat)? },
            (b'R', &[pid]) => Self::Reap { pid: Pid::from_raw(pid)? },
            _ => return None,
        })
    }
}

impl Report {
    /// Sends; waits while the supervisor has too much to read already.
    pub(crate) fn send(&self, socket: impl AsFd) -> io::Result<()> {
        retry(|| rustix::net::send(&socket, &self.encode(), SendFlags::NOSIGNAL))?;
        Ok(())
    }

    /// Receives without waiting.
    pub(crate) fn receive(socket: impl AsFd) -> io::Result<Received<Self>> {
        receive(socket, Self::decode)
    }

    fn encode(&self) -> Vec<u8> {
        let raw = |pid: &Pid| pid.as_raw_nonzero().get();
        match self {
            Self::Loaded { threads } => encode(b'L', &[number(*threads)]),
            Self::LoadFailed => encode(b'F', &[]),
            Self::Source(path) => [b"P", path.as_os_str().as_bytes()].concat(),
            Self::Started { seat, pid } => encode(b'S', &[number(*seat), raw(pid)]),
            Self::Ready { seat, pid } => encode(b'R', &[number(*seat), raw(pid)]),
            Self::NotStarted { seat } => encode(b'N', &[number(*seat)]),
            Self::Ended { seat, pid, ending: Ending::Exit(code) } => encode(b'E', &[number(*seat), raw(pid), *code]),
            Self::Ended { seat, pid, ending: Ending::Signal(by) } => encode(b'K', &[number(*seat), raw(pid), *by]),
            Self::Ended { seat, pid, ending: Ending::Unknown } => encode(b'U', &[number(*seat), raw(pid)]),
        }
    }

    fn ended(seat: i32, pid: i32, ending: Ending) -> Option<Self> {
        Some(Self::Ended { seat: index(seat)?, pid: Pid::from_raw(pid)?, ending })
    }

    fn decode(kind: u8, rest: &[u8]) -> Option<Self> {
        if kind == b'P' {
            return Some(Self::Source(OsString::from_vec(rest.to_owned()).into()));
        }
        Some(match (kind, &numbers(rest)?[..]) {
            (b'L', &[threads]) => Self::Loaded { threads: index(threads)? },
            (b'F', &[]) => Self::LoadFailed,
            (b'S', &[seat, pid]) => Self::Started { seat: index(seat)?, pid: Pid::from_raw(pid)? },
            (b'R', &[seat, pid]) => Self::Ready { seat: index(seat)?, pid: Pid::from_raw(pid)? },
            (b'N', &[seat]) => Self::NotStarted { seat: index(seat)? },
            (b'E', &[seat, pid, code]) => Self::ended(seat, pid, Ending::Exit(code))?,
            (b'K', &[seat, pid, by]) => Self::ended(seat, pid, Ending::Signal(by))?,
            (b'U', &[seat, pid]) => Self::ended(seat, pid, Ending::Unknown)?,
            _ => return None,
        })
    }
}

fn receive<T>(socket: impl AsFd, decode: impl Fn(u8, &[u8]) -> Option<T>) -> io::Result<Received<T>> {
    let mut buffer = [0; LONGEST];
    let received = retry(|| rustix::net::recv(&socket, &mut buffer, RecvFlags::DONTWAIT));
    match received {
        // An empty message cannot be told from the end; nobody sends one.
        Ok((_, 0)) | Err(Errno::CONNRESET) => Ok(Received::Closed),
        Err(Errno::AGAIN) => Ok(Received::Nothing),
        Err(error) => Err(error.into()),
        Ok((length, _)) => match decode(buffer[0], &buffer[1..length]) {
            Some(message) => Ok(Received::Message(message)),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "a message that is none of ours")),
        },
    }
}

fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

fn encode(kind: u8, numbers: &[i32]) -> Vec<u8> {
    std::iter::once(kind).chain(numbers.iter().flat_map(|number| number.to_le_bytes())).collect()
}

fn numbers(bytes: &[u8]) -> Option<Vec<i32>> {
    let (whole, rest) = bytes.as_chunks();
    rest.is_empty().then(|| whole.iter().map(|number| i32::from_le_bytes(*number)).collect())
}

/// Seats and threads are few; a number that does not fit would be refused as a seat that nobody has.
fn number(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn index(number: i32) -> Option<usize> {
    usize::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid() -> Pid {
        Pid::from_raw(4711).unwrap()
    }

    #[test]
    fn every_command_arrives_as_it_was_sent() {
        let (ours, theirs) = pair().unwrap();
        let commands = [Command::Start { seat: 0 }, Command::Start { seat: 300 }, Command::Reap { pid: pid() }];
        for command in commands {
            assert!(command.send(&ours).unwrap());
        }
        for command in commands {
            assert_eq!(Command::receive(&theirs).unwrap(), Received::Message(command));
        }
        assert_eq!(Command::receive(&theirs).unwrap(), Received::Nothing);
    }

    #[test]
    fn every_report_arrives_as_it_was_sent() {
        let (ours, theirs) = pair().unwrap();
        let longest = OsString::from_vec([b"/\xff".as_slice(), &b"p".repeat(4094)].concat());
        let reports = [
            Report::Loaded { threads: 0 },
            Report::Loaded { threads: 12 },
            Report::LoadFailed,
            Report::Source("/srv/site/views.py".into()),
            Report::Source(longest.into()),
            Report::Started { seat: 1, pid: pid() },
            Report::Ready { seat: 2, pid: pid() },
            Report::NotStarted { seat: 3 },
            Report::Ended { seat: 4, pid: pid(), ending: Ending::Exit(255) },
            Report::Ended { seat: 5, pid: pid(), ending: Ending::Signal(11) },
            Report::Ended { seat: 6, pid: pid(), ending: Ending::Unknown },
        ];
        for report in &reports {
            report.send(&theirs).unwrap();
        }
        for report in reports {
            assert_eq!(Report::receive(&ours).unwrap(), Received::Message(report));
        }
        assert_eq!(Report::receive(&ours).unwrap(), Received::Nothing);
    }

    #[test]
    fn what_is_none_of_ours_is_refused_and_the_next_message_is_read() {
        let (ours, theirs) = pair().unwrap();
        for foreign in [b"?".as_slice(), b"S", b"S\x01\0\0", b"S\xff\xff\xff\xff\x01\0\0\0", b"S\x01\0\0\0\0\0\0\0"] {
            rustix::net::send(&theirs, foreign, SendFlags::empty()).unwrap();
            assert_eq!(Report::receive(&ours).unwrap_err().kind(), io::ErrorKind::InvalidData, "{foreign:?}");
        }
        Report::LoadFailed.send(&theirs).unwrap();
        assert_eq!(Report::receive(&ours).unwrap(), Received::Message(Report::LoadFailed));
    }

    #[test]
    fn an_end_that_nobody_holds_is_noticed_by_both() {
        let (ours, theirs) = pair().unwrap();
        Report::LoadFailed.send(&theirs).unwrap();
        drop(theirs);
        assert_eq!(Report::receive(&ours).unwrap(), Received::Message(Report::LoadFailed));
        assert_eq!(Report::receive(&ours).unwrap(), Received::Closed);
        assert!(Command::Start { seat: 0 }.send(&ours).is_err());

        let (ours, theirs) = pair().unwrap();
        // What is unread when an end is closed turns the end of the other into a reset.
        Report::LoadFailed.send(&theirs).unwrap();
        drop(ours);
        assert_eq!(Command::receive(&theirs).unwrap(), Received::Closed);
        assert!(Report::LoadFailed.send(&theirs).is_err());
    }

    #[test]
    fn a_template_that_does_not_read_never_blocks_the_supervisor() {
        let (ours, theirs) = pair().unwrap();
        let mut sent = 0;
        while (Command::Start { seat: 7 }).send(&ours).unwrap() {
            sent += 1;
        }
        for _ in 0..sent {
            assert_eq!(Command::receive(&theirs).unwrap(), Received::Message(Command::Start { seat: 7 }));
        }
        assert_eq!(Command::receive(&theirs).unwrap(), Received::Nothing);
    }
}
