//! A process that runs a program: watching it, ending it, taking note of its death.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, pidfd_open,
    test_kill_process_group, waitid,
};

/// The leader of a process group: a child of this process, or of a warm interpreter.
pub(crate) struct Child {
    pid: Pid,
    pidfd: OwnedFd,
    noted: Cell<bool>,
}

impl Child {
    /// Takes charge of a process that exists: one that has not been waited for, or that is known to be alive.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub(crate) fn new(pid: Pid) -> io::Result<Self> {
        Ok(Self { pid, pidfd: pidfd_open(pid, PidfdFlags::empty())?, noted: Cell::new(false) })
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends a signal to the whole process group. The group's number is not given to another while the leader has not been
    /// waited for or others are in the group.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
    }

    /// True while anybody is in the process group, the dead leader included.
    pub(crate) fn has_group(&self) -> bool {
        test_kill_process_group(self.pid) != Err(Errno::SRCH)
    }

    /// Waits for the end of a child of this process without stopping for it. `None`: it is still running. A process whose
    /// end somebody else has taken note of counts as ended well.
    pub(crate) fn reap(&self) -> Option<Ending> {
        let ending = match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
            Ok(None) | Err(Errno::INTR) => return None,
            Ok(Some(status)) => Ending::of(&status),
            Err(_) => Ending::Exit(0),
        };
        self.noted.set(true);
        Some(ending)
    }

    /// The same for a process that is somebody else's child, who hears of its status.
    pub(crate) fn note_end(&self) -> Option<Ending> {
        if !self.ends_within(Duration::ZERO) {
            return None;
        }
        self.noted.set(true);
        Some(Ending::Exit(0))
    }

    /// Waits for the end of the process, so long at most.
    pub(crate) fn ends_within(&self, time: Duration) -> bool {
        let mut descriptors = [PollFd::new(&self.pidfd, PollFlags::IN)];
        let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) };
        poll(&mut descriptors, Some(&time)) == Ok(1)
    }

    /// True when the end of the process has been noted.
    pub(crate) fn is_noted(&self) -> bool {
        self.noted.get()
    }
}

impl AsFd for Child {
    /// Readable when the process has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By itself, with this status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// By itself or by a signal: nobody has told which.
    Unknown,
}

impl Ending {
    fn of(status: &WaitIdStatus) -> Self {
        match status.terminating_signal() {
            Some(signal) => Self::Signal(signal),
            None => Self::Exit(status.exit_status().unwrap_or_default()),
        }
    }

    /// Tells the log, where it is worth a line.
    pub(crate) fn log(self, script: &Path) {
        let what = match self {
            Self::Exit(0) => return,
            Self::Exit(status) => format!("ended with exit status {status}"),
            Self::Signal(number) => format!("was ended by signal {number}"),
            Self::Unknown => "was gone before it had said how it ended".into(),
        };
        log::warn!("{}: the program {what}", script.display());
    }
}
