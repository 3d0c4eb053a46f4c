//! The container's side of one connection: takes what the web server sends. It keeps no bytes, and knows nothing of the
//! response but that it is over.

use std::ops::Range;

use millau_gateway::Request;

use crate::body_packet::{BodyPrefix, max_body_data};
use crate::forward_request::{Framing, decode_forward_request};
use crate::get_body_chunk::encode_get_body_chunk;
use crate::packet::{HEADER_SIZE, TO_CONTAINER, payload, payload_length};
use crate::{CPONG, EMPTY_BODY, Limits, Options, Violation, cping, forward_request, shutdown};

/// Decodes what arrives on one connection.
#[derive(Clone, Debug, Default)]
pub struct RequestDecoder {
    phase: Phase,
    owed: Owed,
    /// Whether the web server may send an empty packet that means nothing: lighttpd sends one after a request without a body.
    may_be_empty: bool,
}

/// Where in its life the current request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// There is none.
    #[default]
    Idle,
    /// Bytes of its body are missing: so many, or until an empty packet.
    Body(Missing),
    /// It is whole, and its response is not over.
    Responding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// What Content-Length says, less what has come.
    Bytes(u64),
    /// Unknown; so many bytes are still within the limit.
    UntilEmptyPacket { room: u64 },
}

/// What the web server is to send of the body, because it must or because it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Owed {
    #[default]
    Nothing,
    /// A body packet of which nothing is here.
    Packet,
    /// Bytes of data that are left of a packet.
    Data(u16),
}

/// What one call has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestEvent {
    /// Nothing for the caller, yet. If nothing was consumed, more input is needed, or it is not its time.
    None,
    /// The request is filled.
    Request,
    /// Body data.
    Body {
        /// Where it is in the input; may be empty.
        data: Range<usize>,
        /// Whether the body ends with it.
        is_last: bool,
    },
    /// The web server asked for a sign of life. The answer is in `replies`.
    CPing,
    /// The web server wants us to end. It is worth a line in the log and nothing else.
    Shutdown,
}

impl RequestDecoder {
    /// Takes from the beginning of `input` and says how many bytes are done with. Call again with the rest while something
    /// is consumed; input of which nothing is consumed must be kept and grow, up to one packet, or wait until the response
    /// is over.
    ///
    /// `request` is cleared and filled at [`RequestEvent::Request`] and not touched otherwise. `replies` is what must be sent.
    ///
    /// # Errors
    /// A [`Violation`], the same however the bytes were split. The connection must close after it, with an answer before if
    /// [`Violation::is_answerable`].
    pub fn receive(
        &mut self,
        input: &[u8],
        options: &Options,
        request: &mut Request,
        replies: &mut Vec<u8>,
    ) -> Result<(usize, RequestEvent), Violation> {
        if input.is_empty() {
            return Ok((0, RequestEvent::None));
        }
        match (self.phase, self.owed) {
            (Phase::Idle, Owed::Nothing) => {
                if self.takes_empty_packet(input) {
                    return Ok((EMPTY_BODY.len(), RequestEvent::None));
                }
                self.receive_message(input, options, request, replies)
            }
            // What comes too early waits. It is no answer to anything and the beginning of the next request at best.
            (Phase::Responding, _) if self.takes_empty_packet(input) => Ok((EMPTY_BODY.len(), RequestEvent::None)),
            (Phase::Responding, _) => Ok((0, RequestEvent::None)),
            (Phase::Body(_), Owed::Nothing) => Err(Violation::UnaskedPacket),
            (Phase::Body(_) | Phase::Idle, Owed::Packet) => self.receive_body_packet(input, &options.limits),
            (Phase::Body(_) | Phase::Idle, Owed::Data(left)) => Ok(self.receive_data(input, 0, left)),
        }
    }

    /// True while more of the body is to come and the web server waits to be asked for it.
    pub fn wants_body_chunk(&self) -> bool {
        matches!(self.phase, Phase::Body(_)) && self.owed == Owed::Nothing
    }

