//! FastCGI on a connection of the worker: one request at a time, and the connection kept where the front server asks so.

use millau_cgi::FirstLine;
use millau_fastcgi::{
    ActiveRequest, Event, LONGEST_CONTENT, Limits, ProtocolStatus, RequestDecoder, RequestId, encode_end_request,
    encode_stdout_end, encode_stdout_header, encode_stdout_of, encode_unknown_type,
};
use millau_gateway::{Error, Request, meta_variables};

use super::single::refused;
use super::{Afterwards, Begun, Frames, Opened, Opening, cgi_response};
use crate::options::Options;

/// Bytes of protocol answers that may wait to be sent.
const REPLIES: usize = 16 * 1024;

/// Where a connection stands between its requests, and within one.
#[derive(Default)]
pub(crate) struct Fastcgi {
    decoder: RequestDecoder,
    /// What the request is that is being answered; kept after its end, for what becomes of the connection.
    request: Option<ActiveRequest>,
    /// Bytes of the body as CONTENT_LENGTH has it; without one, the end of STDIN is the end.
    expected: Option<u64>,
    received: u64,
    stdin_ended: bool,
    /// Something was wrong on the wire, or this was to be the last request.
    closing: bool,
}

impl Fastcgi {
    pub(super) fn begin(
        &mut self,
        input: &[u8],
        request: &mut Request,
        replies: &mut Vec<u8>,
        options: &Options,
    ) -> Result<Begun, Error> {
        let mut consumed = 0;
        loop {
            let received = self.receive(&input[consumed..], replies, options)?;
            consumed += received.0;
            match received.1 {
                Event::Params => {
                    self.request = self.decoder.request();
                    (self.received, self.stdin_ended) = (0, false);
                    meta_variables::fill(request, self.decoder.params()).map_err(refused)?;
                    self.expected = request.content_length;
                    // Whether there is a body shows at the end of STDIN.
                    request.streamed_body = self.expected.is_none();
                    if self.expected.is_some_and(|length| length > options.limits.body_size) {
                        return Err(too_large());
                    }
                    return Ok(Begun::Head(consumed));
                }
                Event::Close => {
                    self.closing = true;
                    self.request = None;
                    return Err(Error::peer(400, "the front server asks for a FastCGI role that is not served here"));
                }
                // What is left of the request before.
                Event::Stdin(_) | Event::StdinEnd | Event::Abort => {}
                Event::NextRequest => {
                    self.closing = true;
                    return Err(Error::engine("a FastCGI request was not ended before the next one is looked for"));
                }
                Event::Pending => return Ok(Begun::More(consumed)),
            }
        }
    }

    fn receive(&mut self, input: &[u8], replies: &mut Vec<u8>, options: &Options) -> Result<(usize, Event), Error> {
        let limits = Limits {
            params_size: options.variables_size(),
            params: options.variables(),
            replies_size: replies.len() + REPLIES,
            connections: u32::try_from(options.connections).unwrap_or(u32::MAX),
            requests: u32::try_from(options.connections).unwrap_or(u32::MAX),
        };
        match self.decoder.receive(input, &limits, replies) {
            Ok(received) => Ok((received.consumed, received.event)),
            Err(violation) => {
                self.closing = true;
                // So that the request that is begun can be refused.
                self.request = self.decoder.request();
                Err(violation.into())
            }
        }
    }

    pub(super) fn is_blank(&self, unread: &[u8]) -> bool {
        unread.is_empty() && self.decoder.is_idle()
    }

    pub(super) fn decode(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        limit: usize,
        replies: &mut Vec<u8>,
        options: &Options,
    ) -> Result<usize, Error> {
        let mut consumed = 0;
        // Also the end of STDIN behind the last byte of the body is taken, if it is here already.
        while !self.stdin_ended && self.request.is_some() && consumed < input.len() && body.len() < limit {
            let rest = &input[consumed..];
            let (length, event) = self.receive(rest, replies, options)?;
            consumed += length;
            match event {
                Event::Stdin(range) => self.take(&rest[range], body, options)?,
                Event::StdinEnd => {
                    self.stdin_ended = true;
                    if self.expected.is_some_and(|expected| self.received < expected) {
                        return Err(Error::peer(400, "the body ended before its CONTENT_LENGTH"));
                    }
                }
                Event::Abort => return Err(Error::disconnected("the front server has aborted the request")),
                Event::NextRequest | Event::Params | Event::Close => {
                    self.closing = true;
                    return Err(Error::peer(
                        400,
                        "a FastCGI request begins before the body of the one before has ended",
                    ));
                }
                Event::Pending => break,
            }
        }
        // Most often it has come along; a connection without it waits for a request that is half there.
        if self.is_body_done() && self.decoder.is_stdin_end_next(&input[consumed..]) {
            consumed += self.receive(&input[consumed..], replies, options)?.0;
            self.stdin_ended = true;
        }
        Ok(consumed)
    }

