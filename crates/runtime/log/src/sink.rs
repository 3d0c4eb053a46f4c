//! Where lines go: a stream of the process, or a file that can be opened anew.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::thread;

use millau_config::LogTarget;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;

use crate::standard_streams::{STDERR, STDOUT};

/// What a pipe takes in one piece, even if others write to it too (`PIPE_BUF` of Linux).
const PIPE_PIECE: usize = 4096;

/// How often a writer looks for the file while it is being opened anew. That takes a moment only, unless the process was
/// forked in just this moment; then nobody will ever end it in the child.
const TRIES: usize = 1000;

/// How long a writer waits for a reader that does not read. After that, lines are given up without waiting until it reads
/// again: a log must not stop what it tells of.
const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// A log that cannot be written to.
#[derive(Debug)]
pub enum LogError {
    /// Its file cannot be opened.
    Open {
        /// `error log` or `access log`.
        log: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The process has an error log already, and it can have but one.
    Installed,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Open { log, path, error } = self else {
            return f.write_str("the error log is installed already");
        };
        write!(f, "cannot open the {log} {}: ", path.display())?;
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        match (error.kind(), directory) {
            (io::ErrorKind::NotFound, Some(directory)) => {
                write!(f, "the directory {} does not exist", directory.display())
            }
            (io::ErrorKind::NotADirectory, Some(directory)) => {
                write!(f, "{} is not a directory", directory.display())
            }
            (io::ErrorKind::IsADirectory, _) => f.write_str("it is a directory; name a file in it"),
            (io::ErrorKind::PermissionDenied, _) => f.write_str("this process may not write to it"),
            _ => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for LogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open { error, .. } => Some(error),
            Self::Installed => None,
        }
    }
}

/// An open log.
#[derive(Debug)]
pub(crate) enum Sink {
    Stdout,
    Stderr,
    File {
        log: &'static str,
        path: PathBuf,
        file: RwLock<File>,
        /// It is a named pipe whose reader has stopped reading.
        stuck: AtomicBool,
    },
}

impl Sink {
    /// `log` is its name in messages.
    pub(crate) fn open(log: &'static str, target: &LogTarget) -> Result<Self, LogError> {
        Ok(match target {
            LogTarget::Stdout => {
                let _ = STDOUT.keep();
                Self::Stdout
            }
            LogTarget::Stderr => {
                let _ = STDERR.keep();
                Self::Stderr
            }
            LogTarget::File(path) => {
                // The process may change its directory before the file is opened anew.
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                let file = RwLock::new(append_to(log, &path)?);
                Self::File { log, path, file, stuck: AtomicBool::new(false) }
            }
        })
    }

    /// Opens the file anew, after it was moved away. On failure the old one stays.
    pub(crate) fn reopen(&self) -> Result<(), LogError> {
        if let Self::File { log, path, file, .. } = self {
            let new = append_to(log, path)?;
            *file.write().unwrap_or_else(PoisonError::into_inner) = new;
        }
        Ok(())
    }

    /// Writes whole lines: with one call, or where they go into a pipe, with as few as keep each line in one piece.
    ///
    /// # Errors
    /// `TimedOut`: nobody reads the pipe or terminal; part of the lines may have been written. Others as of `write(2)`.
    pub(crate) fn write(&self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => write_lines(STDOUT.keep()?, &STDOUT.stuck, lines),
            Self::Stderr => write_lines(STDERR.keep()?, &STDERR.stuck, lines),
            Self::File { file, stuck, .. } => match read_lock(file) {
                Some(file) => write_lines(file.as_fd(), stuck, lines),
                None => Err(io::ErrorKind::WouldBlock.into()),
            },
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::Stderr => f.write_str("standard error"),
            Self::File { path, .. } => write!(f, "{}", path.display()),
        }
    }
}

fn append_to(log: &'static str, path: &Path) -> Result<File, LogError> {
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|error| LogError::Open { log, path: path.to_owned(), error })
}

