//! One request over HTTP/1 and its response: the channel between a connection and an application.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millau_gateway::{BodyLength, Bytes, Channel, Error, Request, Response, Tally, Version, reason_phrase};
use millau_http1::{
    BodyDecoder, BodyEncoding, CHUNK_END, CONTINUE, Framing, HeadEnd, LAST_CHUNK, ResponseHead, encode_chunk_prefix,
    encode_response_head, receive_request_head,
};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::clock;
use crate::connection::{Connection, Received};
use crate::outbox::{Outbox, Sent};
use crate::shift::Shared;
use crate::spool::Spool;

/// How much is read at once while an application waits for its body.
const READ_PIECE: usize = 64 * 1024;
/// No response has more than this on disk: a peer that reads nothing must not fill it.
const LONGEST_SPILL: u64 = 1024 * 1024 * 1024;
/// A body buffer that has grown past this is given back.
const KEEP_BELOW: usize = 64 * 1024;

/// What becomes of the connection when the response is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It waits for the next request.
    Keep,
    /// It closes; the peer may still be sending.
    Close,
    /// It breaks, so that nobody takes the response for whole.
    Reset,
}

/// Kept and used again; empty while it has no connection.
pub(crate) struct FrontExchange {
    shared: Arc<Shared>,
    pub(crate) connection: Option<Box<Connection>>,
    pub(crate) request: Request,
    decoder: BodyDecoder,
    /// Body bytes that have arrived; those before `body_taken` are consumed.
    body: Vec<u8>,
    body_taken: usize,
    /// The beginning of a chunked body that outgrew its buffer; what is in `body` comes behind it.
    spool: Option<Spool>,
    /// The client waits for `100 Continue` before it sends its body (RFC 9110 §10.1.1).
    continue_awaited: bool,
    persistent: bool,
    encoding: BodyEncoding,
    tally: Tally,
    started: bool,
    /// The response goes no further: why is in the log.
    broken: bool,
    /// The engine has answered in place of the application.
    refused: bool,
    /// No file could be made for what a slow reader leaves.
    spill_failed: bool,
    peer_error: Option<Error>,
    pub(crate) outbox: Outbox,
    pub(crate) status: u16,
    pub(crate) user: Option<Vec<u8>>,
    /// When the head was complete; only noted for the access log.
    pub(crate) began: Option<Instant>,
}

