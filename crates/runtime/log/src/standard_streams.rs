//! The descriptors 0 to 2, which everybody takes for the standard streams, whatever is open there; and standard output and
//! standard error under numbers of their own.
//!
//! An application may close the three in the middle of a request. Neither may a log then follow into what is opened next,
//! nor may a connection be what is opened next.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

/// The first number that is no standard stream's.
const HIGHER: i32 = 3;

pub(crate) static STDOUT: StandardStream = StandardStream::new(rustix::stdio::stdout);
pub(crate) static STDERR: StandardStream = StandardStream::new(rustix::stdio::stderr);

/// A stream that the process was given, to be written to whatever an application does to its number.
#[derive(Debug)]
pub(crate) struct StandardStream {
    given: fn() -> BorrowedFd<'static>,
    /// `None`: it was closed.
    kept: OnceLock<Option<OwnedFd>>,
    /// Its reader has stopped reading.
    pub(crate) stuck: AtomicBool,
}

impl StandardStream {
    const fn new(given: fn() -> BorrowedFd<'static>) -> Self {
        Self { given, kept: OnceLock::new(), stuck: AtomicBool::new(false) }
    }

    /// The first call decides what it is: to be made before an application runs.
    pub(crate) fn keep(&self) -> io::Result<BorrowedFd<'_>> {
        let kept = self.kept.get_or_init(|| fcntl_dupfd_cloexec((self.given)(), HIGHER).ok());
        kept.as_ref().map(AsFd::as_fd).ok_or_else(|| Errno::BADF.into())
    }
}

/// Writes to standard error and nothing else: no lock is taken, and nobody is waited for.
///
/// # Errors
/// As of `write(2)`.
pub fn write_to_stderr(text: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::write(STDERR.keep()?, text)?)
}

/// Opens `/dev/null` on each of the standard descriptors that is closed. Otherwise what is opened next gets its number, and
/// with it all that is printed.
pub fn open_closed_standard_streams() {
    // A new descriptor has the lowest number that is free. Programs that are started inherit these.
    while let Ok(null) = open("/dev/null", OFlags::RDWR, Mode::empty()) {
        if null.as_raw_fd() >= HIGHER {
            break;
        }
        let _ = null.into_raw_fd();
    }
}

/// Takes a new descriptor away from where the application prints, if it has got such a number.
///
/// # Errors
/// No other number can be had.
pub fn off_standard_streams(new: OwnedFd) -> Result<OwnedFd, Errno> {
    if new.as_raw_fd() >= HIGHER {
        return Ok(new);
    }
    let higher = fcntl_dupfd_cloexec(&new, HIGHER)?;
    drop(new);
    open_closed_standard_streams();
    Ok(higher)
}
