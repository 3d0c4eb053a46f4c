//! What applications see of an exchange: the channel of the gateway.

use std::fs::File;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use millau_gateway::{BodyLength, Bytes, Channel, Error, Filled, Request, Response, reason_phrase};
use rustix::event::PollFlags;

use crate::clock::now_ms;
use crate::deadline::Ended;
use crate::exchange::{FrontExchange, READ_PIECE};
use crate::outbox::Sent;

impl Channel for FrontExchange {
    fn request(&self) -> &Request {
        &self.request
    }

    fn request_mut(&mut self) -> &mut Request {
        &mut self.request
    }

    fn buffered(&self) -> &[u8] {
        if self.held_body.is_empty() { &self.body[self.body_taken..] } else { &self.held[self.held_body.clone()] }
    }

    fn consume(&mut self, length: usize) {
        if !self.held_body.is_empty() {
            self.held_body.start += length.min(self.held_body.len());
            return;
        }
        self.body_taken = (self.body_taken + length).min(self.body.len());
        if self.body_taken == self.body.len() {
            self.body.clear();
            self.body_taken = 0;
        }
    }

    fn is_body_complete(&self) -> bool {
        self.wire.is_body_done() && self.spool.is_none()
    }

    fn fill(&mut self) -> Result<bool, Error> {
        Ok(self.fill_up(true)? == Filled::More)
    }

    fn fill_now(&mut self) -> Result<Filled, Error> {
        self.fill_up(false)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.connection.as_ref().map(|connection| connection.socket())
    }

    fn start(&mut self, response: &Response, length: BodyLength) -> Result<(), Error> {
        self.open(response, length)
    }

    fn is_started(&self) -> bool {
        self.started
    }

    fn write(&mut self, data: &[u8]) {
        let admitted = self.admit(data.len() as u64) as usize;
        self.wrap(admitted, |this, part| this.outbox.push(&data[part]));
    }

    fn write_shared(&mut self, data: Bytes) {
        let admitted = self.admit(data.len() as u64) as usize;
        self.wrap(admitted, |this, part| this.outbox.push_shared(data.slice(part)));
    }

    fn write_file(&mut self, file: File, offset: u64, length: u64) -> Result<(), Error> {
        let admitted = self.admit(length);
        self.outbox.push_file(file, offset, admitted, self.frames);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.broken {
            return Err(Error::disconnected("the client has closed the connection"));
        }
        self.guard();
        let Some(connection) = &self.connection else {
            return Err(Error::engine("the connection of a request is missing"));
        };
        if self.started {
            let wire = &mut self.wire;
            self.outbox.append(|out| wire.flush(out));
        }
        // A peer that gets no body would never be seen to leave.
        if self.is_bodiless() && self.outbox.pending() == 0 {
            let gone = connection.wait_for(PollFlags::RDHUP, Duration::from_nanos(1));
            if !matches!(gone, Ok(false)) {
                return Err(self.disconnected("the client has closed the connection", std::io::ErrorKind::BrokenPipe));
            }
        }
        if let (Some(ticket), Some(deadlines)) = (self.ticket, &self.shared.deadlines) {
            deadlines.started(ticket);
        }
        match self.outbox.send(connection.socket()) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.disconnected("the client has closed the connection", error)),
        }
    }

    fn must_wait(&self) -> bool {
        self.outbox.pending() > self.shared.options.response_buffer
    }

    /// What a slow reader has not taken stays in memory as long as the application may wait for it. Otherwise it goes to disk,
    /// where there is room.
    fn wait(&mut self) -> Result<(), Error> {
        let enough = self.shared.options.response_buffer / 2;
        let timeout = self.shared.options.timeouts.send;
        let mut since = Instant::now();
        let mut taken: Option<Instant> = None;
        self.note_slow_reader();
        self.guard();
        loop {
            let Some(connection) = &self.connection else {
                return Err(Error::engine("the connection of a request is missing"));
            };
            let before = self.outbox.pending();
            match self.outbox.send(connection.socket()) {
                Ok(Sent::All) => return Ok(()),
                Ok(Sent::Blocked) if self.outbox.pending() <= enough => return Ok(()),
                Ok(Sent::Blocked) => {}
                Err(error) => return Err(self.disconnected("the client has closed the connection", error)),
            }
            // What the kernel has taken now has the place of what the reader has.
            if self.outbox.pending() < before {
                taken = Some(Instant::now());
            }
            let silence = Duration::from_millis(connection.silence(now_ms()));
            let silence = taken.map_or(silence, |taken| silence.min(taken.elapsed()));
            let still = since.elapsed().max(self.outbox.stalled());
            if still.min(silence) >= timeout {
                return Err(self.too_slow_a_reader());
            }
            if !self.shared.may_wait() && self.outbox.spill(&self.shared.response_spool) {
                return Ok(());
            }
            let mut left = timeout - still.min(silence);
            if self.gives_way() {
                let patience = self.shared.options.timeouts.crowded_send;
                if still >= patience && self.shared.lacks_threads() {
                    // More of its like may be in the queue, before what has come meanwhile.
                    let mut shift = self.shared.lock();
                    shift.newest_first = shift.slots.occupied();
                    drop(shift);
                    return Err(self.too_slow_a_reader());
                }
                left = left.min(patience);
            }
            let wait = || self.shared.waiting(|| connection.wait_for(PollFlags::OUT, left));
            match self.awaiting("its client reads too slowly", wait) {
                Ok(true) => since = Instant::now(),
                Ok(false) => {}
                Err(error) => return Err(self.disconnected("the connection cannot be waited for", error)),
            }
        }
    }

    fn is_body_sent(&self) -> bool {
        self.started && self.tally.promise().is_some() && self.tally.is_complete()
    }

    fn is_bodiless(&self) -> bool {
        self.started && self.bodiless
    }

    fn peer_error(&self) -> Option<&Error> {
        self.peer_error.as_ref()
    }

    fn wants_user(&self) -> bool {
        self.shared.options.access_log.is_some()
    }

    fn set_user(&mut self, user: &[u8]) {
        self.user = Some(user.to_vec());
    }

    fn finish(mut self: Box<Self>) {
        self.end();
        let shared = self.shared.clone();
        shared.give_back(self);
    }

    fn finish_early(mut self: Box<Self>) -> Result<(), Box<dyn Channel>> {
        let shared = self.shared.clone();
        let Some(term) = shared.leads() else { return Err(self) };
        self.end();
        shared.give_back_early(self, term);
        Ok(())
    }

    fn fail(mut self: Box<Self>, error: Error) {
        let ended = self.end_call();
        self.end_hold();
        let error = self.peer_error.take().unwrap_or(error);
        if error.is_disconnect() {
            log::debug!("{}: {error}", self.describe());
            self.broken = true;
        } else if self.started {
            self.show_break();
        } else {
            self.refuse(&error);
        }
        self.note_end(ended);
        let shared = self.shared.clone();
        shared.give_back(self);
    }
}

