//! Writes a whole response for a request that is refused or for an error of the engine.

use millau_gateway::reason_phrase;

use crate::response_head::field;

/// Writes a whole plain-text response that closes the connection: a refusal, or an error of the engine.
pub fn encode_error(out: &mut Vec<u8>, status: u16, body: &str, date: &[u8], server: &[u8], head_request: bool) {
    out.reserve(512);
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(reason_phrase(status).as_bytes());
    out.extend_from_slice(b"\r\n");
    field(out, b"Content-Type", b"text/plain; charset=utf-8");
    field(out, b"Content-Length", itoa::Buffer::new().format(body.len()).as_bytes());
    field(out, b"Date", date);
    if !server.is_empty() {
        field(out, b"Server", server);
    }
    out.extend_from_slice(b"Connection: close\r\n\r\n");
    if !head_request {
        out.extend_from_slice(body.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &[u8] = b"Sun, 06 Nov 1994 08:49:37 GMT";

    #[test]
    fn an_error_is_whole_and_closes() {
        let mut out = Vec::new();
        encode_error(&mut out, 431, "too much\n", DATE, b"Millau", false);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "HTTP/1.1 431 Request Header Fields Too Large\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Length: 9\r\n\
             Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Server: Millau\r\n\
             Connection: close\r\n\
             \r\n\
             too much\n"
        );
        let mut out = Vec::new();
        encode_error(&mut out, 400, "no body after HEAD", DATE, b"", true);
        assert!(
            out.ends_with(b"Content-Length: 18\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n\r\n")
        );
    }
}
