//! One request that a warm interpreter's child runs.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType,
    recv, sendmsg, shutdown, socketpair,
};
use rustix::process::Pid;

use super::Parent;
use crate::answer::Answer;
use crate::child::{Child, Ending};
use crate::conversation::{Runner, State};
use crate::environment::Environment;
use crate::limits::ProcessLimits;
use crate::pipes::Theirs;
use crate::reaper::{Reaper, SETTLE, SETTLE_AT_ONCE};
use crate::script::Script;

/// Within this time a child must take the job: the parent may be importing something large.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// A job that was handed to a parent.
pub(crate) struct WarmJob {
    parent: Arc<Parent>,
    control: OwnedFd,
    /// Kept until the job is taken: until then it can be withdrawn and run in another way.
    theirs: Option<Theirs>,
    take_by: Option<Instant>,
    pid: Option<Pid>,
    child: Option<Child>,
    status: Option<i32>,
    /// The child has closed its end.
    hung_up: bool,
    limits: ProcessLimits,
    reaper: Arc<Reaper>,
}

impl WarmJob {
    /// Hands a job to the parent; some child of it takes it.
    ///
    /// # Errors
    /// The parent is gone or has too much to do; gives the pipes back.
    pub(crate) fn send(
        parent: Arc<Parent>,
        script: &Script,
        environment: &Environment,
        theirs: Theirs,
        limits: ProcessLimits,
        reaper: &Arc<Reaper>,
    ) -> Result<Self, (Theirs, io::Error)> {
        let hand_over = || -> io::Result<OwnedFd> {
            let (ours, control) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
            let directory = script.path.parent().unwrap_or(&script.path);
            let pieces = [
                IoSlice::new(script.path.as_os_str().as_bytes()),
                IoSlice::new(b"\0"),
                IoSlice::new(directory.as_os_str().as_bytes()),
                IoSlice::new(b"\0"),
                IoSlice::new(environment.as_bytes()),
            ];
            let descriptors = [theirs.input.as_fd(), theirs.output.as_fd(), theirs.error.as_fd(), control.as_fd()];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
            sendmsg(&parent.jobs, &pieces, &mut ancillary, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?;
            Ok(ours)
        };
        match hand_over() {
            Ok(control) => {
                parent.note_use();
                Ok(Self {
                    parent,
                    control,
                    theirs: Some(theirs),
                    take_by: Some(Instant::now() + TAKEN_WITHIN),
                    pid: None,
                    child: None,
                    status: None,
                    hung_up: false,
                    limits,
                    reaper: reaper.clone(),
                })
            }
            Err(error) => Err((theirs, error)),
        }
    }

    /// The pipes, if the job was not taken.
    pub(crate) fn into_pipes(self) -> Option<Theirs> {
        self.theirs
    }

    /// Waits a moment for the end of a child whose output has ended. What it has written is sent meanwhile.
    pub(crate) fn settle(&mut self, answer: &mut Answer) {
        if !self.ends_within(SETTLE_AT_ONCE) {
            answer.send_before_ending();
            self.ends_within(SETTLE);
        }
    }

    fn ends_within(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        loop {
            if self.look() != State::Running {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let mut descriptors = Vec::with_capacity(2);
            self.watch(&mut descriptors);
            let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
            let _ = poll(&mut descriptors, Some(&timeout));
        }
    }

    /// The process that took the job, and how it has ended, if it has.
    pub(crate) fn into_ending(self) -> (Option<Child>, Option<Ending>) {
        let has_ended = self.child.as_ref().is_none_or(|child| child.note_end().is_some());
        let ending = match (self.status, self.pid) {
            (Some(status), _) => Some(Ending::Exit(status)),
            (None, Some(pid)) if has_ended => Some(self.parent.ending_of(pid)),
            _ => None,
        };
        (self.child, ending)
    }

    /// Takes one message of the child. `None`: there is none.
    fn receive(&mut self) -> Option<()> {
        let mut message = [0; 32];
        let length = loop {
            match recv(&self.control, &mut message[..], RecvFlags::DONTWAIT) {
                Ok((length, _)) => break length,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return None,
                Err(_) => break 0,
            }
        };
        let number = std::str::from_utf8(&message[..length]).ok().and_then(|text| text.parse::<i32>().ok());
        match number {
            Some(number) if self.theirs.is_some() => {
                // One that has ended already is in nobody's way.
                self.pid = Pid::from_raw(number);
                self.child = self.pid.and_then(|pid| Child::new(pid).ok());
                if let Some(child) = &self.child {
                    self.limits.apply(child.pid());
                    self.reaper.begin(child.pid());
                }
                // Not before: the script must not run a line without its limits.
                let _ = rustix::net::send(&self.control, b"g", SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
                self.theirs = None;
                self.take_by = None;
                self.parent.note_served();
            }
            Some(status) => self.status = Some(status),
            None => {
                self.hung_up = true;
                return None;
            }
        }
        (!self.hung_up).then_some(())
    }
}

impl Runner for WarmJob {
    fn watch<'a>(&'a self, descriptors: &mut Vec<PollFd<'a>>) {
        if !self.hung_up {
            descriptors.push(PollFd::new(&self.control, PollFlags::IN));
        }
        // What the script has forked may still hold the other end of the socket, when it has ended.
        if let Some(child) = &self.child {
            descriptors.push(PollFd::new(child, PollFlags::IN));
        }
    }

    fn look(&mut self) -> State {
        if self.take_by.is_some_and(|time| time <= Instant::now()) {
            // From here on no child can take it any more; one may have, just now.
            let _ = shutdown(&self.control, Shutdown::Both);
            self.parent.give_up();
        }
        while self.receive().is_some() {}
        match &self.child {
            _ if self.status.is_some() => State::Ended,
            Some(child) if child.note_end().is_some() => State::Ended,
            None if self.hung_up && self.theirs.is_none() => State::Ended,
            None if self.hung_up => State::Refused,
            _ => State::Running,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.take_by
    }
}
