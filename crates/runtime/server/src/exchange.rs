//! One request at a front and its response: what is the same for every protocol.
//!
//! The side of the request is here, that of the response in `respond`, and what applications see of both in `channel`.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use millau_gateway::{Channel as _, Error, Request, Tally, forwarded};
use rustix::event::PollFlags;

use crate::clock::now_ms;
use crate::connection::{Connection, Received};
use crate::deadline::Ticket;
use crate::lead::RECEIVE_PIECE;
use crate::outbox::{Outbox, Sent};
use crate::shift::Shared;
use crate::slow_readers::Hold;
use crate::spool::Spool;
use crate::wire::{Begun, Frames, Wire};

/// How much is read at once while an application waits for its body.
pub(crate) const READ_PIECE: usize = 64 * 1024;
/// Bytes that the protocol itself may have to say before the response begins: a peer that asks and does not read would fill
/// the memory with answers.
const MOST_REPLIES: usize = 64 * 1024;
/// A body buffer that has grown past this is given back.
const KEEP_BELOW: usize = 64 * 1024;

/// Kept and used again; empty while it has no connection.
pub(crate) struct FrontExchange {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connection: Option<Box<Connection>>,
    /// The connection's protocol, for as long as the connection is here.
    pub(crate) wire: Wire,
    pub(crate) request: Request,
    /// Body bytes that have arrived; those before `body_taken` are consumed.
    pub(crate) body: Vec<u8>,
    pub(crate) body_taken: usize,
    /// A body that has arrived whole, in the buffer it was received in; then there is nothing in `body`.
    pub(crate) held: Vec<u8>,
    /// What of `held` is not consumed.
    pub(crate) held_body: Range<usize>,
    /// The beginning of a chunked body that outgrew its buffer; what is in `body` comes behind it.
    pub(crate) spool: Option<Spool>,
    /// Its body goes no further before there is room on disk: since when, in milliseconds.
    pub(crate) crowded_since: Option<u64>,
    /// It is counted among those whose application may have to wait for the rest of the body.
    pub(crate) counted: bool,
    /// The name of its target among the blockers, where the worker has more than one thread.
    pub(crate) target_name: u64,
    /// It is counted among the calls for slow readers.
    pub(crate) hold: Option<Hold>,
    /// How the body of the response is wrapped.
    pub(crate) frames: Frames,
    /// What the application writes is not sent.
    pub(crate) bodiless: bool,
    pub(crate) tally: Tally,
    pub(crate) started: bool,
    /// The response goes no further: why is in the log.
    pub(crate) broken: bool,
    /// The engine has answered in place of the application.
    pub(crate) refused: bool,
    /// The peer has been too slow to read: nothing more is sent.
    pub(crate) given_up: bool,
    pub(crate) peer_error: Option<Error>,
    pub(crate) outbox: Outbox,
    pub(crate) status: u16,
    pub(crate) user: Option<Vec<u8>>,
    /// When the head was complete; only noted for the access log.
    pub(crate) began: Option<Instant>,
    /// The call that it belongs to, where calls have a limit to their time.
    pub(crate) ticket: Option<Ticket>,
}

