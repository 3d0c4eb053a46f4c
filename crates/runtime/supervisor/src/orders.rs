//! What a worker is told: when to drain, and how long it may take.

use std::os::fd::OwnedFd;
use std::time::Duration;

/// The orders of one worker.
#[derive(Debug)]
pub struct Orders {
    /// Readable, for good, from when the worker must drain: SIGTERM came, or the supervisor is gone.
    ///
    /// It is to be polled, never read. It may be readable from the start.
    pub drain: OwnedFd,
    /// How long the requests in flight may take from then on. The supervisor kills the worker after that; a worker
    /// without a supervisor has to end by itself.
    pub graceful: Duration,
}
