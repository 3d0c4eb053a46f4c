//! Writes a response head (RFC 9112 §4) and decides how the body is delimited (RFC 9112 §6.3) and whether the connection
//! stays (RFC 9112 §9.3).

use millau_gateway::token::is_same;
use millau_gateway::{
    BodyExtent, BodyLength, Response, ResponseError, ResponseFields, Version, check_status, control_characters,
};

/// The interim response that a client with `Expect: 100-continue` waits for (RFC 9110 §15.2.1).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// How the body of a response goes onto the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEncoding {
    /// Not at all: what the application writes is dropped.
    None,
    /// As it is, exactly so many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
    /// As it is; the end of the connection is its end.
    UntilClose,
}

/// What a response head is made from.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The application's response.
    pub response: &'a Response,
    /// What is known of the body's length apart from the fields.
    pub length: BodyLength,
    /// The version of the request: HTTP/1.0 knows no chunks.
    pub request_version: Version,
    /// Whether the method was HEAD: the response has a GET's head and no body.
    pub head_request: bool,
    /// Whether we would take another request on this connection.
    pub persistent: bool,
    /// The Date field's value, 29 bytes (RFC 9110 §5.6.7).
    pub date: &'a [u8],
    /// The Server field's value; empty for none.
    pub server: &'a [u8],
}

/// Writes a response head to the end of `out`. Returns how the body must follow, and whether the connection stays.
///
/// The status line always says HTTP/1.1, which is our version, not the client's (RFC 9110 §2.5). The application's fields
/// keep their order; Date, Server and the framing follow them.
///
/// # Errors
/// A [`ResponseError`]; `out` is then as it was before.
pub fn encode_response_head(out: &mut Vec<u8>, head: &ResponseHead<'_>) -> Result<(BodyEncoding, bool), ResponseError> {
    let start = out.len();
    let result = encode(out, head);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn encode(out: &mut Vec<u8>, head: &ResponseHead<'_>) -> Result<(BodyEncoding, bool), ResponseError> {
    let response = head.response;
    let start = out.len();
    out.reserve(512);
    status_line(out, response)?;
    let mut lines = 2;

    let mut has_date = false;
    let mut has_server = head.server.is_empty();
    let mut said = ResponseFields::default();
    for (name, value) in response.fields.iter() {
        match name.len() {
            4 if is_same(name, b"date") => has_date = true,
            6 if is_same(name, b"server") => has_server = true,
            _ => {
                if !said.admit(name, value)? {
                    continue;
                }
            }
        }
        field(out, name, value);
        lines += 1;
    }
    if !has_date {
        field(out, b"Date", head.date);
        lines += 1;
    }
    if !has_server {
        field(out, b"Server", head.server);
        lines += 1;
    }

    let (extent, announced) = said.body(response, head.length, head.head_request)?;
    let body = match extent {
        BodyExtent::None => BodyEncoding::None,
        BodyExtent::Length(length) => BodyEncoding::Length(length),
        BodyExtent::Open if head.request_version == Version::Http10 => BodyEncoding::UntilClose,
        BodyExtent::Open => BodyEncoding::Chunked,
    };
    if let Some(length) = announced {
        field(out, b"Content-Length", itoa::Buffer::new().format(length).as_bytes());
        lines += 1;
    }
    if body == BodyEncoding::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        lines += 1;
    }
    let persistent = head.persistent && !said.wants_close() && body != BodyEncoding::UntilClose;
    if !persistent {
        out.extend_from_slice(b"Connection: close\r\n");
        lines += 1;
    } else if head.request_version == Version::Http10 {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
        lines += 1;
    }
    out.extend_from_slice(b"\r\n");
    // Whoever made the response has promised that it is clean; here is the last place where a broken promise can be seen.
    if control_characters(&out[start..]) != 2 * lines {
        return Err(ResponseError::ControlCharacter);
    }
    Ok((body, persistent))
}