    fn take(&mut self, piece: &[u8], body: &mut Vec<u8>, options: &Options) -> Result<(), Error> {
        // What comes behind CONTENT_LENGTH is no part of the body.
        let room = self.expected.map_or(u64::MAX, |expected| expected - self.received);
        let length = usize::try_from(room).map_or(piece.len(), |room| room.min(piece.len()));
        self.received += length as u64;
        if self.received > options.limits.body_size {
            return Err(too_large());
        }
        body.extend_from_slice(&piece[..length]);
        Ok(())
    }

    pub(super) fn whole_body(&mut self, _: &[u8]) -> Option<usize> {
        // It lies in records.
        None
    }

    pub(super) fn is_body_done(&self) -> bool {
        self.stdin_ended || self.expected == Some(self.received) || self.request.is_none()
    }

    /// The end of STDIN is still to come when the body is known to be whole.
    pub(super) fn is_read_out(&self) -> bool {
        self.stdin_ended || self.request.is_none()
    }

    pub(super) fn awaits_invitation(&self) -> bool {
        false
    }

    pub(super) fn invite(&mut self, _: &mut Vec<u8>, _: bool) {}

    pub(super) fn start(&mut self, out: &mut Vec<u8>, opening: &Opening<'_>) -> Result<Opened, Error> {
        let Some(request) = self.request else {
            return Err(Error::engine("a FastCGI response without a request"));
        };
        self.closing |= !opening.may_persist;
        let opened = encode_stdout_of(out, request.id, |out| cgi_response::start(out, opening, FirstLine::Status))?;
        let frames = Frames { prefix: Some(stdout_prefix), suffix: b"", key: u32::from(request.id.get()) };
        Ok(Opened { frames, ..opened })
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        encode_end(out, self.request);
        self.decoder.request_ended();
    }

    pub(super) fn refuse(
        &mut self,
        out: &mut Vec<u8>,
        error: &Error,
        peer_text: &str,
        request: &Request,
        options: &Options,
    ) {
        if self.request.is_none() {
            self.closing = true;
            return;
        }
        if error.is_disconnect() {
            encode_end(out, self.request);
        } else {
            self.encode_refusal(out, error, peer_text, request, options);
        }
        self.decoder.request_ended();
    }

    pub(super) fn encode_refusal(
        &self,
        out: &mut Vec<u8>,
        error: &Error,
        peer_text: &str,
        request: &Request,
        _: &Options,
    ) {
        if let Some(active) = self.request {
            encode_stdout_of(out, active.id, |out| {
                cgi_response::refuse(out, error, peer_text, request, FirstLine::Status);
            });
        }
        encode_end(out, self.request);
    }

    /// nginx that does not buffer takes the end of a connection for the end of the response, as whole, and the protocol has no
    /// word for "aborted". An answer to a question that was never asked makes every front server give up.
    pub(super) fn break_off(&mut self, out: &mut Vec<u8>) {
        encode_unknown_type(out, 0);
    }

    pub(super) fn distrust(&mut self) {
        self.closing = true;
    }

    pub(super) fn afterwards(&self, broken: bool) -> Afterwards {
        match self.request {
            // Without END_REQUEST, the front server sees that the response is not whole.
            _ if broken => Afterwards::Reset,
            Some(request) if request.keep_conn && !self.closing => Afterwards::Keep,
            _ => Afterwards::Close,
        }
    }
}

fn too_large() -> Error {
    Error::peer(413, "the request body is larger than this server accepts")
}

fn stdout_prefix(out: &mut Vec<u8>, length: u64, key: u32) -> u64 {
    let content = u16::try_from(length).unwrap_or(LONGEST_CONTENT).min(LONGEST_CONTENT);
    // The key was made from an id.
    let id = u16::try_from(key).ok().and_then(RequestId::new).unwrap_or(RequestId::MIN);
    encode_stdout_header(out, id, content);
    content.into()
}

/// The end of the output, and of the request.
fn encode_end(out: &mut Vec<u8>, request: Option<ActiveRequest>) {
    if let Some(request) = request {
        encode_stdout_end(out, request.id);
        encode_end_request(out, request.id, 0, ProtocolStatus::RequestComplete);
    }
}
