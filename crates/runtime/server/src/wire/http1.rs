//! HTTP/1 on a connection of the worker (RFC 9112).

use millau_gateway::{Error, Request};
use millau_http1::{
    BodyDecoder, BodyEncoding, CHUNK_END, CONTINUE, Framing, HeadEnd, LAST_CHUNK, ResponseHead, encode_chunk_prefix,
    encode_error, encode_response_head, is_blank, receive_request_head,
};

use super::{Afterwards, Begun, Frames, Opened, Opening};
use crate::clock;
use crate::options::Options;

/// Where a connection stands between its requests, and within one.
pub(crate) struct Http1 {
    /// Where the search for the end of the head stands.
    head_end: HeadEnd,
    decoder: BodyDecoder,
    /// The client waits for `100 Continue` before it sends its body (RFC 9110 §10.1.1).
    continue_awaited: bool,
    persistent: bool,
    encoding: BodyEncoding,
}

impl Default for Http1 {
    fn default() -> Self {
        Self {
            head_end: HeadEnd::default(),
            decoder: BodyDecoder::new(Framing::None),
            continue_awaited: false,
            persistent: false,
            encoding: BodyEncoding::None,
        }
    }
}

impl Http1 {
    pub(super) fn begin(
        &mut self,
        input: &[u8],
        request: &mut Request,
        _: &mut Vec<u8>,
        options: &Options,
    ) -> Result<Begun, Error> {
        let Some(head) = receive_request_head(&mut self.head_end, input, &options.limits, request)? else {
            return Ok(Begun::More(0));
        };
        *self = Self {
            head_end: HeadEnd::default(),
            decoder: BodyDecoder::new(head.body),
            continue_awaited: head.expects_continue,
            persistent: head.persistent,
            encoding: BodyEncoding::None,
        };
        Ok(Begun::Head(head.length))
    }

    pub(super) fn is_blank(&self, unread: &[u8]) -> bool {
        is_blank(unread)
    }

    pub(super) fn decode(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        limit: usize,
        _: &mut Vec<u8>,
        options: &Options,
    ) -> Result<usize, Error> {
        let mut consumed = 0;
        while !self.decoder.is_done() && consumed < input.len() && body.len() < limit {
            let rest = &input[consumed..];
            let decoded = self.decoder.decode(rest, &options.limits)?;
            body.extend_from_slice(&rest[decoded.data]);
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

    pub(super) fn whole_body(&mut self, input: &[u8]) -> Option<usize> {
        let length = usize::try_from(self.decoder.plain_length()?).ok().filter(|length| *length <= input.len())?;
        self.decoder = BodyDecoder::new(Framing::None);
        self.continue_awaited = false;
        Some(length)
    }

    pub(super) fn is_body_done(&self) -> bool {
        self.decoder.is_done()
    }

    pub(super) fn is_read_out(&self) -> bool {
        self.is_body_done()
    }

    pub(super) fn awaits_invitation(&self) -> bool {
        self.continue_awaited
    }

    pub(super) fn invite(&mut self, replies: &mut Vec<u8>, started: bool) {
        if std::mem::take(&mut self.continue_awaited) && !started {
            replies.extend_from_slice(CONTINUE);
        }
    }

    pub(super) fn start(&mut self, out: &mut Vec<u8>, opening: &Opening<'_>) -> Result<Opened, Error> {
        let head = ResponseHead {
            response: opening.response,
            length: opening.length,
            request_version: opening.request.version,
            head_request: opening.request.method == b"HEAD",
            persistent: self.persistent && opening.may_persist && self.decoder.is_done(),
            date: &clock::date(),
            server: &opening.options.server_field,
        };
        let (encoding, persistent) = encode_response_head(out, &head)?;
        self.encoding = encoding;
        self.persistent = persistent;
        Ok(Opened {
            bodiless: matches!(encoding, BodyEncoding::None),
            promised: match encoding {
                BodyEncoding::Length(length) => Some(length),
                _ => None,
            },
            frames: match encoding {
                BodyEncoding::Chunked => Frames { prefix: Some(chunk_prefix), suffix: CHUNK_END, key: 0 },
                _ => Frames::NONE,
            },
        })
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if matches!(self.encoding, BodyEncoding::Chunked) {
            out.extend_from_slice(LAST_CHUNK);
        }
    }

    pub(super) fn refuse(
        &mut self,
        out: &mut Vec<u8>,
        error: &Error,
        peer_text: &str,
        request: &Request,
        options: &Options,
    ) {
        self.encode_refusal(out, error, peer_text, request, options);
        self.persistent = false;
        self.encoding = BodyEncoding::None;
    }

    #[allow(clippy::unused_self, reason = "other protocols say it in their own state's words")]
    pub(super) fn encode_refusal(
        &self,
        out: &mut Vec<u8>,
        error: &Error,
        peer_text: &str,
        request: &Request,
        options: &Options,
    ) {
        let head_request = request.method == b"HEAD";
        encode_error(out, error.status(), peer_text, &clock::date(), &options.server_field, head_request);
    }

    pub(super) fn break_off(&mut self, _: &mut Vec<u8>) {
        // The end of the connection says it.
    }

    pub(super) fn distrust(&mut self) {
        self.persistent = false;
    }

    pub(super) fn afterwards(&self, broken: bool) -> Afterwards {
        if broken && matches!(self.encoding, BodyEncoding::UntilClose) {
            Afterwards::Reset
        } else if self.persistent && !broken && self.decoder.is_done() {
            Afterwards::Keep
        } else {
            Afterwards::Close
        }
    }
}

fn chunk_prefix(out: &mut Vec<u8>, length: u64, _: u32) -> u64 {
    // One chunk holds everything; a length that does not fit in memory is a file's, and goes out in several.
    let length = length.min(1 << 30);
    encode_chunk_prefix(out, length as usize);
    length
}
