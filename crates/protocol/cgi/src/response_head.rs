//! Writes the head of a response in the form of CGI: a document response (RFC 3875 §6.2.1), always with its status.

use millau_gateway::token::is_same;
use millau_gateway::{
    BodyExtent, BodyLength, Response, ResponseError, ResponseFields, check_status, control_characters,
};

use crate::FirstLine;

/// What a response head is made from.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The application's response.
    pub response: &'a Response,
    /// What is known of the body's length apart from the fields.
    pub length: BodyLength,
    /// Whether the method was HEAD: the response has a GET's head and no body (RFC 3875 §4.3.3).
    pub head_request: bool,
    /// Where the status stands.
    pub first_line: FirstLine,
}

/// Writes a response head to the end of `out`. Returns how much of a body must follow.
///
/// The status comes first, then the application's fields in their order, each on a line of its own, then the
/// Content-Length if it is known. The front server adds Date and Server and decides about its own connection, so there
/// is no Connection of the application's here. A field called `Status` is left out: the server would take it
/// for the status, which over HTTP it is not.
///
/// # Errors
/// A [`ResponseError`]; `out` is then as it was before.
pub fn encode_response_head(out: &mut Vec<u8>, head: &ResponseHead<'_>) -> Result<BodyExtent, ResponseError> {
    let start = out.len();
    let result = encode(out, head);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn encode(out: &mut Vec<u8>, head: &ResponseHead<'_>) -> Result<BodyExtent, ResponseError> {
    let response = head.response;
    let start = out.len();
    out.reserve(512);
    check_status(response.status)?;
    // And the empty one.
    let mut lines = head.first_line.encode(out, response.status, &response.reason) + 1;
    let mut said = ResponseFields::default();
    for (name, value) in response.fields.iter() {
        let is_status = name.len() == 6 && is_same(name, b"status");
        if !is_status && said.admit(name, value)? {
            field(out, name, value);
            lines += 1;
        }
    }
    let (extent, announced) = said.body(response, head.length, head.head_request)?;
    if let Some(length) = announced {
        field(out, b"Content-Length", itoa::Buffer::new().format(length).as_bytes());
        lines += 1;
    }
    out.extend_from_slice(b"\r\n");
    // Whoever made the response has promised that it is clean; here is the last place where a broken promise can be seen.
    if control_characters(&out[start..]) != 2 * lines {
        return Err(ResponseError::ControlCharacter);
    }
    Ok(extent)
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

    fn encoded(
        status: u16,
        fields: &[(&str, &str)],
        change: impl FnOnce(&mut ResponseHead<'_>),
    ) -> Result<(String, BodyExtent), ResponseError> {
        let mut response = Response::new(status);
        fields.iter().for_each(|(name, value)| response.fields.push(name.as_bytes(), value.as_bytes()));
        encoded_response(&response, change)
    }

    fn encoded_response(
        response: &Response,
        change: impl FnOnce(&mut ResponseHead<'_>),
    ) -> Result<(String, BodyExtent), ResponseError> {
        let length = BodyLength::Unknown;
        let mut head = ResponseHead { response, length, head_request: false, first_line: FirstLine::Status };
        change(&mut head);
        let mut out = b"before".to_vec();
        let result = encode_response_head(&mut out, &head);
        let text = String::from_utf8(out).unwrap();
        let text = text.strip_prefix("before").unwrap();
        assert!(result.is_ok() || text.is_empty(), "something is left of a refused response");
        result.map(|extent| (text.to_owned(), extent))
    }

    #[test]
    fn a_whole_head_begins_with_the_status() {
        let fields = [
            ("Content-Type", "text/plain"),
            ("Content-Length", "13"),
            ("Set-Cookie", "a"),
            ("Connection", "close"),
            ("set-cookie", "b"),
        ];
        let rest = "Content-Type: text/plain\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 13\r\n\r\n";
        let (text, extent) = encoded(200, &fields, |_| {}).unwrap();
        assert_eq!((text, extent), (format!("Status: 200 OK\r\n{rest}"), BodyExtent::Length(13)));
        let (text, extent) = encoded(200, &fields, |head| head.first_line = FirstLine::StatusLine).unwrap();
        assert_eq!((text, extent), (format!("HTTP/1.1 200 OK\r\n{rest}"), BodyExtent::Length(13)));
        let (text, extent) = encoded(200, &fields, |head| head.first_line = FirstLine::Nph).unwrap();
        let whole = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{rest}");
        assert_eq!((text, extent), (whole, BodyExtent::Length(13)));
    }

    #[test]
    fn a_redirect_says_its_status() {
        let mut response = Response::new(302);
        response.reason = b"Found".to_vec();
        response.fields.push(b"Location", b"/there");
        let (text, extent) = encoded_response(&response, |_| {}).unwrap();
        assert_eq!((text.as_str(), extent), ("Status: 302 Found\r\nLocation: /there\r\n\r\n", BodyExtent::Open));
    }

    #[test]
    fn no_field_poses_as_the_status() {
        let (text, _) = encoded(200, &[("STATUS", "500 No"), ("Statue", "of liberty")], |_| {}).unwrap();
        assert_eq!(text, "Status: 200 OK\r\nStatue: of liberty\r\n\r\n");
    }

    #[test]
    fn the_length_is_announced_when_it_is_known() {
        let known = |head: &mut ResponseHead<'_>| head.length = BodyLength::Known(7);
        let lines = |status, fields: &[(&str, &str)], change: &dyn Fn(&mut ResponseHead<'_>)| {
            let (text, extent) = encoded(status, fields, change).unwrap();
            (text.split("\r\n").skip(1).collect::<Vec<_>>().join("|"), extent)
        };
        let length = "Content-Length: ";
        assert_eq!(lines(200, &[], &known), (format!("{length}7||"), BodyExtent::Length(7)));
        assert_eq!(lines(200, &[], &|_| {}), ("|".into(), BodyExtent::Open));
        assert_eq!(lines(200, &[("content-length", "5")], &known), (format!("{length}5||"), BodyExtent::Length(5)));
        assert_eq!(lines(204, &[("Content-Length", "5")], &known), ("|".into(), BodyExtent::None));
        assert_eq!(lines(304, &[("Content-Length", "5")], &known), (format!("{length}5||"), BodyExtent::None));
        let head = |head: &mut ResponseHead<'_>| {
            known(head);
            head.head_request = true;
        };
        assert_eq!(lines(200, &[], &head), (format!("{length}7||"), BodyExtent::None));
        assert_eq!(lines(200, &[("Content-Length", "100")], &head), (format!("{length}100||"), BodyExtent::None));
    }

    #[test]
    fn refuses_what_the_gateway_refuses() {
        let error = |status, fields: &[(&str, &str)]| encoded(status, fields, |_| {}).unwrap_err();
        assert_eq!(error(200, &[("transfer-encoding", "chunked")]), ResponseError::HopByHop("Transfer-Encoding"));
        assert_eq!(error(200, &[("Connection", "Upgrade")]), ResponseError::HopByHop("Connection"));
        assert_eq!(error(200, &[("Content-Length", "1"), ("Content-Length", "2")]), ResponseError::ContentLength);
        assert_eq!(error(101, &[]), ResponseError::Status(101));
        for bad in ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b", "a\u{1b}b", "a\u{7f}"] {
            assert_eq!(error(200, &[("X", bad)]), ResponseError::ControlCharacter, "{bad:?}");
            assert_eq!(error(200, &[(bad, "x")]), ResponseError::ControlCharacter, "{bad:?}");
        }
        let mut split = Response::new(200);
        split.reason = b"OK\r\nX: y".to_vec();
        assert_eq!(encoded_response(&split, |_| {}), Err(ResponseError::ControlCharacter));
    }
}