fn read_lock(file: &RwLock<File>) -> Option<RwLockReadGuard<'_, File>> {
    for _ in 0..TRIES {
        match file.try_read() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => thread::yield_now(),
        }
    }
    None
}

fn write_lines(fd: BorrowedFd<'_>, stuck: &AtomicBool, lines: &[u8]) -> io::Result<()> {
    if !is_pipe(fd) {
        return write_all(fd, stuck, lines);
    }
    let mut rest = lines;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(piece_length(rest));
        // A pipe that takes anything takes this much, so a writer who was told so is not stopped half-way.
        for part in piece.chunks(PIPE_PIECE) {
            write_all(fd, stuck, part)?;
        }
        rest = after;
    }
    Ok(())
}

fn is_pipe(fd: BorrowedFd<'_>) -> bool {
    fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
}

/// As many whole lines as a pipe takes in one piece; a line that is too long for that comes alone.
fn piece_length(lines: &[u8]) -> usize {
    let within = &lines[..lines.len().min(PIPE_PIECE)];
    if within.len() == lines.len() {
        return lines.len();
    }
    memchr::memrchr(b'\n', within).or_else(|| memchr::memchr(b'\n', lines)).map_or(lines.len(), |end| end + 1)
}

fn write_all(fd: BorrowedFd<'_>, stuck: &AtomicBool, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        wait(fd, stuck)?;
        match rustix::io::write(fd, rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            // Standard error may be a stream that somebody else has made non-blocking.
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Waits until the reader has made room, but not for a reader that does not read. A file always has room.
fn wait(fd: BorrowedFd<'_>, stuck: &AtomicBool) -> io::Result<()> {
    let patience = if stuck.load(Relaxed) { Timespec { tv_sec: 0, tv_nsec: 0 } } else { PATIENCE };
    match poll(&mut [PollFd::new(&fd, PollFlags::OUT)], Some(&patience)) {
        Ok(0) => {
            stuck.store(true, Relaxed);
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(_) => stuck.store(false, Relaxed),
        Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::mpsc;

    use rustix::pipe::{PipeFlags, pipe, pipe_with};

    use crate::directory::Directory;

    use super::*;

    fn file(path: &Path) -> LogTarget {
        LogTarget::File(path.to_owned())
    }

    fn message(path: &Path) -> String {
        Sink::open("access log", &file(path)).unwrap_err().to_string()
    }

    #[test]
    fn says_why_a_file_cannot_be_opened() {
        let directory = Directory::new();
        let missing = directory.join("missing");
        let path = missing.join("a.log");
        assert_eq!(
            message(&path),
            format!(
                "cannot open the access log {}: the directory {} does not exist",
                path.display(),
                missing.display()
            )
        );
        let plain = directory.join("plain");
        std::fs::write(&plain, "").unwrap();
        let path = plain.join("a.log");
        assert_eq!(
            message(&path),
            format!("cannot open the access log {}: {} is not a directory", path.display(), plain.display())
        );
        let path = directory.join("");
        assert_eq!(
            message(&path),
            format!("cannot open the access log {}: it is a directory; name a file in it", path.display())
        );
        let denied = LogError::Open {
            log: "error log",
            path: "/var/log/a.log".into(),
            error: io::ErrorKind::PermissionDenied.into(),
        };
        assert_eq!(denied.to_string(), "cannot open the error log /var/log/a.log: this process may not write to it");
        let other =
            LogError::Open { log: "error log", path: "a.log".into(), error: io::ErrorKind::ReadOnlyFilesystem.into() };
        assert!(other.to_string().starts_with("cannot open the error log a.log: read-only"), "{other}");
    }

    #[test]
    fn a_file_that_cannot_be_opened_anew_leaves_the_old_one() {
        let directory = Directory::new();
        let path = directory.join("logs/a.log");
        std::fs::create_dir(directory.join("logs")).unwrap();
        let sink = Sink::open("error log", &file(&path)).unwrap();
        std::fs::rename(directory.join("logs"), directory.join("old")).unwrap();
        assert!(sink.reopen().unwrap_err().to_string().ends_with("logs does not exist"));
        sink.write(b"still here\n").unwrap();
        assert_eq!(std::fs::read(directory.join("old/a.log")).unwrap(), b"still here\n");
    }

    #[test]
    fn a_writer_gives_up_on_a_file_that_stays_locked() {
        // As in a process that was forked while another thread was opening the file anew.
        let directory = Directory::new();
        let sink = Sink::open("error log", &file(&directory.join("a.log"))).unwrap();
        let Sink::File { file, .. } = &sink else { unreachable!() };
        let guard = file.write().unwrap();
        assert_eq!(sink.write(b"x\n").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(guard);
        sink.write(b"x\n").unwrap();
    }

    #[test]
    fn streams_have_nothing_to_open_anew() {
        for target in [LogTarget::Stdout, LogTarget::Stderr] {
            Sink::open("error log", &target).unwrap().reopen().unwrap();
        }
    }

    #[test]
    fn a_piece_for_a_pipe_ends_with_a_line() {
        let line = |length: usize| [vec![b'a'; length - 1], vec![b'\n']].concat();
        assert_eq!(piece_length(&line(10)), 10);
        assert_eq!(piece_length(&line(4096)), 4096);
        assert_eq!(piece_length(&[line(4096), line(1)].concat()), 4096);
        assert_eq!(piece_length(&[line(4000), line(97)].concat()), 4000);
        assert_eq!(piece_length(&[line(10), line(5000)].concat()), 10);
        assert_eq!(piece_length(&[line(5000), line(10)].concat()), 5000);
        assert_eq!(piece_length(&vec![b'a'; 5000]), 5000);
    }

    #[test]
    fn what_goes_into_a_pipe_arrives_whole() {
        let (reader, writer) = pipe().unwrap();
        let lines: Vec<u8> = (0..20_000).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
        let expected = lines.clone();
        let writing = thread::spawn(move || write_lines(writer.as_fd(), &AtomicBool::default(), &lines));
        let mut read = Vec::new();
        File::from(reader).read_to_end(&mut read).unwrap();
        writing.join().unwrap().unwrap();
        assert_eq!(read, expected);
    }

    #[test]
    fn a_full_stream_is_waited_for() {
        let (reader, writer) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        while rustix::io::write(&writer, &[b'x'; 4096]).is_ok() {}
        let (waits, is_waiting) = mpsc::channel();
        let writing = thread::spawn(move || {
            waits.send(()).unwrap();
            write_lines(writer.as_fd(), &AtomicBool::default(), b"at last\n")
        });
        is_waiting.recv().unwrap();
        rustix::io::ioctl_fionbio(&reader, false).unwrap();
        let mut read = Vec::new();
        File::from(reader).read_to_end(&mut read).unwrap();
        writing.join().unwrap().unwrap();
        assert!(read.ends_with(b"xat last\n"));
    }

    #[test]
    fn a_stream_that_nobody_reads_is_given_up() {
        // The writer's end is an ordinary, blocking one.
        let (reader, writer) = pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        while rustix::io::write(&writer, &[b'x'; 4096]).is_ok() {}
        rustix::io::ioctl_fionbio(&writer, false).unwrap();
        let stuck = AtomicBool::default();
        let write = |line: &[u8]| write_lines(writer.as_fd(), &stuck, line).map_err(|error| error.kind());
        assert_eq!(write(b"x\n"), Err(io::ErrorKind::TimedOut));
        assert!(stuck.load(Relaxed), "nobody waits for it again");
        assert_eq!(write(b"y\n"), Err(io::ErrorKind::TimedOut));
        let mut room = [0; 64 * 1024];
        rustix::io::read(&reader, &mut room).unwrap();
        assert_eq!(write(&[b'z'; 10_000]), Ok(()));
        assert!(!stuck.load(Relaxed));
        drop(reader);
        assert_eq!(write(b"x\n"), Err(io::ErrorKind::BrokenPipe));
    }
}