impl FrontExchange {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            connection: None,
            request: Request::default(),
            decoder: BodyDecoder::new(Framing::None),
            body: Vec::new(),
            body_taken: 0,
            spool: None,
            continue_awaited: false,
            persistent: false,
            encoding: BodyEncoding::None,
            tally: Tally::open(),
            started: false,
            broken: false,
            refused: false,
            spill_failed: false,
            peer_error: None,
            outbox: Outbox::default(),
            status: 0,
            user: None,
            began: None,
        }
    }

    /// Looks for a head at the start of `input`, which is everything received so far, and gives its length. `None`: more
    /// has to come.
    ///
    /// # Errors
    /// Why the request must be refused; the exchange can then answer with [`FrontExchange::refuse`].
    pub(crate) fn begin(&mut self, connection: &mut Connection, input: &[u8]) -> Result<Option<usize>, Error> {
        self.expect_from(connection);
        let limits = &self.shared.options.limits;
        let Some(head) = receive_request_head(&mut connection.head_end, input, limits, &mut self.request)? else {
            return Ok(None);
        };
        connection.head_end = HeadEnd::default();
        connection.head_since = 0;
        if self.shared.options.access_log.is_some() {
            self.began = Some(Instant::now());
        }
        self.decoder = BodyDecoder::new(head.body);
        self.persistent = head.persistent;
        self.continue_awaited = head.expects_continue;
        Ok(Some(head.length))
    }

    /// Makes the request empty, and that of this connection.
    pub(crate) fn expect_from(&mut self, connection: &Connection) {
        if !Arc::ptr_eq(&self.request.local, &connection.local) {
            self.request.local = connection.local.clone();
        }
        self.request.peer = connection.peer;
        self.request.clear();
    }

    /// Moves body bytes from `input` to the buffer, as many as it may hold before the application is called.
    ///
    /// # Errors
    /// The body is malformed or too long.
    pub(crate) fn take_body(&mut self, input: &[u8]) -> Result<usize, Error> {
        let limit = self.shared.options.request_buffer;
        let mut consumed = self.decode(input, limit)?;
        while self.must_spool() {
            self.spool_body()?;
            consumed += self.decode(&input[consumed..], limit)?;
        }
        Ok(consumed)
    }

    /// True when a chunked body has filled its buffer, or has ended behind what is in the spool.
    fn must_spool(&self) -> bool {
        let limit = self.shared.options.request_buffer;
        // So does the body of a slow sender when enough threads wait for such senders already.
        let whole = self.request.streamed_body || self.spool.is_some() || !self.shared.may_wait();
        let is_full = whole && limit > 0 && self.body.len() >= limit && !self.decoder.is_done();
        is_full || (self.spool.is_some() && self.decoder.is_done() && !self.body.is_empty())
    }

    fn spool_body(&mut self) -> Result<(), Error> {
        let mut spool = || -> std::io::Result<()> {
            let spool = match &mut self.spool {
                Some(spool) => spool,
                none => none.insert(Spool::new()?),
            };
            spool.put(&self.body)
        };
        if let Err(error) = spool() {
            let directory = std::env::temp_dir();
            let what =
                format!("a request body cannot be kept in {} (TMPDIR names another directory)", directory.display());
            let error = Error::operator(what).caused_by(error);
            log::error!("{}: operator error: {error}", self.describe());
            return Err(error);
        }
        self.body.clear();
        Ok(())
    }

    fn decode(&mut self, input: &[u8], limit: usize) -> Result<usize, Error> {
        let mut consumed = 0;
        while !self.decoder.is_done() && consumed < input.len() && self.body.len() < limit.max(1) {
            let rest = &input[consumed..];
            let decoded = self.decoder.decode(rest, &self.shared.options.limits)?;
            self.body.extend_from_slice(&rest[decoded.data]);
            if decoded.consumed == 0 {
                break;
            }
            consumed += decoded.consumed;
        }
        if consumed > 0 {
            // Whoever sends its body at once does not wait.
            self.continue_awaited = false;
        }
        Ok(consumed)
    }

    /// True when the application can be called: the body is here, or as much of it as may be buffered, or the client
    /// waits to hear whether the application wants it.
    ///
    /// A chunked body that is here has a length by now, which helps applications that know only CONTENT_LENGTH.
    pub(crate) fn is_ready(&mut self) -> bool {
        if self.spool.is_some() && !self.decoder.is_done() {
            return false;
        }
        if self.request.streamed_body && self.decoder.is_done() {
            let length = self.spool.as_ref().map_or(self.body.len() as u64, Spool::length);
            self.request.content_length = Some(length);
        }
        self.decoder.is_done() || self.continue_awaited || self.body.len() >= self.shared.options.request_buffer
    }

    /// Answers in place of the application, and closes afterwards.
    pub(crate) fn refuse(&mut self, error: &Error) {
        let status = error.status();
        let peer_text = if status < 500 { error.message() } else { reason_phrase(status) };
        let server = &self.shared.options.server_field;
        let head_request = self.request.method == b"HEAD";
        let out = self.outbox.buffer();
        let before = out.len();
        millau_http1::encode_error(out, status, peer_text, &clock::date(), server, head_request);
        self.outbox.appended(before);
        self.status = status;
        self.started = true;
        self.refused = true;
        self.persistent = false;
        self.encoding = BodyEncoding::None;
        self.tally = Tally::open();
    }

    /// What becomes of the connection, once everything is sent.
    pub(crate) fn afterwards(&self) -> Afterwards {
        if self.broken && matches!(self.encoding, BodyEncoding::UntilClose) {
            Afterwards::Reset
        } else if self.persistent && !self.broken && self.decoder.is_done() {
            Afterwards::Keep
        } else {
            Afterwards::Close
        }
    }

    /// True when the request was read to its end and nothing has come behind it.
    pub(crate) fn is_read_out(&self) -> bool {
        let emptied = |connection: &Connection| connection.drained && connection.inbox.is_empty();
        !self.refused && self.decoder.is_done() && self.connection.as_deref().is_some_and(emptied)
    }

    /// Body bytes that were sent or are on their way.
    pub(crate) fn body_sent(&self) -> u64 {
        if matches!(self.encoding, BodyEncoding::None) { 0 } else { self.tally.admitted() }
    }

    /// True when the response was not completed.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Marks the response as broken, because it could not be sent.
    pub(crate) fn break_off(&mut self) {
        self.broken = true;
    }

    /// Empties it for the next request and gives the connection out.
    pub(crate) fn release(&mut self) -> Option<Box<Connection>> {
        self.body.clear();
        if self.body.capacity() > KEEP_BELOW {
            self.body = Vec::new();
        }
        self.body_taken = 0;
        self.spool = None;
        self.continue_awaited = false;
        self.started = false;
        self.broken = false;
        self.refused = false;
        self.spill_failed = false;
        self.peer_error = None;
        self.encoding = BodyEncoding::None;
        self.tally = Tally::open();
        self.outbox.clear();
        self.status = 0;
        self.user = None;
        self.began = None;
        self.connection.take()
    }

    /// Where in the log to look: the peer and the request line.
    pub(crate) fn describe(&self) -> String {
        let peer = match self.request.peer {
            millau_gateway::Peer::Inet(address) => address.to_string(),
            millau_gateway::Peer::Local => "local peer".to_owned(),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).into_owned();
        format!("{peer} {} {}", text(&self.request.method), text(self.request.target()))
    }

    /// True when another request may follow on the connection, as far as can be told when the response begins.
    fn may_persist(&self) -> bool {
        let keeps_alive = !self.shared.options.timeouts.keep_alive.is_zero();
        self.persistent && keeps_alive && self.decoder.is_done() && !self.shared.is_draining()
    }

    /// What a slow reader has not taken stays in memory as long as the application may wait for it; on disk otherwise.
    fn make_room(&mut self) {
        let slow = self.outbox.pending() > self.shared.options.response_buffer;
        if slow
            && !self.shared.may_wait()
            && !self.spill_failed
            && let Err(error) = self.outbox.spill()
        {
            self.spill_failed = true;
            let directory = std::env::temp_dir();
            log::error!("operator error: a response cannot be kept in {}: {error}", directory.display());
        }
    }

    fn frame(&mut self, length: u64) -> Option<usize> {
        self.make_room();
        let admitted = self.tally.admit(length);
        if admitted == 0 || matches!(self.encoding, BodyEncoding::None) {
            return None;
        }
        if matches!(self.encoding, BodyEncoding::Chunked) {
            let out = self.outbox.buffer();
            let before = out.len();
            encode_chunk_prefix(out, admitted as usize);
            self.outbox.appended(before);
        }
        usize::try_from(admitted).ok()
    }

    fn end_frame(&mut self) {
        if matches!(self.encoding, BodyEncoding::Chunked) {
            self.outbox.push(CHUNK_END);
        }
    }

    /// Completes the framing of a response that the application has finished.
    fn complete(&mut self) {
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
            self.persistent = false;
        }
        if !self.tally.is_complete() && !matches!(self.encoding, BodyEncoding::None) {
            log::error!(
                "{}: application error: the response body ended after {} of the {} bytes that its Content-Length promised",
                self.describe(),
                self.tally.admitted(),
                self.tally.promise().unwrap_or_default()
            );
            self.broken = true;
        }
        if matches!(self.encoding, BodyEncoding::Chunked) {
            self.outbox.push(LAST_CHUNK);
        }
    }

    fn disconnected(&mut self, what: &'static str, source: impl Into<std::io::Error>) -> Error {
        self.broken = true;
        self.peer_error = Some(Error::disconnected(what));
        Error::disconnected(what).caused_by(source.into())
    }
}

