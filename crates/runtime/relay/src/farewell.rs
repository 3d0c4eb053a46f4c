//! Ending so that Apache does not wait: its response ends when this process has ended, and not a moment before.
//!
//! mod_cgid looks for the program when it has seen the end of its output. One that is still there is told to end, and looked for
//! again 10 ms later, in which the connection stands still. But the kernel closes the output first and lets the process end
//! then, and the closing wakes Apache. So a second process holds the output until this one is gone.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::BorrowedFd;
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::process::{PidfdFlags, getpid, getppid, pidfd_open};

use crate::system_call::{Fork, exit, fork_sibling};

/// So long the second process waits at most.
const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// SIGCHLD's bit in a set of signals.
const SIGCHLD: u64 = 1 << 16;

/// To be called when nothing is left to be done but to end. `output`: where the response went.
pub(crate) fn prepare(output: BorrowedFd<'_>) {
    // Pipes are for programs of other servers, which do not do so.
    if !fstat(output).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket) || !is_unburied() {
        return;
    }
    let Ok(own) = pidfd_open(getpid(), PidfdFlags::empty()) else { return };
    if let Ok(Fork::Child) = fork_sibling() {
        let _ = poll(&mut [PollFd::new(&own, PollFlags::IN)], Some(&PATIENCE));
        exit(0);
    }
}

/// True where the parent ignores SIGCHLD, as mod_cgid does: then the kernel leaves no dead child for it to take note of, and it
/// does not matter that there is one of which it does not know (proc_pid_status(5)).
fn is_unburied() -> bool {
    let Some(parent) = getppid() else { return false };
    let path = alloc::format!("/proc/{}/status", parent.as_raw_nonzero());
    let Ok(file) = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else { return false };
    let mut status = [0; 4096];
    let Ok(length) = rustix::io::read(&file, &mut status) else { return false };
    let mut lines = status[..length].split(|byte| *byte == b'\n');
    let ignored = lines.find_map(|line| line.strip_prefix(b"SigIgn:")).map(<[u8]>::trim_ascii);
    let ignored = ignored.and_then(|digits| u64::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok());
    ignored.is_some_and(|signals| signals & SIGCHLD != 0)
}
