//! The three standard streams, and writing to the end.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
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

/// How long nothing may come of a body that nobody wants.
const SILENCE: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

/// Reads what is left of the body, for nobody: Apache does not look at a response before it has handed over the whole body, and
/// takes a program that ends before that for a broken one.
pub(crate) fn discard_input() {
    let mut piece = [0; 4096];
    while poll(&mut [PollFd::from_borrowed_fd(input(), PollFlags::IN)], Some(&SILENCE)) == Ok(1) {
        match rustix::io::read(input(), &mut piece) {
            Ok(0) => return,
            Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return,
        }
    }
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
