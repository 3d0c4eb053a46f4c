//! What a worker is told: when to drain, and how long it may take.

use std::io;
use std::mem;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::epoll;

use crate::signals::Signals;

/// The orders of one worker.
#[derive(Debug)]
pub struct Orders {
    /// Readable, for good, from when the worker must drain: SIGTERM came, or the supervisor is gone.
    ///
    /// It is to be polled, never read. It may be readable from the start. SIGTERM also interrupts a system call that
    /// waits (`EINTR`); polling again is the right answer.
    pub drain: OwnedFd,
    /// How long the requests in flight may take from then on. The supervisor kills the worker after that; a worker
    /// without a supervisor has to end by itself.
    pub graceful: Duration,
}

impl Orders {
    /// The orders of this process: one descriptor that watches the noted signals and the lifeline.
    pub(crate) fn new(signals: Signals, lifeline: OwnedFd, graceful: Duration) -> io::Result<Self> {
        let drain = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let data = || epoll::EventData::new_u64(0);
        epoll::add(&drain, &signals, data(), epoll::EventFlags::IN)?;
        epoll::add(&drain, &lifeline, data(), epoll::EventFlags::IN)?;
        // Both must stay open, and the signal handler installed, as long as the worker lives; nobody reads the pipes,
        // so what is readable stays readable.
        mem::forget((signals, lifeline));
        Ok(Self { drain, graceful })
    }
}
