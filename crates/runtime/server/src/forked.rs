//! A process that an application has forked off this one must not come back from the call and serve as a second worker:
//! it would share the reactor, answer requests twice, and nobody would supervise it. Nor may it hold the listening sockets: it
//! may live longer than the server, whose port would be in use, and whose clients would be taken by nobody.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, Once, PoisonError};

static FORKED: AtomicBool = AtomicBool::new(false);

/// The listening sockets of this process.
static LISTENING: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// A fork shall not have this listening socket. To be taken back by [`forget`] before it is closed.
pub(crate) fn withhold(listener: RawFd) {
    LISTENING.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
}

/// Takes [`withhold`] back.
pub(crate) fn forget(listener: RawFd) {
    LISTENING.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| *known != listener);
}

/// From now on a fork of this process is noticed.
pub(crate) fn notice() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handler does only what is allowed behind the fork of a process with threads.
        #[allow(unsafe_code)]
        let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

extern "C" fn in_child() {
    FORKED.store(true, Relaxed);
    // To try takes one atomic operation. Another thread may have been at the list, which is only when a server starts or stops.
    let Ok(listening) = LISTENING.try_lock() else { return };
    for listener in listening.iter() {
        // SAFETY: `close` is allowed here. The owner of the number never uses it again: its process does not come back.
        #[allow(unsafe_code)]
        unsafe {
            libc::close(*listener);
        }
    }
}

/// Ends the process, if it is such a child. Locks that other threads held when it was forked stay locked in it for ever, so
/// nothing but a bare write may happen here.
pub(crate) fn end_if_forked() {
    if FORKED.load(Relaxed) {
        let text = b"millau: application error: a process that the application forked came back from its request; it is ended \
                     (let it end with os._exit)\n";
        let _ = millau_log::write_to_stderr(text);
        // SAFETY: `_exit` ends the process and touches nothing of it.
        #[allow(unsafe_code)]
        unsafe {
            libc::_exit(1)
        }
    }
}