    /// Asks for the next packet of the body: writes a GET_BODY_CHUNK for as much as fits in a packet. Does nothing unless
    /// [`RequestDecoder::wants_body_chunk`], because a second question would be answered, too.
    pub fn ask_body_chunk(&mut self, limits: &Limits, out: &mut Vec<u8>) {
        if !self.wants_body_chunk() {
            return;
        }
        let most = max_body_data(limits.packet_size) as u16;
        let requested = match self.phase {
            Phase::Body(Missing::Bytes(missing)) => u16::try_from(missing).map_or(most, |missing| missing.min(most)),
            _ => most,
        };
        encode_get_body_chunk(out, requested);
        self.owed = Owed::Packet;
    }

    /// True from the request until [`RequestDecoder::finish`].
    pub fn is_responding(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// True when the whole body of the current request has come, or there is none.
    pub fn is_body_complete(&self) -> bool {
        !matches!(self.phase, Phase::Body(_))
    }

    /// Bytes of the body that are still to come, where that is known.
    pub fn remaining_body(&self) -> Option<u64> {
        match self.phase {
            Phase::Body(Missing::Bytes(missing)) => Some(missing),
            Phase::Body(Missing::UntilEmptyPacket { .. }) => None,
            Phase::Idle | Phase::Responding => Some(0),
        }
    }

    /// The response is over: END_RESPONSE was written, with `reuse`. What the web server still owes of the body is skipped
    /// before the next request; what it was not asked for it keeps.
    pub fn finish(&mut self) {
        self.phase = Phase::Idle;
    }

    /// True when the connection may end without a loss: no request is being answered, and nothing is owed.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle && self.owed == Owed::Nothing
    }

    /// Skips the one empty packet that is allowed. What begins like it and is not whole waits, which is no loss.
    fn takes_empty_packet(&mut self, input: &[u8]) -> bool {
        let takes = self.may_be_empty && input.starts_with(EMPTY_BODY);
        self.may_be_empty &= !takes;
        takes
    }

    /// A packet with a code, between requests.
    fn receive_message(
        &mut self,
        input: &[u8],
        options: &Options,
        request: &mut Request,
        replies: &mut Vec<u8>,
    ) -> Result<(usize, RequestEvent), Violation> {
        let nothing = Ok((0, RequestEvent::None));
        let Some(length) = payload_length(input, TO_CONTAINER, options.limits.packet_size)? else { return nothing };
        if length == 0 {
            return Err(Violation::UnknownPacket);
        }
        let Some(code) = input.get(HEADER_SIZE) else { return nothing };
        match *code {
            forward_request::CODE => {
                let Some(payload) = payload(input, length) else { return nothing };
                request.clear();
                let framing = decode_forward_request(&payload[1..], options, request)?;
                self.begin(framing, &options.limits);
                Ok((HEADER_SIZE + length, RequestEvent::Request))
            }
            cping::CODE | shutdown::CODE if length != 1 => Err(Violation::ControlPacketLength),
            cping::CODE => {
                replies.extend_from_slice(CPONG);
                Ok((HEADER_SIZE + 1, RequestEvent::CPing))
            }
            shutdown::CODE => Ok((HEADER_SIZE + 1, RequestEvent::Shutdown)),
            _ => Err(Violation::UnknownPacket),
        }
    }

    fn begin(&mut self, framing: Framing, limits: &Limits) {
        self.may_be_empty = framing == Framing::None;
        (self.phase, self.owed) = match framing {
            Framing::None => (Phase::Responding, Owed::Nothing),
            Framing::Length(length) => (Phase::Body(Missing::Bytes(length)), Owed::Packet),
            Framing::UntilEmptyPacket => {
                (Phase::Body(Missing::UntilEmptyPacket { room: limits.body_size }), Owed::Nothing)
            }
        };
    }

