//! Signal dispositions.

/// Ends the process without running exit handlers.
pub(crate) fn exit_at_once(code: i32) -> ! {
    // SAFETY: `_exit` takes no pointers and does not return.
    unsafe { libc::_exit(code) }
}
