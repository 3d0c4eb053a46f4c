//! What the protocol of a front is to the worker: bytes to a request and its body, a response to bytes.
//!
//! One `Wire` belongs to each connection. Everything else about a request (its body's buffer, what is still to be sent,
//! limits of time) is the same for every protocol and lives in [`FrontExchange`](crate::exchange::FrontExchange). A front is
//! added here as a variant, and as a file in `wire/` that puts its protocol crate to use.

mod ajp;
mod cgi_response;
mod fastcgi;
mod http1;
mod single;

use millau_config::Protocol;
use millau_gateway::{BodyLength, Error, Request, Response};

use crate::options::Options;

use ajp::Ajp;
use fastcgi::Fastcgi;
use http1::Http1;
use single::{Dialect, Single};

/// What the beginning of a request brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// More has to come. So many bytes of the input are done with; the rest must be shown again.
    More(usize),
    /// The request is filled. So many bytes of the input are done with; what follows may be its body.
    Head(usize),
}

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

/// What a response head is made from.
pub(crate) struct Opening<'a> {
    pub(crate) response: &'a Response,
    pub(crate) length: BodyLength,
    pub(crate) request: &'a Request,
    /// Whether the worker would take another request on this connection.
    pub(crate) may_persist: bool,
    pub(crate) options: &'a Options,
}

/// How the body of a response goes onto the wire.
pub(crate) struct Opened {
    /// Nothing is sent of what the application writes (HEAD, 204, 205, 304).
    pub(crate) bodiless: bool,
    /// How many bytes the head has promised.
    pub(crate) promised: Option<u64>,
    pub(crate) frames: Frames,
}

/// Writes what comes before a stretch of at most `length` bytes (never 0) and says how many bytes go into it; at least one.
pub(crate) type Prefix = fn(out: &mut Vec<u8>, length: u64, key: u32) -> u64;

/// How stretches of a body are wrapped.
#[derive(Clone, Copy)]
pub(crate) struct Frames {
    /// `None`: the body goes out as it is.
    pub(crate) prefix: Option<Prefix>,
    /// What comes behind it.
    pub(crate) suffix: &'static [u8],
    /// Whatever `prefix` has to know.
    pub(crate) key: u32,
}

impl Frames {
    /// No wrapping.
    pub(crate) const NONE: Self = Self { prefix: None, suffix: b"", key: 0 };
}

/// One connection's protocol, and where in it the connection stands.
///
/// The methods are the same for every protocol; each says what it means in the words of its own standard.
pub(crate) enum Wire {
    Http1(Http1),
    Single(Single),
    /// Boxed, because it would make every connection large.
    Fastcgi(Box<Fastcgi>),
    Ajp(Box<Ajp>),
}

impl Default for Wire {
    fn default() -> Self {
        Self::Http1(Http1::default())
    }
}

/// Calls the method of whatever protocol it is.
macro_rules! each {
    ($wire:expr, $protocol:ident => $call:expr) => {
        match $wire {
            Wire::Http1($protocol) => $call,
            Wire::Single($protocol) => $call,
            Wire::Fastcgi($protocol) => $call,
            Wire::Ajp($protocol) => $call,
        }
    };
}

impl Wire {
    /// For a new connection.
    pub(crate) fn new(protocol: Protocol, options: &Options) -> Self {
        match protocol {
            Protocol::Scgi => Self::Single(Single::new(Dialect::Scgi)),
            Protocol::Uwsgi => Self::Single(Single::new(Dialect::Uwsgi)),
            Protocol::Fastcgi => Self::Fastcgi(Box::default()),
            Protocol::Ajp => Self::Ajp(Box::new(Ajp::new(options))),
            Protocol::Http => Self::default(),
        }
    }

    /// True where any client may be at the other end, and not a front server.
    pub(crate) fn is_http(&self) -> bool {
        matches!(self, Self::Http1(_))
    }

    /// Looks for the head of a request at the start of `input`, and fills the (empty) request from it. What the protocol
    /// itself wants answered at once is appended to `replies`.
    ///
    /// # Errors
    /// Why the request must be refused, see [`Wire::refuse`].
    pub(crate) fn begin(
        &mut self,
        input: &[u8],
        request: &mut Request,
        replies: &mut Vec<u8>,
        options: &Options,
    ) -> Result<Begun, Error> {
        each!(self, wire => wire.begin(input, request, replies, options))
    }