/// Waits until the socket is ready for one of `flags`, or the time is over.
fn wait_for(connection: &Connection, flags: PollFlags, timeout: Duration) -> Result<bool, Errno> {
    let until = (!timeout.is_zero()).then(|| Instant::now() + timeout);
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        let mut descriptors = [PollFd::new(&connection.socket, flags)];
        match rustix::event::poll(&mut descriptors, left.as_ref()) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

impl Channel for FrontExchange {
    fn request(&self) -> &Request {
        &self.request
    }

    fn request_mut(&mut self) -> &mut Request {
        &mut self.request
    }

    fn buffered(&self) -> &[u8] {
        &self.body[self.body_taken..]
    }

    fn consume(&mut self, length: usize) {
        self.body_taken = (self.body_taken + length).min(self.body.len());
        if self.body_taken == self.body.len() {
            self.body.clear();
            self.body_taken = 0;
        }
    }

    fn is_body_complete(&self) -> bool {
        self.decoder.is_done() && self.spool.is_none()
    }

    fn fill(&mut self) -> Result<bool, Error> {
        let before = self.buffered().len();
        if self.body_taken > 0 {
            self.body.drain(..self.body_taken);
            self.body_taken = 0;
        }
        loop {
            if self.buffered().len() > before {
                return Ok(true);
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
            if self.decoder.is_done() {
                return Ok(false);
            }
            let Some(mut connection) = self.connection.take() else {
                return Err(Error::engine("the connection of a request is missing"));
            };
            let result = self.fill_once(&mut connection);
            self.connection = Some(connection);
            if let Err(error) = result {
                self.persistent = false;
                if self.peer_error.is_none() {
                    self.peer_error = Some(Error::peer(error.status(), error.message().to_owned()));
                }
                return Err(error);
            }
        }
    }

    fn start(&mut self, response: &Response, length: BodyLength) -> Result<(), Error> {
        if self.started {
            return Err(Error::application("the response was started twice"));
        }
        let head = ResponseHead {
            response,
            length,
            request_version: self.request.version,
            head_request: self.request.method == b"HEAD",
            persistent: self.may_persist(),
            date: &clock::date(),
            server: &self.shared.options.server_field,
        };
        let out = self.outbox.buffer();
        let before = out.len();
        match encode_response_head(out, &head) {
            Ok((encoding, persistent)) => {
                self.outbox.appended(before);
                self.tally = match encoding {
                    BodyEncoding::Length(length) => Tally::promised(length),
                    _ => Tally::open(),
                };
                self.encoding = encoding;
                self.persistent = persistent;
                self.started = true;
                self.status = response.status;
                Ok(())
            }
            Err(error) => {
                out.truncate(before);
                Err(error.into())
            }
        }
    }

    fn is_started(&self) -> bool {
        self.started
    }

    fn write(&mut self, data: &[u8]) {
        if let Some(admitted) = self.frame(data.len() as u64) {
            self.outbox.push(&data[..admitted]);
            self.end_frame();
        }
    }

    fn write_shared(&mut self, data: Bytes) {
        if let Some(admitted) = self.frame(data.len() as u64) {
            self.outbox.push_shared(if admitted == data.len() { data } else { data.slice(..admitted) });
            self.end_frame();
        }
    }

    fn write_file(&mut self, file: File, offset: u64, length: u64) -> Result<(), Error> {
        if let Some(admitted) = self.frame(length) {
            self.outbox.push_file(file, offset, admitted as u64);
            self.end_frame();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.broken {
            return Err(Error::disconnected("the client has closed the connection"));
        }
        let Some(connection) = &self.connection else {
            return Err(Error::engine("the connection of a request is missing"));
        };
        match self.outbox.send(connection.socket()) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.disconnected("the client has closed the connection", error)),
        }
    }

    fn must_wait(&self) -> bool {
        let too_much = self.outbox.pending() > self.shared.options.response_buffer;
        let cannot_spill = self.spill_failed || self.outbox.spill_failed() || self.shared.may_wait();
        (too_much && !self.outbox.spills() && cannot_spill) || self.outbox.on_disk() >= LONGEST_SPILL
    }

    fn wait(&mut self) -> Result<(), Error> {
        let enough = self.shared.options.response_buffer / 2;
        let timeout = self.shared.options.timeouts.send;
        let too_much = |outbox: &Outbox| outbox.pending() > enough || outbox.on_disk() > LONGEST_SPILL / 2;
        while too_much(&self.outbox) {
            let Some(connection) = &self.connection else {
                return Err(Error::engine("the connection of a request is missing"));
            };
            match self.outbox.send(connection.socket()) {
                Ok(Sent::All) => break,
                Ok(Sent::Blocked) if !too_much(&self.outbox) => break,
                Ok(Sent::Blocked) => match self.shared.waiting(|| wait_for(connection, PollFlags::OUT, timeout)) {
                    Ok(true) => {}
                    Ok(false) => {
                        return Err(self.disconnected("the client is too slow to read", std::io::ErrorKind::TimedOut));
                    }
                    Err(error) => return Err(self.disconnected("the connection cannot be waited for", error)),
                },
                Err(error) => return Err(self.disconnected("the client has closed the connection", error)),
            }
        }
        Ok(())
    }

    fn is_body_sent(&self) -> bool {
        self.started && self.tally.promise().is_some() && self.tally.is_complete()
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
        self.complete();
        let shared = self.shared.clone();
        shared.give_back(self);
    }

    fn fail(mut self: Box<Self>, error: Error) {
        let error = self.peer_error.take().unwrap_or(error);
        if error.is_disconnect() {
            log::debug!("{}: {error}", self.describe());
            self.broken = true;
        } else if self.started {
            self.broken = true;
        } else {
            self.refuse(&error);
        }
        let shared = self.shared.clone();
        shared.give_back(self);
    }
}

impl FrontExchange {
    /// Reads once for an application that waits for its body; waits itself if nothing is there.
    fn fill_once(&mut self, connection: &mut Connection) -> Result<(), Error> {
        if self.continue_awaited && connection.inbox.is_empty() {
            self.continue_awaited = false;
            if !self.started && self.request.version >= Version::Http11 {
                self.outbox.push(CONTINUE);
                if let Err(error) = self.outbox.send(connection.socket()) {
                    return Err(self.disconnected("the client has closed the connection", error));
                }
            }
        }
        if !connection.inbox.is_empty() && self.decode_inbox(connection)? {
            return Ok(());
        }
        if connection.ended {
            return Err(self.disconnected("the client ended its body early", std::io::ErrorKind::UnexpectedEof));
        }
        let mut piece = vec![0; READ_PIECE];
        match connection.receive(&mut piece) {
            Received::Data(length) if connection.inbox.is_empty() => {
                let consumed = self.decode(&piece[..length], usize::MAX)?;
                connection.inbox.extend_from_slice(&piece[consumed..length]);
            }
            Received::Data(length) => {
                connection.inbox.extend_from_slice(&piece[..length]);
                self.decode_inbox(connection)?;
            }
            Received::Nothing => {
                match self.shared.waiting(|| wait_for(connection, PollFlags::IN, self.shared.options.timeouts.body)) {
                    Ok(true) => {}
                    Ok(false) => return Err(Error::peer(408, "the body of the request did not arrive in time")),
                    Err(error) => return Err(self.disconnected("the connection cannot be waited for", error)),
                }
            }
            Received::End => connection.ended = true,
            Received::Broken(error) => return Err(self.disconnected("the client has closed the connection", error)),
        }
        Ok(())
    }

    /// Decodes what was received before. `false`: it is less than one unit (half a chunk line), more has to come.
    fn decode_inbox(&mut self, connection: &mut Connection) -> Result<bool, Error> {
        let mut inbox = std::mem::take(&mut connection.inbox);
        let consumed = self.decode(&inbox, usize::MAX)?;
        if consumed < inbox.len() {
            inbox.drain(..consumed);
            connection.inbox = inbox;
        }
        Ok(consumed > 0)
    }
}

impl Drop for FrontExchange {
    /// Whoever drops an exchange with its connection has neither finished nor failed it.
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        log::error!("{}: the response was given up; the connection is closed", self.describe());
        if self.started {
            connection.reset_on_close();
        }
        self.shared.abandon(*connection);
    }
}
