//! Signal dispositions: which signals a process of ours takes note of, and what becomes of the others.
//!
//! The handler is our own and not a library's, because an application may install handlers of its own while it is
//! imported: afterwards ours have to be put back, which needs `sigaction` itself.
//!
//! A noted signal becomes a byte in a pipe. After a fork the child still has the parent's pipe, and would put its own
//! signals into it. So every fork happens with all signals [`Blocked`], and the child opens its own pipe before they
//! are let through. A process that an application forks off knows nothing of that: there a signal has its default effect.

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

/// What a process does with a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// It becomes readable in [`Signals::take`].
    Note,
    /// Nothing happens. Unlike `Ignore` this is not inherited by a program that the process executes.
    Swallow,
    /// `SIG_IGN`.
    Ignore,
    /// `SIG_DFL`.
    Default,
}

/// The dispositions of one kind of process.
pub(crate) type Table = &'static [(c_int, Disposition)];

use Disposition::{Default, Ignore, Note, Swallow};

/// The supervisor listens to the operator and to its children.
pub(crate) const SUPERVISOR: Table = &[
    (libc::SIGTERM, Note),
    (libc::SIGINT, Note),
    (libc::SIGQUIT, Note),
    (libc::SIGHUP, Note),
    (libc::SIGTTIN, Note),
    (libc::SIGTTOU, Note),
    (libc::SIGCHLD, Note),
    (libc::SIGPIPE, Ignore),
    // What log rotation sends to other servers must not end this one.
    (libc::SIGUSR1, Swallow),
    (libc::SIGUSR2, Swallow),
];

/// Ctrl-C and the end of a terminal reach the whole group, but the supervisor decides what follows.
pub(crate) const TEMPLATE: Table = &[
    (libc::SIGCHLD, Note),
    (libc::SIGINT, Swallow),
    (libc::SIGHUP, Swallow),
    (libc::SIGTERM, Default),
    (libc::SIGQUIT, Default),
    (libc::SIGPIPE, Ignore),
];

/// A worker drains on SIGTERM.
pub(crate) const WORKER: Table = &[
    (libc::SIGTERM, Note),
    (libc::SIGINT, Swallow),
    (libc::SIGHUP, Swallow),
    (libc::SIGQUIT, Default),
    (libc::SIGCHLD, Default),
    (libc::SIGPIPE, Ignore),
];

/// The write end of this process's pipe; -1 if it has none.
static NOTES: AtomicI32 = AtomicI32::new(-1);

/// The process whose handlers these are.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// The dispositions of this process while the value lives; dropped, it puts back those from before.
#[derive(Debug)]
pub(crate) struct Signals {
    table: Table,
    before: Vec<(c_int, SavedAction)>,
    read: OwnedFd,
    _write: OwnedFd,
}

struct SavedAction(libc::sigaction);

impl std::fmt::Debug for SavedAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SavedAction")
    }
}

impl Signals {
    /// Installs the dispositions, then lets signals through: those of the table even if they were blocked before.
    pub(crate) fn install(table: Table, blocked: Blocked) -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let mut signals = Self { table, before: Vec::new(), read, _write: write };
        NOTES.store(signals._write.as_raw_fd(), Ordering::SeqCst);
        OWNER.store(own_id(), Ordering::SeqCst);
        for (signal, disposition) in table {
            signals.before.push((*signal, SavedAction(set(*signal, *disposition)?)));
        }
        drop(blocked);
        unblock(table);
        Ok(signals)
    }

    /// Puts the dispositions back that foreign code may have replaced.
    pub(crate) fn reinstall(&self) -> io::Result<()> {
        for (signal, disposition) in self.table {
            set(*signal, *disposition)?;
        }
        unblock(self.table);
        Ok(())
    }

    /// The signals noted since the last call, in order.
    pub(crate) fn take(&self) -> Vec<c_int> {
        let mut taken = Vec::new();
        let mut buffer = [0; 64];
        loop {
            match rustix::io::read(&self.read, &mut buffer) {
                Ok(0) | Err(Errno::AGAIN) => return taken,
                Ok(count) => taken.extend(buffer[..count].iter().map(|byte| c_int::from(*byte))),
                Err(Errno::INTR) => {}
                Err(error) => {
                    log::error!("the supervisor cannot read its signals: {error}");
                    return taken;
                }
            }
        }
    }
}

impl AsFd for Signals {
    /// Readable when a signal is noted.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for (signal, SavedAction(action)) in self.before.drain(..).rev() {
            // SAFETY: `action` is what the kernel gave for this signal.
            unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
        }
        NOTES.store(-1, Ordering::SeqCst);
    }
}

/// All signals are blocked while the value lives.
pub(crate) struct Blocked {
    before: libc::sigset_t,
}

impl Blocked {
    pub(crate) fn new() -> Self {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `sigfillset` initialises the set that `pthread_sigmask` reads; the latter initialises `before`, and
        // with these arguments it cannot fail.
        let before = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            before.assume_init()
        };
        Self { before }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the set is the one that was in force before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut()) };
    }
}

fn unblock(table: Table) {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` initialises the set, the table holds valid signal numbers, and no old mask is asked for.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for (signal, _) in table {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
    }
}

/// Sets a disposition and gives the one from before.
fn set(signal: c_int, disposition: Disposition) -> io::Result<libc::sigaction> {
    let handler = match disposition {
        Note => note as extern "C" fn(c_int) as libc::sighandler_t,
        Swallow => swallow as extern "C" fn(c_int) as libc::sighandler_t,
        Ignore => libc::SIG_IGN,
        Default => libc::SIG_DFL,
    };
    let mut before = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: an all-zero `sigaction` is a valid value (default disposition, empty mask). The handlers take one
    // argument, as SA_SIGINFO is not set, and do only what a handler may do. `before` is initialised on success.
    unsafe {
        let mut action = std::mem::zeroed::<libc::sigaction>();
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        if libc::sigaction(signal, &raw const action, before.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(before.assume_init())
    }
}

fn own_id() -> c_int {
    // SAFETY: `getpid` cannot fail, and may be used in a handler.
    unsafe { libc::getpid() }
}

/// Whether this process is an application's own, forked off one of ours; then the signal has its default effect as soon as
/// its handler returns.
fn is_foreign(signal: c_int) -> bool {
    let is_foreign = own_id() != OWNER.load(Ordering::SeqCst);
    if is_foreign {
        // SAFETY: both may be used in a handler; the signal is blocked while that runs.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
    }
    is_foreign
}

extern "C" fn note(signal: c_int) {
    if is_foreign(signal) {
        return;
    }
    let pipe = NOTES.load(Ordering::SeqCst);
    if pipe < 0 {
        return;
    }
    // Signal numbers are below 65. A full pipe holds enough to wake whoever reads it.
    let byte = signal.to_le_bytes()[0];
    // SAFETY: `write` and the address of errno may be used in a handler. The pipe is open as long as its number is in
    // NOTES. errno belongs to the interrupted code, so it is put back.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        libc::write(pipe, (&raw const byte).cast(), 1);
        *errno = before;
    }
}

extern "C" fn swallow(signal: c_int) {
    is_foreign(signal);
}

/// Ends the process without running exit handlers.
pub(crate) fn exit_at_once(code: i32) -> ! {
    // SAFETY: `_exit` takes no pointers and does not return.
    unsafe { libc::_exit(code) }
}