impl FrontExchange {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            connection: None,
            wire: Wire::default(),
            request: Request::default(),
            body: Vec::new(),
            body_taken: 0,
            held: Vec::new(),
            held_body: 0..0,
            spool: None,
            crowded_since: None,
            counted: false,
            target_name: 0,
            hold: None,
            frames: Frames::NONE,
            bodiless: true,
            tally: Tally::open(),
            started: false,
            broken: false,
            refused: false,
            given_up: false,
            peer_error: None,
            outbox: Outbox::default(),
            status: 0,
            user: None,
            began: None,
            ticket: None,
        }
    }

    /// Looks for a head at the start of `input`, which is everything received and not used so far. Replies of the protocol
    /// itself are in the outbox afterwards.
    ///
    /// # Errors
    /// Why the request must be refused; the exchange can then answer with [`FrontExchange::refuse`].
    pub(crate) fn begin(&mut self, connection: &mut Connection, input: &[u8]) -> Result<Begun, Error> {
        self.expect_from(connection);
        let (wire, request) = (&mut connection.wire, &mut self.request);
        let begun = self.outbox.append(|out| wire.begin(input, request, out, &self.shared.options))?;
        if let Begun::Head(_) = begun {
            connection.head_since = 0;
            let proxies = &self.shared.options.forwarded_from;
            // Every other protocol says in words of its own who the client is.
            if !proxies.is_empty() && self.request.front.is_none() {
                forwarded::believe(&mut self.request, proxies);
            }
            if self.shared.options.access_log.is_some() {
                self.began = Some(Instant::now());
            }
        }
        Ok(begun)
    }

    /// Sends what the protocol itself has to say between two requests, and is empty again. `false`: the peer does not take it.
    pub(crate) fn reply(&mut self, connection: &Connection) -> bool {
        let replied = self.outbox.pending() == 0 || matches!(self.outbox.send(connection.socket()), Ok(Sent::All));
        self.outbox.clear();
        replied
    }

    /// Makes the request empty, and that of this connection.
    fn expect_from(&mut self, connection: &Connection) {
        if !Arc::ptr_eq(&self.request.local, &connection.local) {
            self.request.local = connection.local.clone();
        }
        self.request.peer = connection.peer;
        self.request.clear();
    }

    /// Takes the connection on which the request has come.
    pub(crate) fn adopt(&mut self, mut connection: Box<Connection>) {
        std::mem::swap(&mut self.wire, &mut connection.wire);
        self.connection = Some(connection);
    }

    /// Takes a connection on which no head has come, to answer with [`FrontExchange::refuse`].
    pub(crate) fn adopt_blank(&mut self, connection: Box<Connection>) {
        self.expect_from(&connection);
        self.adopt(connection);
    }

    /// Takes `buffer`, in which the whole body lies, and leaves another of the leader's size.
    pub(crate) fn hold(&mut self, buffer: &mut Vec<u8>, body: Range<usize>) {
        if self.held.len() != RECEIVE_PIECE {
            self.held = vec![0; RECEIVE_PIECE];
        }
        std::mem::swap(&mut self.held, buffer);
        self.held_body = body;
    }

    /// Moves body bytes from `input` to the buffer, as many as it may hold before the application is called.
    ///
    /// # Errors
    /// The body is malformed or too long.
    pub(crate) fn take_body(&mut self, input: &[u8]) -> Result<usize, Error> {
        let limit = self.shared.options.request_buffer;
        let mut consumed = self.decode(input, limit)?;
        while self.must_spool() {
            if !self.spool_body()? {
                self.crowded_since.get_or_insert_with(now_ms);
                return Ok(consumed);
            }
            consumed += self.decode(&input[consumed..], limit)?;
        }
        self.crowded_since = None;
        Ok(consumed)
    }

    /// True while nothing more of the body can be taken: there is no room for what is here of it.
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded_since.is_some() && self.must_spool() && !(self.may_fit() && self.has_room())
    }

    /// False for a body of which it is known that the whole share of the disk is too small for it.
    fn may_fit(&self) -> bool {
        self.request.content_length.is_none_or(|length| length <= self.shared.request_spool.limit())
    }

    fn has_room(&self) -> bool {
        self.shared.request_spool.has_room(self.spool.as_ref(), self.body.len() as u64)
    }

    /// True when a chunked body has filled its buffer, or has ended behind what is in the spool.
    fn must_spool(&self) -> bool {
        let limit = self.shared.options.request_buffer;
        // So does the body of a slow sender when enough threads wait for such senders already.
        let whole = self.request.streamed_body || self.spool.is_some() || !self.shared.may_wait();
        let is_done = self.wire.is_body_done();
        let is_full = whole && limit > 0 && self.body.len() >= limit && !is_done;
        is_full || (self.spool.is_some() && is_done && !self.body.is_empty())
    }

    /// Moves what is here of the body to disk. `false`: there is no room for it now.
    fn spool_body(&mut self) -> Result<bool, Error> {
        // Begun, it could not be ended. Without this, it waits until enough threads are there for slow senders again.
        if !self.may_fit() {
            return Ok(false);
        }
        let share = &self.shared.request_spool;
        let length = self.spool.as_ref().map_or(0, Spool::length) + self.body.len() as u64;
        if length > share.limit() {
            return Err(Error::peer(413, "the request's body has no Content-Length, and is too large to be kept"));
        }
        match Spool::put(&mut self.spool, share, &self.body) {
            Ok(true) => {
                self.body.clear();
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(error) => {
                let directory = std::env::temp_dir();
                let what = format!(
                    "a request body cannot be kept in {} (TMPDIR names another directory)",
                    directory.display()
                );
                let error = Error::operator(what).caused_by(error);
                log::error!("{}: operator error: {error}", self.describe());
                Err(error)
            }
        }
    }

    pub(crate) fn decode(&mut self, input: &[u8], limit: usize) -> Result<usize, Error> {
        let (wire, body, options) = (&mut self.wire, &mut self.body, &self.shared.options);
        let consumed = self.outbox.append(|out| wire.decode(input, body, limit.max(1), out, options))?;
        if !self.started && self.outbox.pending() > MOST_REPLIES {
            return Err(Error::peer(400, "the front server asks questions and does not read the answers"));
        }
        Ok(consumed)
    }

    /// True when the application can be called: the body is here, or as much of it as may be buffered, or the client
    /// waits to hear whether the application wants it.
    ///
    /// A chunked body that is here has a length by now, which helps applications that know only CONTENT_LENGTH.
    pub(crate) fn is_ready(&mut self) -> bool {
        let is_done = self.wire.is_body_done();
        if self.crowded_since.is_some() || (self.spool.is_some() && !is_done) {
            return false;
        }
        if let Some(spool) = self.spool.as_ref().filter(|_| is_done) {
            spool.close();
        }
        if self.request.streamed_body && is_done {
            let length = self.spool.as_ref().map_or(self.body.len() as u64, Spool::length);
            // Over HTTP, chunks without data are a body of length 0. Elsewhere it shows only now that there is no body.
            let is_body = length > 0 || self.wire.is_http();
            self.request.streamed_body = is_body;
            self.request.content_length = is_body.then_some(length);
        }
        is_done || self.wire.awaits_invitation() || self.body.len() >= self.shared.options.request_buffer
    }

    /// The application is about to be called, with a body of which more has to come: from now on, and not only when it waits,
    /// that counts. Many may be ready before the first of them runs.
    pub(crate) fn count(&mut self) {
        if !self.counted && !self.is_body_complete() {
            self.counted = true;
            self.shared.count_waiting(1);
        }
    }

    /// Nothing more has to come.
    pub(crate) fn uncount(&mut self) {
        if std::mem::take(&mut self.counted) {
            self.shared.count_waiting(-1);
        }
    }

    /// Puts on the way what the protocol itself has to say while the body is read. What the peer does not take now goes out
    /// with the response.
    ///
    /// # Errors
    /// The peer is gone.
    pub(crate) fn invite_body(&mut self, connection: &Connection) -> std::io::Result<()> {
        let (wire, started) = (&mut self.wire, self.started);
        self.outbox.append(|out| wire.invite(out, started));
        if self.outbox.pending() > 0 { self.outbox.send(connection.socket()).map(drop) } else { Ok(()) }
    }

    /// Reads once for an application that wants its body; if nothing is there, waits for it, or says `false`.
    pub(crate) fn read_body(&mut self, may_wait: bool) -> Result<bool, Error> {
        let Some(mut connection) = self.connection.take() else {
            return Err(Error::engine("the connection of a request is missing"));
        };
        let result = self.read_body_from(&mut connection, may_wait);
        self.connection = Some(connection);
        result
    }

    fn read_body_from(&mut self, connection: &mut Connection, may_wait: bool) -> Result<bool, Error> {
        if connection.inbox.is_empty()
            && let Err(error) = self.invite_body(connection)
        {
            return Err(self.disconnected("the client has closed the connection", error));
        }
        if !connection.inbox.is_empty() && self.decode_inbox(connection)? {
            return Ok(true);
        }
        if connection.ended {
            let what = "the client ended its body early";
            log::log!(self.peer_level(), "{}: peer error: {what}", self.describe());
            return Err(self.disconnected(what, std::io::ErrorKind::UnexpectedEof));
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
            Received::Nothing if !may_wait => return Ok(false),
            Received::Nothing => {
                let timeout = self.shared.options.timeouts.body;
                match self.awaiting("its body comes too slowly", || connection.wait_for(PollFlags::IN, timeout)) {
                    Ok(true) => {}
                    Ok(false) => return Err(Error::peer(408, "the body of the request did not arrive in time")),
                    Err(error) => return Err(self.disconnected("the connection cannot be waited for", error)),
                }
            }
            Received::End => connection.ended = true,
            Received::Broken(error) => return Err(self.disconnected("the client has closed the connection", error)),
        }
        Ok(true)
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

    /// True when the request was read to its end and nothing has come behind it.
    pub(crate) fn is_read_out(&self) -> bool {
        let emptied = |connection: &Connection| connection.drained && connection.inbox.is_empty();
        !self.refused && self.wire.is_read_out() && self.connection.as_deref().is_some_and(emptied)
    }

    /// Empties it for the next request and gives the connection out.
    pub(crate) fn release(&mut self) -> Option<Box<Connection>> {
        self.body.clear();
        if self.body.capacity() > KEEP_BELOW {
            self.body = Vec::new();
        }
        self.body_taken = 0;
        self.held_body = 0..0;
        if self.held.capacity() > RECEIVE_PIECE {
            self.held = Vec::new();
        }
        self.spool = None;
        self.crowded_since = None;
        self.uncount();
        self.frames = Frames::NONE;
        self.bodiless = true;
        self.started = false;
        self.broken = false;
        self.refused = false;
        self.given_up = false;
        self.peer_error = None;
        self.tally = Tally::open();
        self.outbox.clear();
        self.status = 0;
        self.user = None;
        self.began = None;
        self.ticket = None;
        let mut connection = self.connection.take()?;
        std::mem::swap(&mut self.wire, &mut connection.wire);
        Some(connection)
    }

    /// How a fault of the peer is logged: that of any client, or of the operator's own front server.
    pub(crate) fn peer_level(&self) -> log::Level {
        if self.wire.is_http() { log::Level::Debug } else { log::Level::Warn }
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

    pub(crate) fn disconnected(&mut self, what: &'static str, source: impl Into<std::io::Error>) -> Error {
        self.broken = true;
        self.peer_error = Some(Error::disconnected(what));
        Error::disconnected(what).caused_by(source.into())
    }
}

impl Drop for FrontExchange {
    /// Whoever drops an exchange with its connection has neither finished nor failed it.
    fn drop(&mut self) {
        self.uncount();
        self.end_hold();
        let Some(connection) = self.connection.take() else { return };
        log::error!("{}: the response was given up; the connection is closed", self.describe());
        if self.started {
            connection.reset_on_close();
        }
        self.shared.abandon(*connection);
    }
}
