//! The web server's order to end, which comes as SIGTERM.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static HEARD: AtomicBool = AtomicBool::new(false);

/// From now on the client counts as gone: what waits ends. May be called by a handler of signals.
pub fn interrupt() {
    INTERRUPTED.store(true, Relaxed);
}

/// The application has learned that its client has gone: nothing more needs to interrupt it.
pub(crate) fn heard() {
    HEARD.store(true, Relaxed);
}

/// The response is whole. Who has read it may end this process at once, as lighttpd does, and the application has yet to
/// close what it has open.
pub(crate) fn delivered() {
    HEARD.store(true, Relaxed);
}

/// True when there is nothing left to interrupt: a wait has told the application that its client has gone, for this reason
/// or for another, or the response is whole.
pub fn is_interrupt_heard() -> bool {
    HEARD.load(Relaxed)
}

/// Whoever asks acts on it.
pub(crate) fn is_interrupted() -> bool {
    let interrupted = INTERRUPTED.load(Relaxed);
    if interrupted {
        heard();
    }
    interrupted
}
