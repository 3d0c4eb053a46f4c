//! The web server's side of one connection: takes what the container sends. It keeps no bytes, and knows nothing of the
//! request but that it was sent.

use std::ops::Range;

use millau_gateway::Response;

use crate::data_types::Reader;
use crate::packet::{HEADER_SIZE, TO_WEB_SERVER, payload, payload_length};
use crate::send_body_chunk::{BODY_CHUNK_END, PREFIX_SIZE};
use crate::send_headers::decode_send_headers;
use crate::{Limits, Violation, cpong, end_response, get_body_chunk, send_body_chunk, send_headers};

/// Decodes what arrives on one connection.
#[derive(Clone, Debug, Default)]
pub struct ResponseDecoder(State);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing was sent that would be answered.
    #[default]
    Idle,
    /// A CPing was sent.
    Pong,
    /// A request was sent.
    Head,
    /// The head has come.
    Body,
    /// Bytes of data that are left of a chunk.
    Data(u16),
    /// The NUL that ends a chunk is left.
    ChunkEnd,
}

/// What one call has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseEvent {
    /// Nothing for the caller, yet. If nothing was consumed, more input is needed.
    None,
    /// The container is alive.
    CPong,
    /// The head of the response is filled.
    Head,
    /// Body data: where it is in the input; may be empty.
    Body(Range<usize>),
    /// What has come is to be sent on.
    Flush,
    /// The container asks for at most so many bytes of the request's body, or for its end, in one packet.
    BodyWanted(u16),
    /// The response is whole.
    End {
        /// Whether the container takes another request on this connection.
        reuse: bool,
    },
}

impl ResponseDecoder {
    /// A request was sent: its response is expected.
    pub fn expect_response(&mut self) {
        self.0 = State::Head;
    }

    /// A CPing was sent: its CPong is expected.
    pub fn expect_cpong(&mut self) {
        self.0 = State::Pong;
    }

    /// True when nothing is expected. A connection that ends otherwise has cut a response.
    pub fn is_idle(&self) -> bool {
        self.0 == State::Idle
    }

    /// Takes from the beginning of `input` and says how many bytes are done with. Call again with the rest while something
    /// is consumed; input of which nothing is consumed must be kept and grow, up to one packet.
    ///
    /// `response` is cleared and filled at [`ResponseEvent::Head`] and not touched otherwise.
    ///
    /// # Errors
    /// A [`Violation`], the same however the bytes were split. The connection must close after it.
    pub fn receive(
        &mut self,
        input: &[u8],
        limits: &Limits,
        response: &mut Response,
    ) -> Result<(usize, ResponseEvent), Violation> {
        match self.0 {
            _ if input.is_empty() => Ok((0, ResponseEvent::None)),
            State::Idle => Err(Violation::UnexpectedPacket),
            State::Pong | State::Head | State::Body => self.receive_packet(input, limits, response),
            State::Data(left) => Ok(self.receive_data(input, 0, left)),
            State::ChunkEnd if input.starts_with(BODY_CHUNK_END) => {
                self.0 = State::Body;
                Ok((BODY_CHUNK_END.len(), ResponseEvent::None))
            }
            State::ChunkEnd => Err(Violation::ChunkLength),
        }
    }

    fn receive_packet(
        &mut self,
        input: &[u8],
        limits: &Limits,
        response: &mut Response,
    ) -> Result<(usize, ResponseEvent), Violation> {
        let nothing = Ok((0, ResponseEvent::None));
        let Some(length) = payload_length(input, TO_WEB_SERVER, limits.packet_size)? else { return nothing };
        if length == 0 {
            return Err(Violation::UnexpectedPacket);
        }
        let Some(code) = input.get(HEADER_SIZE) else { return nothing };
        match (*code, self.0) {
            (cpong::CODE, State::Pong)
            | (send_headers::CODE, State::Head)
            | (get_body_chunk::CODE, State::Head | State::Body)
            | (end_response::CODE, State::Body) => {}
            (send_body_chunk::CODE, State::Head | State::Body) => return self.receive_chunk(input, length),
            _ => return Err(Violation::UnexpectedPacket),
        }
        let Some(payload) = payload(input, length) else { return nothing };
        let mut values = Reader::new(&payload[1..]);
        let event = match *code {
            send_headers::CODE => {
                response.clear();
                decode_send_headers(&payload[1..], limits, response)?;
                self.0 = State::Body;
                return Ok((HEADER_SIZE + length, ResponseEvent::Head));
            }
            cpong::CODE => {
                self.0 = State::Idle;
                ResponseEvent::CPong
            }
            get_body_chunk::CODE => ResponseEvent::BodyWanted(values.integer()?),
            _ => {
                // "true (anything other than 0 in the actual C code)"
                let reuse = values.byte()? != 0;
                self.0 = State::Idle;
                ResponseEvent::End { reuse }
            }
        };
        values.end()?;
        Ok((HEADER_SIZE + length, event))
    }

    fn receive_chunk(&mut self, input: &[u8], length: usize) -> Result<(usize, ResponseEvent), Violation> {
        let [high, low] = match input.get(HEADER_SIZE + 1..PREFIX_SIZE) {
            Some([high, low]) if length >= 4 => [*high, *low],
            None if length >= 4 => return Ok((0, ResponseEvent::None)),
            _ => return Err(Violation::ChunkLength),
        };
        let data = u16::from_be_bytes([high, low]);
        if usize::from(data) + 4 != length {
            return Err(Violation::ChunkLength);
        }
        if data > 0 {
            // The body cannot come before the head.
            if self.0 == State::Head {
                return Err(Violation::UnexpectedPacket);
            }
            return Ok(self.receive_data(input, PREFIX_SIZE, data));
        }
        match input.get(PREFIX_SIZE) {
            None => Ok((0, ResponseEvent::None)),
            Some(0) => Ok((PREFIX_SIZE + 1, ResponseEvent::Flush)),
            Some(_) => Err(Violation::ChunkLength),
        }
    }

