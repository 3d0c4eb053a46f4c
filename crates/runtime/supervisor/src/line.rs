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