fn status_line(out: &mut Vec<u8>, response: &Response) -> Result<(), ResponseError> {
    if response.status == 200 && response.reason == b"OK" {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return Ok(());
    }
    check_status(response.status)?;
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(response.status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(&response.reason);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

pub(crate) fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &[u8] = b"Sun, 06 Nov 1994 08:49:37 GMT";

    /// What is encoded for a response with these fields to a persistent GET of HTTP/1.1, changed by `change`.
    fn encoded(
        status: u16,
        fields: &[(&str, &str)],
        change: impl FnOnce(&mut ResponseHead<'_>),
    ) -> Result<(String, BodyEncoding, bool), ResponseError> {
        let mut response = Response::new(status);
        fields.iter().for_each(|(name, value)| response.fields.push(name.as_bytes(), value.as_bytes()));
        encoded_response(&response, change)
    }

    fn encoded_response(
        response: &Response,
        change: impl FnOnce(&mut ResponseHead<'_>),
    ) -> Result<(String, BodyEncoding, bool), ResponseError> {
        let mut head = ResponseHead {
            response,
            length: BodyLength::Unknown,
            request_version: Version::Http11,
            head_request: false,
            persistent: true,
            date: DATE,
            server: b"Millau",
        };
        change(&mut head);
        let mut out = b"before".to_vec();
        let result = encode_response_head(&mut out, &head);
        let text = String::from_utf8(out).unwrap();
        let text = text.strip_prefix("before").unwrap();
        assert!(result.is_ok() || text.is_empty(), "something is left of a refused response");
        result.map(|(body, persistent)| (text.to_owned(), body, persistent))
    }

    /// The lines between the status line and the empty line, without Date and Server.
    fn lines(text: &str) -> Vec<&str> {
        let head = text.strip_suffix("\r\n\r\n").unwrap();
        let lines = head.split("\r\n").skip(1);
        lines.filter(|line| !line.starts_with("Date: ") && !line.starts_with("Server: ")).collect()
    }

    #[test]
    fn a_whole_head() {
        let fields =
            [("Content-Type", "text/plain"), ("Content-Length", "13"), ("Set-Cookie", "a"), ("set-cookie", "b")];
        let (text, body, persistent) = encoded(200, &fields, |_| {}).unwrap();
        assert_eq!(
            text,
            "HTTP/1.1 200 OK\r\n\
             Content-Type: text/plain\r\n\
             Set-Cookie: a\r\n\
             set-cookie: b\r\n\
             Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Server: Millau\r\n\
             Content-Length: 13\r\n\
             \r\n"
        );
        assert_eq!((body, persistent), (BodyEncoding::Length(13), true));
    }

    #[test]
    fn the_application_may_set_date_and_server() {
        let (text, ..) = encoded(200, &[("date", "D"), ("SERVER", "S"), ("Content-Length", "0")], |_| {}).unwrap();
        assert_eq!(text, "HTTP/1.1 200 OK\r\ndate: D\r\nSERVER: S\r\nContent-Length: 0\r\n\r\n");
        let (text, ..) = encoded(200, &[("Content-Length", "0")], |head| head.server = b"").unwrap();
        assert!(!text.contains("Server"));
    }

    #[test]
    fn the_reason_is_passed_on() {
        let mut response = Response::new(299);
        response.reason = b"Sch\xf6n so".to_vec();
        let mut out = Vec::new();
        status_line(&mut out, &response).unwrap();
        assert_eq!(out, b"HTTP/1.1 299 Sch\xf6n so\r\n");
        response.reason.clear();
        out.clear();
        status_line(&mut out, &response).unwrap();
        assert_eq!(out, b"HTTP/1.1 299 \r\n", "the space stays when the reason is empty (RFC 9112 §4)");
    }

    #[test]
    fn the_length_decides_the_encoding() {
        let known = |head: &mut ResponseHead<'_>| head.length = BodyLength::Known(7);
        let (text, body, persistent) = encoded(200, &[], known).unwrap();
        assert_eq!((lines(&text), body, persistent), (vec!["Content-Length: 7"], BodyEncoding::Length(7), true));
        let (text, body, persistent) = encoded(200, &[], |_| {}).unwrap();
        let expected = vec!["Transfer-Encoding: chunked"];
        assert_eq!((lines(&text), body, persistent), (expected, BodyEncoding::Chunked, true));
        let old = |head: &mut ResponseHead<'_>| head.request_version = Version::Http10;
        let (text, body, persistent) = encoded(200, &[], old).unwrap();
        assert_eq!((lines(&text), body, persistent), (vec!["Connection: close"], BodyEncoding::UntilClose, false));
        // The application's own promise comes before what the server has counted.
        let (text, body, _) = encoded(200, &[("Content-Length", "5")], known).unwrap();
        assert_eq!((lines(&text), body), (vec!["Content-Length: 5"], BodyEncoding::Length(5)));
    }

    #[test]
    fn http10_is_told_that_the_connection_stays() {
        let old = |head: &mut ResponseHead<'_>| {
            head.request_version = Version::Http10;
            head.length = BodyLength::Known(0);
        };
        let (text, _, persistent) = encoded(200, &[], old).unwrap();
        assert_eq!((lines(&text), persistent), (vec!["Content-Length: 0", "Connection: keep-alive"], true));
        let unwilling = |head: &mut ResponseHead<'_>| {
            old(head);
            head.persistent = false;
        };
        let (text, _, persistent) = encoded(200, &[], unwilling).unwrap();
        assert_eq!((lines(&text), persistent), (vec!["Content-Length: 0", "Connection: close"], false));
    }

    #[test]
    fn the_application_may_close_the_connection() {
        let fields = [("Connection", "Close"), ("Content-Length", "0")];
        let (text, _, persistent) = encoded(200, &fields, |_| {}).unwrap();
        assert_eq!((lines(&text), persistent), (vec!["Content-Length: 0", "Connection: close"], false));
        let fields = [("Connection", "keep-alive"), ("Content-Length", "0")];
        let (text, _, persistent) = encoded(200, &fields, |_| {}).unwrap();
        assert_eq!((lines(&text), persistent), (vec!["Content-Length: 0"], true));
    }

    #[test]
    fn statuses_without_a_body() {
        let known = |head: &mut ResponseHead<'_>| head.length = BodyLength::Known(5);
        let (text, body, persistent) = encoded(204, &[("Content-Length", "5")], known).unwrap();
        assert_eq!((lines(&text), body, persistent), (vec![], BodyEncoding::None, true));
        let (text, body, _) = encoded(304, &[("Content-Length", "5")], known).unwrap();
        assert_eq!((lines(&text), body), (vec!["Content-Length: 5"], BodyEncoding::None));
        let (text, body, persistent) = encoded(304, &[], known).unwrap();
        assert_eq!((lines(&text), body, persistent), (vec![], BodyEncoding::None, true));
    }

    #[test]
    fn head_keeps_the_length_of_get_and_never_invents_one() {
        let length_of = |fields: &[(&str, &str)], length| {
            let head = |head: &mut ResponseHead<'_>| {
                head.head_request = true;
                head.length = length;
            };
            let (text, body, persistent) = encoded(200, fields, head).unwrap();
            assert_eq!((body, persistent), (BodyEncoding::None, true));
            lines(&text).join("\n")
        };
        assert_eq!(length_of(&[("Content-Length", "100")], BodyLength::Known(0)), "Content-Length: 100");
        assert_eq!(length_of(&[("Content-Length", "0")], BodyLength::Known(0)), "Content-Length: 0");
        assert_eq!(length_of(&[], BodyLength::Known(100)), "Content-Length: 100");
        assert_eq!(length_of(&[], BodyLength::Known(0)), "");
        assert_eq!(length_of(&[], BodyLength::Unknown), "");
        let head = |head: &mut ResponseHead<'_>| {
            head.head_request = true;
            head.length = BodyLength::Known(100);
        };
        let (text, ..) = encoded(304, &[], head).unwrap();
        assert!(lines(&text).is_empty(), "the body of a 304 is not that of the 200 that it stands for");
    }

    #[test]
    fn refuses_what_the_gateway_refuses() {
        let error = |fields: &[(&str, &str)]| encoded(200, fields, |_| {}).unwrap_err();
        assert_eq!(error(&[("A", "b"), ("UPGRADE", "websocket")]), ResponseError::HopByHop("Upgrade"));
        assert_eq!(error(&[("Connection", "close, X-Other")]), ResponseError::HopByHop("Connection"));
        assert_eq!(error(&[("Content-Length", "1"), ("Content-Length", "2")]), ResponseError::ContentLength);
        let short = encoded(200, &[("Content-Length", "9")], |head| head.length = BodyLength::Known(8)).unwrap_err();
        assert_eq!(short, ResponseError::ShortBody { promised: 9, known: 8 });
        let (text, ..) = encoded(200, &[("Content-Length", "1"), ("content-length", "01")], |_| {}).unwrap();
        assert_eq!(lines(&text), ["Content-Length: 1"]);
    }

    #[test]
    fn refuses_control_characters() {
        for bad in ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b", "a\u{1b}b", "a\u{7f}", "\u{b}"] {
            assert_eq!(encoded(200, &[("X", bad)], |_| {}), Err(ResponseError::ControlCharacter), "{bad:?}");
            assert_eq!(encoded(200, &[(bad, "x")], |_| {}), Err(ResponseError::ControlCharacter), "{bad:?}");
        }
        assert!(encoded(200, &[("X", "a\tb \u{e9}")], |_| {}).is_ok());
        let mut split = Response::new(200);
        split.reason = b"OK\r\nX: y".to_vec();
        assert_eq!(encoded_response(&split, |_| {}), Err(ResponseError::ControlCharacter));
    }

    #[test]
    fn refuses_statuses_that_are_not_final() {
        for status in [0, 99, 100, 101, 199, 1000] {
            assert_eq!(encoded(status, &[], |_| {}), Err(ResponseError::Status(status)));
        }
        assert!(encoded(999, &[], |_| {}).unwrap().0.starts_with("HTTP/1.1 999 "));
    }
}
