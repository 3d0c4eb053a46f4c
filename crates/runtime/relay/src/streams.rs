//! The three standard streams, and writing to the end.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd as _, BorrowedFd};
use rustix::io::Errno;

/// The body of the request.
pub(crate) fn input() -> BorrowedFd<'static> {
    // SAFETY: the number is never another's: where the web server has closed it, calls fail until something is opened, and
    // nothing that the relay opens is read by that name.
    unsafe { BorrowedFd::borrow_raw(0) }
}

/// The response.
pub(crate) fn output() -> BorrowedFd<'static> {
    // SAFETY: as that of `input`.
    unsafe { BorrowedFd::borrow_raw(1) }
}

/// The web server's error log.
pub(crate) fn errors() -> BorrowedFd<'static> {
    // SAFETY: as that of `input`.
    unsafe { BorrowedFd::borrow_raw(2) }
}

/// Writes all of it.
pub(crate) fn write_all(to: BorrowedFd<'_>, mut data: &[u8]) -> Result<(), Errno> {
    while !data.is_empty() {
        match rustix::io::write(to, data) {
            Ok(count) => data = &data[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => drop(poll(&mut [PollFd::from_borrowed_fd(to.as_fd(), PollFlags::OUT)], None)?),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