    fn receive_body_packet(&mut self, input: &[u8], limits: &Limits) -> Result<(usize, RequestEvent), Violation> {
        let Some(prefix) = BodyPrefix::read(input, limits.packet_size)? else {
            return Ok((0, RequestEvent::None));
        };
        let data = u64::from(prefix.data);
        if let Phase::Body(missing) = &mut self.phase {
            match missing {
                Missing::Bytes(_) if data == 0 => return Err(Violation::BodyCut),
                Missing::Bytes(missing) => *missing = missing.checked_sub(data).ok_or(Violation::BodyTooLong)?,
                Missing::UntilEmptyPacket { room } => {
                    *room = room.checked_sub(data).ok_or(Violation::BodyTooLarge)?;
                    if data == 0 {
                        self.phase = Phase::Responding;
                        self.owed = Owed::Nothing;
                        let end = RequestEvent::Body { data: prefix.size..prefix.size, is_last: true };
                        return Ok((prefix.size, end));
                    }
                }
            }
        }
        Ok(self.receive_data(input, prefix.size, prefix.data))
    }

    /// Takes what is here of `left` bytes of data from `start` on.
    fn receive_data(&mut self, input: &[u8], start: usize, left: u16) -> (usize, RequestEvent) {
        let end = input.len().min(start + usize::from(left));
        let left = left - (end - start) as u16;
        self.owed = if left == 0 { Owed::Nothing } else { Owed::Data(left) };
        if self.phase == Phase::Idle {
            return (end, RequestEvent::None);
        }
        let is_last = left == 0 && self.phase == Phase::Body(Missing::Bytes(0));
        if is_last {
            self.phase = Phase::Responding;
        }
        (end, RequestEvent::Body { data: start..end, is_last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = b"\x12\x34\0\x1d\x02\x02\0\x08HTTP/1.1\0\0\x01/\0\xff\xff\xff\xff\xff\xff\0\x50\0\0\0\xff";
    const POST: &[u8] =
        b"\x12\x34\0\x23\x02\x04\0\x08HTTP/1.1\0\0\x01/\0\xff\xff\xff\xff\xff\xff\0\x50\0\0\x01\xa0\x08\0\x019\0\xff";
    const CHUNKED: &[u8] = b"\x12\x34\0\x3b\x02\x04\0\x08HTTP/1.1\0\0\x01/\0\xff\xff\xff\xff\xff\xff\0\x50\0\0\x01\
        \0\x11transfer-encoding\0\0\x07chunked\0\xff";

    struct Connection {
        decoder: RequestDecoder,
        options: Options,
        request: Request,
        replies: Vec<u8>,
    }

    fn connection() -> Connection {
        Connection {
            decoder: RequestDecoder::default(),
            options: Options::default(),
            request: Request::default(),
            replies: Vec::new(),
        }
    }

    impl Connection {
        fn receive(&mut self, input: &[u8]) -> Result<(usize, RequestEvent), Violation> {
            self.decoder.receive(input, &self.options, &mut self.request, &mut self.replies)
        }

        fn ask(&mut self) -> Vec<u8> {
            let mut out = Vec::new();
            self.decoder.ask_body_chunk(&self.options.limits, &mut out);
            out
        }
    }

    fn body(data: Range<usize>, is_last: bool) -> RequestEvent {
        RequestEvent::Body { data, is_last }
    }

    #[test]
    fn requests_follow_one_another() {
        let mut connection = connection();
        for _ in 0..3 {
            for length in 0..GET.len() {
                assert_eq!(connection.receive(&GET[..length]), Ok((0, RequestEvent::None)));
            }
            assert_eq!(connection.receive(GET), Ok((GET.len(), RequestEvent::Request)));
            assert!(connection.decoder.is_body_complete() && connection.decoder.is_responding());
            assert!(!connection.decoder.wants_body_chunk());
            assert_eq!(connection.receive(GET), Ok((0, RequestEvent::None)), "too early");
            connection.decoder.finish();
            assert!(connection.decoder.is_idle());
        }
    }

    #[test]
    fn the_first_packet_of_a_body_of_known_length_comes_by_itself() {
        let mut connection = connection();
        assert_eq!(connection.receive(POST), Ok((POST.len(), RequestEvent::Request)));
        assert!(!connection.decoder.wants_body_chunk() && connection.ask().is_empty());
        assert_eq!(connection.receive(b"\x12\x34\0\x06\0\x04test"), Ok((10, body(6..10, false))));
        assert_eq!(connection.decoder.remaining_body(), Some(5));
        assert!(connection.decoder.wants_body_chunk());
        assert_eq!(connection.ask(), b"AB\0\x03\x06\0\x05");
        assert!(!connection.decoder.wants_body_chunk() && connection.ask().is_empty(), "asked twice");
        assert_eq!(connection.receive(b"\x12\x34\0\x07\0\x05=d"), Ok((8, body(6..8, false))));
        assert!(!connection.decoder.wants_body_chunk(), "three bytes of the packet are still on the way");
        assert_eq!(connection.receive(b"ata\x12"), Ok((3, body(0..3, true))));
        assert!(connection.decoder.is_body_complete() && !connection.decoder.wants_body_chunk());
        connection.decoder.finish();
        assert!(connection.decoder.is_idle());
    }

    #[test]
    fn a_body_of_unknown_length_is_asked_for_from_the_beginning() {
        let mut connection = connection();
        connection.receive(CHUNKED).unwrap();
        assert!(connection.request.streamed_body && connection.decoder.wants_body_chunk());
        assert_eq!(connection.ask(), b"AB\0\x03\x06\x1f\xfa");
        assert_eq!(connection.receive(b"\x12\x34\0\x08\0\x06foobar"), Ok((12, body(6..12, false))));
        assert_eq!(connection.decoder.remaining_body(), None);
        connection.ask();
        assert_eq!(connection.receive(b"\x12\x34\0\x02\0\0"), Ok((6, body(6..6, true))));
        assert!(connection.decoder.is_body_complete());
    }

    #[test]
    fn a_body_that_does_not_keep_its_promise_is_refused() {
        for (packet, violation) in [
            (&b"\x12\x34\0\0"[..], Violation::BodyCut),
            (b"\x12\x34\0\x02\0\0", Violation::BodyCut),
            (b"\x12\x34\0\x0c\0\x0a", Violation::BodyTooLong),
            (b"\x12\x34\0\x09te", Violation::BodyPacketLength),
            (b"GET", Violation::NotAjp),
        ] {
            let mut connection = connection();
            connection.receive(POST).unwrap();
            assert_eq!(connection.receive(packet), Err(violation));
        }
    }

    #[test]
    fn a_body_of_unknown_length_is_limited() {
        let mut connection = connection();
        connection.options.limits.body_size = 6;
        connection.receive(CHUNKED).unwrap();
        connection.ask();
        assert_eq!(connection.receive(b"\x12\x34\0\x08\0\x06foobar"), Ok((12, body(6..12, false))));
        connection.ask();
        assert_eq!(connection.receive(b"\x12\x34\0\x03\0\x01!"), Err(Violation::BodyTooLarge));
    }

    #[test]
    fn what_nobody_asked_for_is_refused() {
        let mut connection = connection();
        connection.receive(CHUNKED).unwrap();
        assert_eq!(connection.receive(b"\x12\x34\0\x08\0\x06foobar"), Err(Violation::UnaskedPacket));
    }

    #[test]
    fn what_is_owed_of_an_unread_body_is_skipped() {
        let mut connection = connection();
        connection.receive(POST).unwrap();
        connection.decoder.finish();
        assert!(!connection.decoder.is_idle() && connection.decoder.is_body_complete());
        assert_eq!(connection.receive(b"\x12\x34\0\x0b\0\x09te"), Ok((8, RequestEvent::None)));
        assert_eq!(connection.receive(b"st=data"), Ok((7, RequestEvent::None)));
        assert!(connection.decoder.is_idle());
        assert_eq!(connection.receive(GET), Ok((GET.len(), RequestEvent::Request)));

        let mut asked = self::connection();
        asked.receive(CHUNKED).unwrap();
        asked.ask();
        asked.decoder.finish();
        assert_eq!(asked.receive(EMPTY_BODY), Ok((4, RequestEvent::None)));
        assert_eq!(asked.receive(GET), Ok((GET.len(), RequestEvent::Request)));

        let mut unasked = self::connection();
        unasked.receive(CHUNKED).unwrap();
        unasked.decoder.finish();
        assert_eq!(unasked.receive(GET), Ok((GET.len(), RequestEvent::Request)));
    }

    #[test]
    fn a_request_in_place_of_what_is_owed_is_refused() {
        let mut connection = connection();
        connection.receive(POST).unwrap();
        connection.decoder.finish();
        assert_eq!(connection.receive(GET), Err(Violation::BodyPacketLength));
    }

    #[test]
    fn cping_is_answered_between_requests() {
        let mut connection = connection();
        assert_eq!(connection.receive(crate::CPING), Ok((5, RequestEvent::CPing)));
        connection.receive(GET).unwrap();
        assert_eq!(connection.receive(crate::CPING), Ok((0, RequestEvent::None)));
        connection.decoder.finish();
        assert_eq!(connection.receive(crate::CPING), Ok((5, RequestEvent::CPing)));
        assert_eq!(connection.replies, b"AB\0\x01\x09AB\0\x01\x09");
    }

    #[test]
    fn a_shutdown_is_told_and_nothing_else_happens() {
        let mut connection = connection();
        assert_eq!(connection.receive(b"\x12\x34\0\x01\x07"), Ok((5, RequestEvent::Shutdown)));
        assert_eq!(connection.receive(GET), Ok((GET.len(), RequestEvent::Request)));
    }

    #[test]
    fn other_packets_are_refused_as_soon_as_they_show() {
        for (packet, violation) in [
            (&b"\x12\x34\0\x01\x08"[..], Violation::UnknownPacket),
            (b"\x12\x34\0\x09\x03", Violation::UnknownPacket),
            (b"\x12\x34\0\x02\0\0", Violation::UnknownPacket),
            (b"\x12\x34\0\0", Violation::UnknownPacket),
            (b"\x12\x34\0\x02\x0a", Violation::ControlPacketLength),
            (b"\x12\x34\0\x02\x07", Violation::ControlPacketLength),
            (b"\x12\x34\xff\xff", Violation::PacketTooLarge),
        ] {
            assert_eq!(connection().receive(packet), Err(violation), "{packet:?}");
        }
    }

    #[test]
    fn lighttpd_may_send_one_empty_packet_after_a_request_without_a_body() {
        for waits in [false, true] {
            let mut connection = connection();
            connection.receive(GET).unwrap();
            if waits {
                assert_eq!(connection.receive(&EMPTY_BODY[..3]), Ok((0, RequestEvent::None)));
                connection.decoder.finish();
            }
            assert_eq!(connection.receive(EMPTY_BODY), Ok((4, RequestEvent::None)));
            connection.decoder.finish();
            assert_eq!(connection.receive(EMPTY_BODY), Err(Violation::UnknownPacket));
        }
        let mut connection = connection();
        connection.receive(POST).unwrap();
        connection.receive(b"\x12\x34\0\x0b\0\x09test=data").unwrap();
        connection.decoder.finish();
        assert_eq!(connection.receive(EMPTY_BODY), Err(Violation::UnknownPacket));
    }

    #[test]
    fn is_small() {
        assert!(size_of::<RequestDecoder>() <= 40);
    }
}
