//! Writes a whole response for a request that is refused or for an error of the engine.

use millau_gateway::reason_phrase;

use crate::FirstLine;
use crate::response_head::field;

/// Writes a whole plain-text response to the end of `out`: a refusal, or an error of the engine. After it, nothing more
/// may be sent for this request.
pub fn encode_error(out: &mut Vec<u8>, first_line: FirstLine, status: u16, body: &str, head_request: bool) {
    out.reserve(256 + body.len());
    first_line.encode(out, status, reason_phrase(status).as_bytes());
    field(out, b"Content-Type", b"text/plain; charset=utf-8");
    field(out, b"Content-Length", itoa::Buffer::new().format(body.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    if !head_request {
        out.extend_from_slice(body.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_whole_response() {
        let mut out = Vec::new();
        encode_error(&mut out, FirstLine::Status, 431, "too much\n", false);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "Status: 431 Request Header Fields Too Large\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Length: 9\r\n\
             \r\n\
             too much\n"
        );
        let mut out = b"x".to_vec();
        encode_error(&mut out, FirstLine::StatusLine, 400, "no body after HEAD", true);
        assert!(out.starts_with(b"xHTTP/1.1 400 Bad Request\r\n"));
        assert!(out.ends_with(b"Content-Length: 18\r\n\r\n"));
    }
}