    /// Takes what is here of `left` bytes of data from `start` on.
    fn receive_data(&mut self, input: &[u8], start: usize, left: u16) -> (usize, ResponseEvent) {
        let end = input.len().min(start + usize::from(left));
        let left = left - (end - start) as u16;
        self.0 = if left == 0 { State::ChunkEnd } else { State::Data(left) };
        (end, ResponseEvent::Body(start..end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"AB\0\x0a\x04\0\xc8\0\x02OK\0\0\0";

    fn expecting_response() -> ResponseDecoder {
        let mut decoder = ResponseDecoder::default();
        decoder.expect_response();
        decoder
    }

    fn receive(decoder: &mut ResponseDecoder, input: &[u8]) -> Result<(usize, ResponseEvent), Violation> {
        decoder.receive(input, &Limits::default(), &mut Response::default())
    }

    #[test]
    fn a_whole_response() {
        let mut decoder = expecting_response();
        assert_eq!(receive(&mut decoder, b"AB\0\x03\x06\x1f\xfa"), Ok((7, ResponseEvent::BodyWanted(8_186))));
        assert_eq!(receive(&mut decoder, HEAD), Ok((14, ResponseEvent::Head)));
        assert_eq!(receive(&mut decoder, b"AB\0\x09\x03\0\x05he"), Ok((9, ResponseEvent::Body(7..9))));
        assert_eq!(receive(&mut decoder, b"llo\0"), Ok((3, ResponseEvent::Body(0..3))));
        assert_eq!(receive(&mut decoder, b"\0AB"), Ok((1, ResponseEvent::None)));
        assert_eq!(receive(&mut decoder, b"AB\0\x04\x03\0\0\0"), Ok((8, ResponseEvent::Flush)));
        assert_eq!(receive(&mut decoder, b"AB\0\x03\x06\0\x01"), Ok((7, ResponseEvent::BodyWanted(1))));
        assert!(!decoder.is_idle());
        assert_eq!(receive(&mut decoder, b"AB\0\x02\x05\x01"), Ok((6, ResponseEvent::End { reuse: true })));
        assert!(decoder.is_idle());
        decoder.expect_response();
        receive(&mut decoder, HEAD).unwrap();
        assert_eq!(receive(&mut decoder, b"AB\0\x02\x05\0"), Ok((6, ResponseEvent::End { reuse: false })));
    }

    #[test]
    fn packets_out_of_turn_are_refused() {
        for wrong in [
            &b"AB\0\x09\x03\0\x05hello\0"[..],
            b"AB\0\x02\x05\x01",
            b"AB\0\x01\x09",
            b"AB\0\0",
            b"AB\0\x01\x02",
            b"AB\0\x01\x0a",
        ] {
            assert_eq!(receive(&mut expecting_response(), wrong), Err(Violation::UnexpectedPacket), "{wrong:?}");
        }
        let mut decoder = expecting_response();
        receive(&mut decoder, HEAD).unwrap();
        assert_eq!(receive(&mut decoder, HEAD), Err(Violation::UnexpectedPacket));
        assert_eq!(receive(&mut ResponseDecoder::default(), HEAD), Err(Violation::UnexpectedPacket));
        assert_eq!(receive(&mut expecting_response(), b"HTTP/1.1 400"), Err(Violation::NotAjpResponse));
    }

    #[test]
    fn a_flush_may_come_before_the_head() {
        assert_eq!(receive(&mut expecting_response(), crate::FLUSH), Ok((8, ResponseEvent::Flush)));
    }

    #[test]
    fn a_chunk_has_the_length_that_it_says() {
        for wrong in [
            &b"AB\0\x01\x03"[..],
            b"AB\0\x03\x03\0\0",
            b"AB\0\x08\x03\0\x05hello",
            b"AB\0\x04\x03\0\x01a",
            b"AB\0\x0a\x03\0\x05hello\0\0",
            b"AB\0\x04\x03\0\0a",
        ] {
            let mut decoder = expecting_response();
            receive(&mut decoder, HEAD).unwrap();
            assert_eq!(receive(&mut decoder, wrong), Err(Violation::ChunkLength), "{wrong:?}");
        }
        let mut decoder = expecting_response();
        receive(&mut decoder, HEAD).unwrap();
        receive(&mut decoder, b"AB\0\x05\x03\0\x01a").unwrap();
        assert_eq!(receive(&mut decoder, b"b"), Err(Violation::ChunkLength));
    }

    #[test]
    fn small_packets_are_exact() {
        for (wrong, violation) in [
            (&b"AB\0\x03\x05\x01\0"[..], Violation::ExcessBytes),
            (b"AB\0\x01\x05", Violation::PacketCut),
            (b"AB\0\x02\x06\0", Violation::PacketCut),
            (b"AB\0\x04\x06\0\x01\0", Violation::ExcessBytes),
        ] {
            let mut decoder = expecting_response();
            receive(&mut decoder, HEAD).unwrap();
            assert_eq!(receive(&mut decoder, wrong), Err(violation), "{wrong:?}");
        }
    }

    #[test]
    fn cping_is_answered_by_cpong_alone() {
        let mut decoder = ResponseDecoder::default();
        decoder.expect_cpong();
        assert_eq!(receive(&mut decoder, crate::CPONG), Ok((5, ResponseEvent::CPong)));
        assert!(decoder.is_idle());
        decoder.expect_cpong();
        assert_eq!(receive(&mut decoder, HEAD), Err(Violation::UnexpectedPacket));
    }
}
