//! The response of an exchange: its head, its body's account, its end.

use millau_gateway::{BodyLength, Error, Fault, Response, Tally, reason_phrase};

use crate::exchange::FrontExchange;
use crate::wire::{Afterwards, Opening};

impl FrontExchange {
    /// Writes the head.
    ///
    /// # Errors
    /// The application promised something that cannot be kept.
    pub(crate) fn open(&mut self, response: &Response, length: BodyLength) -> Result<(), Error> {
        if self.started {
            return Err(Error::application("the response was started twice"));
        }
        let may_persist = self.may_persist();
        let options = &self.shared.options;
        let opening = Opening { response, length, request: &self.request, may_persist, options };
        let wire = &mut self.wire;
        let opened = self.outbox.append(|out| wire.start(out, &opening))?;
        self.tally = opened.promised.map_or_else(Tally::open, Tally::promised);
        self.bodiless = opened.bodiless;
        self.frames = opened.frames;
        self.started = true;
        self.status = response.status;
        Ok(())
    }

    /// Answers in place of the application.
    pub(crate) fn refuse(&mut self, error: &Error) {
        let status = error.status();
        let peer_text = if error.fault() == Fault::Peer { error.message() } else { reason_phrase(status) };
        let (wire, request, options) = (&mut self.wire, &self.request, &self.shared.options);
        let answered = self.outbox.append(|out| {
            let before = out.len();
            wire.refuse(out, error, peer_text, request, options);
            out.len() > before && !error.is_disconnect()
        });
        self.started = true;
        self.refused = true;
        self.note_own_answer(status, if answered { peer_text.len() } else { 0 });
    }

    /// Notes for the access log that the engine has answered in place of the application.
    pub(crate) fn note_own_answer(&mut self, status: u16, body_length: usize) {
        self.status = status;
        self.bodiless = self.request.method == b"HEAD";
        self.tally = Tally::open();
        self.tally.admit(body_length as u64);
    }

    /// What becomes of the connection, once everything is sent.
    pub(crate) fn afterwards(&self) -> Afterwards {
        self.wire.afterwards(self.broken)
    }

    /// Body bytes that were sent or are on their way.
    pub(crate) fn body_sent(&self) -> u64 {
        if self.bodiless { 0 } else { self.tally.admitted() }
    }

    /// Sees to it that the response, of which a part is sent, cannot pass for whole if this process dies before the rest is.
    pub(crate) fn guard(&mut self) {
        if !self.started || self.bodiless || self.tally.promise().is_some() || self.wire.marks_end(self.frames) {
            return;
        }
        if let Some(connection) = &mut self.connection {
            connection.guard();
        }
    }

    /// True when the response was not completed.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Marks the response as broken, because it could not be sent.
    pub(crate) fn break_off(&mut self) {
        self.broken = true;
    }

    /// The response is not completed, and its peer is to see that.
    pub(crate) fn show_break(&mut self) {
        self.broken = true;
        let wire = &mut self.wire;
        self.outbox.append(|out| wire.break_off(out));
    }

    /// True when another request may follow on the connection, as far as the worker is concerned.
    fn may_persist(&self) -> bool {
        !self.shared.options.timeouts.keep_alive.is_zero() && !self.shared.is_draining()
    }

    /// How many of the next `length` bytes of the body go out.
    pub(crate) fn admit(&mut self, length: u64) -> u64 {
        let admitted = self.tally.admit(length);
        if self.bodiless { 0 } else { admitted }
    }

    /// Puts a stretch of the body into the outbox, wrapped as the protocol wants it: `put` is called with each part.
    pub(crate) fn wrap(&mut self, length: usize, mut put: impl FnMut(&mut Self, std::ops::Range<usize>)) {
        let mut done = 0;
        while done < length {
            let rest = (length - done) as u64;
            let frames = self.frames;
            let part = match frames.prefix {
                Some(prefix) => self.outbox.append(|out| prefix(out, rest, frames.key)),
                None => rest,
            };
            let end = done + part.clamp(1, rest) as usize;
            put(self, done..end);
            if !frames.suffix.is_empty() {
                self.outbox.push(frames.suffix);
            }
            done = end;
        }
    }

    /// Completes a response that the application has finished.
    pub(crate) fn complete(&mut self) {
        if !self.started {
            log::error!("{}: the application finished without a response", self.describe());
            self.refuse(&Error::application("the application finished without a response"));
            return;
        }
        if self.tally.excess() > 0 {
            log::error!(
                "{}: application error: the response body is longer than its Content-Length ({} bytes were cut off)",
                self.describe(),
                self.tally.excess()
            );
            self.wire.distrust();
        }
        if !self.tally.is_complete() && !self.bodiless {
            log::error!(
                "{}: application error: the response body ended after {} of the {} bytes that its Content-Length promised",
                self.describe(),
                self.tally.admitted(),
                self.tally.promise().unwrap_or_default()
            );
            self.show_break();
            return;
        }
        let wire = &mut self.wire;
        self.outbox.append(|out| wire.finish(out));
    }
}
