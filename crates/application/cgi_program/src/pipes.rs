//! The three standard streams of a program: pipes, with an end of ours and an end of its.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};

/// The program's ends.
pub(crate) struct Theirs {
    pub(crate) input: OwnedFd,
    pub(crate) output: OwnedFd,
    pub(crate) error: OwnedFd,
}

/// Our ends; none of them ever blocks.
pub(crate) struct Ours {
    /// `None`: there is nothing to be written, the program reads the end at once.
    pub(crate) input: Option<OwnedFd>,
    pub(crate) output: OwnedFd,
}

/// Makes both ends of all three; the last is our end of standard error.
///
/// # Errors
/// The system has no more descriptors.
pub(crate) fn make(has_body: bool) -> io::Result<(Ours, Theirs, OwnedFd)> {
    let (input, written) = if has_body {
        let (theirs, ours) = one()?;
        unblock(&ours)?;
        (theirs, Some(ours))
    } else {
        // A pipe costs twice as much and says the same.
        (rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?, None)
    };
    let (ours_out, output) = one()?;
    let (ours_err, error) = one()?;
    unblock(&ours_out)?;
    unblock(&ours_err)?;
    Ok((Ours { input: written, output: ours_out }, Theirs { input, output, error }, ours_err))
}

/// A pipe for a stream that only the program writes to; our end does not block.
pub(crate) fn one_way() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = one()?;
    unblock(&ours)?;
    Ok((ours, theirs))
}

fn one() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC)?)
}

/// Our end alone: the program's end is a description of its own.
fn unblock(end: impl AsFd) -> io::Result<()> {
    let flags = fcntl_getfl(&end)?;
    fcntl_setfl(&end, flags | OFlags::NONBLOCK)?;
    Ok(())
}
