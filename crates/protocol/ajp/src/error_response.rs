//! Writes a whole response for a request that is refused or for an error of the engine.

use millau_gateway::{BodyExtent, BodyLength, Response};

use crate::send_headers::{SendHeaders, encode_send_headers};
use crate::{BODY_CHUNK_END, encode_body_chunk_prefix, end_response, max_body_chunk};

/// Writes a whole plain-text response after which the connection closes. A text that does not fit in a packet is cut.
pub fn encode_error(out: &mut Vec<u8>, status: u16, body: &str, head_request: bool, packet_size: usize) {
    let body = &body.as_bytes()[..body.len().min(max_body_chunk(packet_size))];
    let mut response = Response::new(status);
    response.fields.push(b"Content-Type", b"text/plain; charset=utf-8");
    let length = BodyLength::Known(body.len() as u64);
    let head = SendHeaders { response: &response, length, head_request, packet_size };
    // What is written here is clean and small. If it were refused all the same, the end alone is an answer, too.
    if let Ok(BodyExtent::Length(1..)) = encode_send_headers(out, &head) {
        encode_body_chunk_prefix(out, body.len());
        out.extend_from_slice(body);
        out.extend_from_slice(BODY_CHUNK_END);
    }
    out.extend_from_slice(end_response(false));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_whole_and_closes() {
        let mut out = Vec::new();
        encode_error(&mut out, 403, "no\n", false, 8_192);
        assert_eq!(
            out,
            b"AB\0\x35\x04\x01\x93\0\x09Forbidden\0\0\x02\xa0\x01\0\x19text/plain; charset=utf-8\0\xa0\x03\0\x013\0\
              AB\0\x07\x03\0\x03no\n\0AB\0\x02\x05\0"
        );
        out.clear();
        encode_error(&mut out, 400, "no body after HEAD", true, 8_192);
        assert!(out.ends_with(b"\xa0\x03\0\x0218\0AB\0\x02\x05\0"));
        out.clear();
        encode_error(&mut out, 500, "", false, 8_192);
        assert!(out.ends_with(b"\xa0\x03\0\x010\0AB\0\x02\x05\0"));
    }

    #[test]
    fn a_long_text_is_cut() {
        let mut out = Vec::new();
        encode_error(&mut out, 400, &"z".repeat(10_000), false, 8_192);
        assert_eq!(out.iter().filter(|byte| **byte == b'z').count(), 8_184);
    }
}
