//! The supervisor's line to one template and to its workers that are not ready yet.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::PollFlags;
use rustix::process::Pid;

use crate::message::{Command, Received, Report};

/// The line, and the process at its other end.
#[derive(Debug)]
pub(crate) struct Line {
    /// The template, while it is not reaped.
    pub(crate) template: Option<Pid>,
    /// `None` when nobody is left at the other end. Workers hold it until they are ready, so it can outlast the
    /// template.
    socket: Option<OwnedFd>,
    /// Commands for a template that has not read the earlier ones.
    outgoing: VecDeque<Command>,
}

impl Line {
    pub(crate) fn new(template: Pid, socket: OwnedFd) -> Self {
        Self { template: Some(template), socket: Some(socket), outgoing: VecDeque::new() }
    }

    /// Sends a command, now or when the template can take it. Nothing happens if the template is gone: its end is, or
    /// will be, news enough.
    pub(crate) fn send(&mut self, command: Command) {
        if self.template.is_some() {
            self.outgoing.push_back(command);
            self.flush();
        }
    }

    /// Sends what has been waiting, as far as possible.
    pub(crate) fn flush(&mut self) {
        let Some(socket) = &self.socket else { return self.outgoing.clear() };
        while let Some(command) = self.outgoing.front() {
            match command.send(socket) {
                Ok(true) => drop(self.outgoing.pop_front()),
                Ok(false) => return,
                Err(_) => return self.outgoing.clear(),
            }
        }
    }

    /// Everything that has arrived.
    pub(crate) fn receive(&mut self) -> Vec<Report> {
        let mut reports = Vec::new();
        while let Some(socket) = &self.socket {
            match Report::receive(socket) {
                Ok(Received::Message(report)) => reports.push(report),
                Ok(Received::Nothing) => break,
                Ok(Received::Closed) => self.socket = None,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    log::warn!("the supervisor ignores a message from the process of a template: {error}");
                }
                Err(error) => {
                    log::error!("the line to a template is broken: {error}");
                    self.socket = None;
                }
            }
        }
        reports
    }

    /// Whether anybody can still say something.
    pub(crate) fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    /// What to poll for.
    pub(crate) fn interest(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let writing = if self.outgoing.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        self.socket.as_ref().map(|socket| (socket.as_fd(), PollFlags::IN | writing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message;

    fn line() -> (Line, OwnedFd) {
        let (ours, theirs) = message::pair().unwrap();
        (Line::new(Pid::from_raw(4711).unwrap(), ours), theirs)
    }

    #[test]
    fn commands_that_a_template_cannot_take_yet_arrive_later_in_order() {
        let (mut line, theirs) = line();
        // More than the system keeps for a socket.
        let sent = 5000;
        (0..sent).for_each(|seat| line.send(Command::Start { seat }));
        assert!(line.interest().unwrap().1.contains(PollFlags::OUT));
        let mut received = 0;
        while let Received::Message(command) = Command::receive(&theirs).unwrap() {
            assert_eq!(command, Command::Start { seat: received });
            received += 1;
            line.flush();
        }
        assert_eq!(received, sent);
        assert_eq!(line.interest().unwrap().1, PollFlags::IN);
    }

    #[test]
    fn a_template_that_is_gone_is_told_nothing() {
        let (mut line, theirs) = line();
        Report::LoadFailed.send(&theirs).unwrap();
        drop(theirs);
        line.send(Command::Start { seat: 1 });
        assert!(line.outgoing.is_empty());
        assert_eq!(line.receive(), [Report::LoadFailed], "but its last words are heard");
        assert!(!line.is_open());
        line.send(Command::Start { seat: 2 });
        line.template = None;
        line.send(Command::Start { seat: 3 });
        assert!(line.outgoing.is_empty());
    }
}