    /// True when nothing of a request has come yet, with `unread` what was received and not used.
    pub(crate) fn is_blank(&self, unread: &[u8]) -> bool {
        each!(self, wire => wire.is_blank(unread))
    }

    /// Moves body bytes from `input` to `body`, until that has `limit` bytes or more. Gives how many bytes of the input are
    /// done with; what is not must be shown again with more behind it.
    ///
    /// # Errors
    /// The body is malformed, too long or cut.
    pub(crate) fn decode(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        limit: usize,
        replies: &mut Vec<u8>,
        options: &Options,
    ) -> Result<usize, Error> {
        each!(self, wire => wire.decode(input, body, limit, replies, options))
    }

    /// Right behind a head: if `input` begins with the whole body, just as it is, gives how long that is, and the body is
    /// done. Otherwise nothing has changed.
    pub(crate) fn whole_body(&mut self, input: &[u8]) -> Option<usize> {
        each!(self, wire => wire.whole_body(input))
    }

    /// True when the whole body has been taken off the wire.
    pub(crate) fn is_body_done(&self) -> bool {
        each!(self, wire => wire.is_body_done())
    }

    /// True when nothing more of the request is on its way: closing the connection cannot reset it under the response.
    pub(crate) fn is_read_out(&self) -> bool {
        each!(self, wire => wire.is_read_out())
    }

    /// True when the peer will not send its body before it is invited to.
    pub(crate) fn awaits_invitation(&self) -> bool {
        each!(self, wire => wire.awaits_invitation())
    }

    /// Invites the peer to send (more of) its body, if it waits for that. `started`: the response has begun.
    pub(crate) fn invite(&mut self, replies: &mut Vec<u8>, started: bool) {
        each!(self, wire => wire.invite(replies, started));
    }

    /// Appends the head of the response.
    ///
    /// # Errors
    /// The application promised something that cannot be kept; `out` is then as it was.
    pub(crate) fn start(&mut self, out: &mut Vec<u8>, opening: &Opening<'_>) -> Result<Opened, Error> {
        each!(self, wire => wire.start(out, opening))
    }

    /// Appends what makes the peer pass on what it has got of the response so far.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) {
        // The others pass on what they get, or cannot be told.
        if let Self::Ajp(wire) = self {
            wire.flush(out);
        }
    }

    /// Appends what ends a response that is complete.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        each!(self, wire => wire.finish(out));
    }

    /// Appends a whole response of the engine's own and ends it. `request` may be half filled.
    pub(crate) fn refuse(
        &mut self,
        out: &mut Vec<u8>,
        error: &Error,
        peer_text: &str,
        request: &Request,
        options: &Options,
    ) {
        each!(self, wire => wire.refuse(out, error, peer_text, request, options));
    }

    /// Appends what [`Wire::refuse`] does, and changes nothing: it may never be sent.
    pub(crate) fn encode_refusal(
        &self,
        out: &mut Vec<u8>,
        error: &Error,
        peer_text: &str,
        request: &Request,
        options: &Options,
    ) {
        each!(self, wire => wire.encode_refusal(out, error, peer_text, request, options));
    }

    /// True where the end of a body of unknown length is marked in the protocol, and is not that of the connection.
    pub(crate) fn marks_end(&self, frames: Frames) -> bool {
        match self {
            Self::Http1(_) => frames.prefix.is_some(),
            Self::Fastcgi(_) | Self::Ajp(_) => true,
            Self::Single(_) => false,
        }
    }

    /// Appends what shows the peer that the response ends before it is complete, where the end of the connection does not.
    pub(crate) fn break_off(&mut self, out: &mut Vec<u8>) {
        each!(self, wire => wire.break_off(out));
    }

    /// The peer's side of the connection is not to be relied on any more: it closes behind this response.
    pub(crate) fn distrust(&mut self) {
        each!(self, wire => wire.distrust());
    }

    /// What becomes of the connection once everything is sent. `broken`: the response was not completed.
    pub(crate) fn afterwards(&self, broken: bool) -> Afterwards {
        each!(self, wire => wire.afterwards(broken))
    }
}
