//! AJP/1.3 on a connection of the worker: one request after another, a body that is asked for piece by piece.

use millau_ajp::{
    BODY_CHUNK_END, FLUSH, Limits, ReqUri, RequestDecoder, RequestEvent, SendHeaders, Violation,
    encode_body_chunk_prefix, encode_error, encode_send_headers, end_response, max_body_chunk,
};
use millau_config::AjpPaths;
use millau_gateway::{BodyExtent, Error, Request};

use super::{Afterwards, Begun, Frames, Opened, Opening};
use crate::options::Options;

/// Where a connection stands between its requests, and within one.
pub(crate) struct Ajp {
    decoder: RequestDecoder,
    options: millau_ajp::Options,
    /// For calls of the decoder that fill none.
    no_request: Request,
    /// What was wrong cannot be answered.
    silent: bool,
    /// The connection takes no further request.
    closing: bool,
}

impl Ajp {
    pub(super) fn new(options: &Options) -> Self {
        let limits = Limits {
            packet_size: options.ajp_packet_size,
            target_size: options.limits.target_size,
            fields: options.limits.fields,
            body_size: options.limits.body_size,
            ..Limits::default()
        };
        let req_uri = match options.ajp_paths {
            AjpPaths::Recognised => ReqUri::Recognised,
            AjpPaths::Encoded => ReqUri::Encoded,
            AjpPaths::Decoded => ReqUri::Decoded,
        };
        let secret = Some(options.ajp_secret.clone()).filter(|secret| !secret.is_empty());
        Self {
            decoder: RequestDecoder::default(),
            options: millau_ajp::Options { limits, secret, req_uri },
            no_request: Request::default(),
            silent: false,
            closing: false,
        }
    }

    pub(super) fn begin(
        &mut self,
        input: &[u8],
        request: &mut Request,
        replies: &mut Vec<u8>,
        _: &Options,
    ) -> Result<Begun, Error> {
        let mut consumed = 0;
        loop {
            let received = self.decoder.receive(&input[consumed..], &self.options, request, replies);
            let (length, event) = received.map_err(|violation| self.violated(violation))?;
            consumed += length;
            match event {
                RequestEvent::Request => return Ok(Begun::Head(consumed)),
                RequestEvent::Shutdown => {
                    log::warn!("the front server asks over AJP that this server ends; it does not (send SIGTERM)");
                }
                _ if length == 0 => return Ok(Begun::More(consumed)),
                _ => {}
            }
        }
    }

    fn violated(&mut self, violation: Violation) -> Error {
        self.silent = !violation.is_answerable();
        self.closing = true;
        violation.into()
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
        _: &Options,
    ) -> Result<usize, Error> {
        let mut consumed = 0;
        while !self.is_body_done() && consumed < input.len() && body.len() < limit {
            let rest = &input[consumed..];
            let received = self.decoder.receive(rest, &self.options, &mut self.no_request, replies);
            let (length, event) = received.map_err(|violation| self.violated(violation))?;
            consumed += length;
            if let RequestEvent::Body { data, .. } = event {
                body.extend_from_slice(&rest[data]);
            }
            if length == 0 {
                break;
            }
        }
        Ok(consumed)
    }

    pub(super) fn whole_body(&mut self, _: &[u8]) -> Option<usize> {
        // It lies in packets.
        None
    }

    pub(super) fn is_body_done(&self) -> bool {
        self.decoder.is_body_complete()
    }

    pub(super) fn is_read_out(&self) -> bool {
        self.is_body_done()
    }

    pub(super) fn awaits_invitation(&self) -> bool {
        false
    }

    pub(super) fn invite(&mut self, replies: &mut Vec<u8>, _: bool) {
        self.decoder.ask_body_chunk(&self.options.limits, replies);
    }

    pub(super) fn start(&mut self, out: &mut Vec<u8>, opening: &Opening<'_>) -> Result<Opened, Error> {
        self.closing |= !opening.may_persist;
        let packet_size = self.options.limits.packet_size;
        let head = SendHeaders {
            response: opening.response,
            length: opening.length,
            head_request: opening.request.method == b"HEAD",
            packet_size,
        };
        let follows = encode_send_headers(out, &head)?;
        let key = u32::try_from(max_body_chunk(packet_size)).unwrap_or(u32::MAX);
        Ok(Opened {
            bodiless: follows == BodyExtent::None,
            promised: match follows {
                BodyExtent::Length(length) => Some(length),
                _ => None,
            },
            frames: Frames { prefix: Some(chunk_prefix), suffix: BODY_CHUNK_END, key },
        })
    }

    pub(super) fn flush(&mut self, out: &mut Vec<u8>) {
        // mod_proxy_ajp keeps what it has until it is told.
        out.extend_from_slice(FLUSH);
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(end_response(!self.closing));
        self.decoder.finish();
    }

    pub(super) fn refuse(
        &mut self,
        out: &mut Vec<u8>,
        error: &Error,
        peer_text: &str,
        request: &Request,
        options: &Options,
    ) {
        self.closing = true;
        if !self.silent && !error.is_disconnect() {
            self.encode_refusal(out, error, peer_text, request, options);
        }
        self.decoder.finish();
    }

    pub(super) fn encode_refusal(
        &self,
        out: &mut Vec<u8>,
        error: &Error,
        peer_text: &str,
        request: &Request,
        _: &Options,
    ) {
        let head_request = request.method == b"HEAD";
        encode_error(out, error.status(), peer_text, head_request, self.options.limits.packet_size);
    }

    pub(super) fn break_off(&mut self, _: &mut Vec<u8>) {
        // The end of the connection says it.
    }

    pub(super) fn distrust(&mut self) {
        self.closing = true;
    }

    pub(super) fn afterwards(&self, broken: bool) -> Afterwards {
        match (broken, self.closing) {
            // Without END_RESPONSE, the front server sees that the response is not whole.
            (true, _) => Afterwards::Reset,
            (false, true) => Afterwards::Close,
            (false, false) => Afterwards::Keep,
        }
    }
}

/// The key is the longest chunk.
fn chunk_prefix(out: &mut Vec<u8>, length: u64, key: u32) -> u64 {
    let length = length.min(key.into());
    encode_body_chunk_prefix(out, length as usize);
    length
}
