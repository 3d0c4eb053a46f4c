//! The web server's order to end, which comes as SIGTERM.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on the client counts as gone: what waits ends. May be called by a handler of signals.
pub fn interrupt() {
    INTERRUPTED.store(true, Relaxed);
}

pub(crate) fn is_interrupted() -> bool {
    INTERRUPTED.load(Relaxed)
}