impl FrontExchange {
    /// The application's part is complete.
    fn end(&mut self) {
        let ended = self.end_call();
        self.end_hold();
        self.complete();
        self.note_end(ended);
    }

    /// The peer has taken nothing for too long: what waits for it is not sent any more.
    fn too_slow_a_reader(&mut self) -> Error {
        self.given_up = true;
        self.disconnected("the client is too slow to read", std::io::ErrorKind::TimedOut)
    }

    /// Waits for the peer, whose fault it is if the time of the call is over meanwhile.
    pub(crate) fn awaiting<T>(&self, what: &'static str, wait: impl FnOnce() -> T) -> T {
        let (Some(ticket), Some(deadlines)) = (self.ticket, &self.shared.deadlines) else { return wait() };
        deadlines.awaits(ticket, Some(what));
        let result = wait();
        deadlines.awaits(ticket, None);
        result
    }

    /// True for a call for a slow reader that goes first when somebody else needs its thread.
    fn gives_way(&self) -> bool {
        self.shared.options.threads_max == 1 || self.hold.is_some_and(|hold| hold.beyond_share)
    }

    /// From here on the call counts among those for slow readers. A single thread has nobody to share with.
    fn note_slow_reader(&mut self) {
        let threads = self.shared.options.threads_max;
        if threads > 1 && !self.hold.is_some_and(|hold| hold.slow) {
            self.hold = Some(self.shared.lock().slow_readers.note(self.target_name, self.hold, threads));
        }
    }

    /// The call is over, as far as its reader is concerned: requests that waited for that are ready again.
    pub(crate) fn end_hold(&mut self) {
        let Some(hold) = self.hold.take() else { return };
        let mut shift = self.shared.lock();
        let waited = shift.slow_readers.end(hold, self.shared.options.threads_max);
        if !waited.is_empty() {
            shift.return_to_queue(waited);
            self.shared.reactor.wake();
        }
    }

    /// From here on nobody answers over the application's head.
    fn end_call(&mut self) -> Ended {
        match (self.ticket.take(), &self.shared.deadlines) {
            (Some(ticket), Some(deadlines)) => deadlines.end(ticket),
            _ => Ended::InTime,
        }
    }

    fn note_end(&mut self, ended: Ended) {
        if ended != Ended::InTime {
            self.broken = true;
        }
        if ended == Ended::Answered {
            self.note_own_answer(504, reason_phrase(504).len());
        }
    }

    /// Buffers more of the body; waits for it only if it may.
    fn fill_up(&mut self, may_wait: bool) -> Result<Filled, Error> {
        let before = self.buffered().len();
        if self.body_taken > 0 {
            self.body.drain(..self.body_taken);
            self.body_taken = 0;
        }
        loop {
            if self.buffered().len() > before {
                return Ok(Filled::More);
            }
            if let Some(spool) = &mut self.spool {
                if spool.has_more() {
                    if let Err(error) = spool.take(&mut self.body, READ_PIECE) {
                        return Err(Error::operator("a spooled request body cannot be read").caused_by(error));
                    }
                    continue;
                }
                self.spool = None;
            }
            if self.wire.is_body_done() {
                self.uncount();
                return Ok(Filled::End);
            }
            match self.read_body(may_wait) {
                Ok(true) => {}
                Ok(false) => return Ok(Filled::NotYet),
                Err(error) => {
                    self.wire.distrust();
                    if self.peer_error.is_none() {
                        self.peer_error = Some(Error::peer(error.status(), error.message().to_owned()));
                    }
                    return Err(error);
                }
            }
        }
    }
}
