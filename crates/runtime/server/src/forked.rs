//! A process that an application has forked off this one must not come back from the call and serve as a second worker:
//! it would share the reactor, answer requests twice, and nobody would supervise it.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static FORKED: AtomicBool = AtomicBool::new(false);

/// From now on a fork of this process is noticed.
pub(crate) fn notice() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handler only stores to a static.
        #[allow(unsafe_code)]
        let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

extern "C" fn in_child() {
    FORKED.store(true, Relaxed);
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
            libc::_exit(0)
        }
    }
}
