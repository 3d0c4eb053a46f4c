//! Parses a request head (RFC 9112 §3 and §5) and decides what it says about the message.

use std::mem::MaybeUninit;

use millau_gateway::token::{is_same, trim};
use millau_gateway::{ConnectionOptions, Request, Scheme, Version};

use crate::diagnosis::diagnose;
use crate::framing::BodyFields;
use crate::head_end::METHOD_SIZE;
use crate::host::is_host;
use crate::{Framing, HeadEnd, Limits, Refusal, head_too_large, hopeless};

/// Field lines that are parsed without taking memory; a greater limit takes some for every request.
const INLINE_FIELDS: usize = 100;

/// What a head says about its message, apart from what is in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Bytes of the head; the body follows.
    pub length: usize,
    /// How the end of the body is found.
    pub body: Framing,
    /// Whether the client wants another request on this connection (RFC 9112 §9.3).
    pub persistent: bool,
    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
    pub expects_continue: bool,
}

/// Takes what was received of a request so far and gives its head as soon as it is whole: [`HeadEnd::find`],
/// [`hopeless`], [`head_too_large`] and [`parse_request_head`] in one.
///
/// `input` is everything from the first byte of the request on; `Ok(None)` asks for more of it. `progress` belongs to this
/// head alone, and `request` is clear at each call.
///
/// # Errors
/// A [`Refusal`], the same however the bytes were split; the request is then half filled and must be cleared.
pub fn receive_request_head(
    progress: &mut HeadEnd,
    input: &[u8],
    limits: &Limits,
    request: &mut Request,
) -> Result<Option<RequestHead>, Refusal> {
    // Nearly every head arrives whole; the parser then finds its end at no extra cost. A refusal may stand behind an
    // earlier end of the head, and so is decided below.
    if *progress == HeadEnd::default() {
        if let Ok(head) = parse_request_head(input, limits, request) {
            return Ok(Some(head));
        }
        request.clear();
    }
    match progress.find(input) {
        Some(length) => parse_request_head(&input[..length], limits, request).map(Some),
        None => hopeless(input).or_else(|| head_too_large(input.len(), limits, input)).map_or(Ok(None), Err),
    }
}

/// Parses the head at the beginning of `input` into `request`, which the caller has cleared.
///
/// `input` holds a whole head, as [`HeadEnd`](crate::HeadEnd) has found it; what follows the head is not looked at.
/// Sets method, version, target, fields, `content_length` and `streamed_body`. One empty line before the request line is
/// skipped (RFC 9112 §2.2). A minor version above 1 counts as HTTP/1.1 (RFC 9110 §2.5).
///
/// # Errors
/// A [`Refusal`]; the request is then half filled and must be cleared.
pub fn parse_request_head(input: &[u8], limits: &Limits, request: &mut Request) -> Result<RequestHead, Refusal> {
    if limits.fields <= INLINE_FIELDS {
        let mut fields = [const { MaybeUninit::uninit() }; INLINE_FIELDS];
        parse(input, limits, request, &mut fields[..limits.fields])
    } else {
        let mut fields = vec![MaybeUninit::uninit(); limits.fields];
        parse(input, limits, request, &mut fields)
    }
}

fn parse<'a>(
    input: &'a [u8],
    limits: &Limits,
    request: &mut Request,
    storage: &mut [MaybeUninit<httparse::Header<'a>>],
) -> Result<RequestHead, Refusal> {
    let start = if input.starts_with(b"\r\n") { 2 } else { 0 };
    let text = &input[start..];
    // The tokenizer would skip any number of empty lines.
    if matches!(text, [b'\r' | b'\n', ..]) {
        return Err(diagnose(input, limits));
    }
    let mut head = httparse::Request::new(&mut []);
    let length = match head.parse_with_uninit_headers(text, storage) {
        Ok(httparse::Status::Complete(length)) => length,
        Err(httparse::Error::Version) => return parse_later_version(input, limits, request),
        Ok(httparse::Status::Partial) | Err(_) => return Err(diagnose(input, limits)),
    };
    let (Some(method), Some(target), Some(minor)) = (head.method, head.path, head.version) else {
        return Err(diagnose(input, limits));
    };
    // In the order in which they show while a head arrives byte by byte.
    if method.len() > METHOD_SIZE {
        return Err(Refusal::MethodTooLong);
    }
    if target.len() > limits.target_size {
        return Err(Refusal::TargetTooLong);
    }
    if start + length > limits.head_size {
        return Err(Refusal::HeadTooLarge);
    }
    let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
    set_request_line(method.as_bytes(), target.as_bytes(), version, request)?;

    request.fields.hold(&text[..length]);
    let mut hosts = 0;
    let mut content_types = 0;
    let mut body = BodyFields::default();
    let mut connection = ConnectionOptions::default();
    let mut expects_continue = false;
    for field in head.headers.iter() {
        let (name, value) = (field.name.as_bytes(), field.value);
        // The tokenizer takes a line that ends with LF alone, and the line before a field ends right before its name.
        let name_start = name.as_ptr().addr() - text.as_ptr().addr();
        if text[name_start - 2] != b'\r' {
            return Err(diagnose(input, limits));
        }
        match name.len() {
            4 if is_same(name, b"host") => {
                hosts += 1;
                if !(is_host(value) || (value.is_empty() && request.authority().is_none())) {
                    return Err(Refusal::Host);
                }
            }
            6 if is_same(name, b"expect") => expects_continue |= is_continue_expected(value, version)?,
            10 if is_same(name, b"connection") => connection.add(value),
            12 if is_same(name, b"content-type") => content_types += 1,
            14 if is_same(name, b"content-length") => body.add_content_length(value)?,
            17 if is_same(name, b"transfer-encoding") => body.add_transfer_encoding(value),
            _ => {}
        }
        // An empty value of the tokenizer's need not lie in the text.
        let value_start = if value.is_empty() { 0 } else { value.as_ptr().addr() - text.as_ptr().addr() };
        request.fields.push_held(name_start..name_start + name.len(), value_start..value_start + value.len());
    }
    if !text[..length].ends_with(b"\r\n\r\n") {
        return Err(diagnose(input, limits));
    }
    match hosts {
        0 if version == Version::Http11 => return Err(Refusal::MissingHost),
        0 | 1 => {}
        _ => return Err(Refusal::RepeatedHost),
    }
    if content_types > 1 {
        return Err(Refusal::RepeatedContentType);
    }
    let framing = body.framing(version, limits)?;
    request.content_length = match framing {
        Framing::None => body.content_length(),
        Framing::Length(length) => Some(length),
        Framing::Chunked => None,
    };
    request.streamed_body = framing == Framing::Chunked;
    Ok(RequestHead {
        length: start + length,
        body: framing,
        persistent: !connection.close && (version == Version::Http11 || connection.keep_alive),
        expects_continue: expects_continue && framing != Framing::None,
    })
}

/// A message of HTTP/1.2 or later is processed as HTTP/1.1 (RFC 9110 §2.5); the tokenizer knows only 1.0 and 1.1.
#[cold]
fn parse_later_version(input: &[u8], limits: &Limits, request: &mut Request) -> Result<RequestHead, Refusal> {
    let length = HeadEnd::default().find(input).unwrap_or(input.len());
    let start = if input.starts_with(b"\r\n") { 2 } else { 0 };
    let line_end = memchr::memchr(b'\r', &input[start..length]).map_or(length, |length| start + length);
    if let [.., b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'] = &input[start..line_end] {
        let mut patched = input[..length].to_vec();
        patched[line_end - 1] = b'1';
        return parse_request_head(&patched, limits, request);
    }
    Err(diagnose(input, limits))
}

fn set_request_line(method: &[u8], target: &[u8], version: Version, request: &mut Request) -> Result<(), Refusal> {
    if method == b"CONNECT" {
        return Err(Refusal::Connect);
    }
    if !target.is_ascii() {
        return Err(Refusal::TargetByte);
    }
    if target == b"*" && method != b"OPTIONS" {
        return Err(Refusal::AsteriskForm);
    }
    request.method.extend_from_slice(method);
    request.version = version;
    request.set_target(target)?;
    if let Some(authority) = request.authority() {
        if !is_host(authority) {
            return Err(Refusal::Host);
        }
        // The target may not ask for more protection than the connection gave (RFC 9110 §7.4).
        let is_https = target.len() > 5 && target[..5].eq_ignore_ascii_case(b"https");
        if is_https && request.local.scheme == Scheme::Http {
            return Err(Refusal::Misdirected);
        }
    }
    Ok(())
}

/// `Expect = #expectation`, of which there is only `100-continue`; HTTP/1.0 has none and ignores it (RFC 9110 §10.1.1).
fn is_continue_expected(value: &[u8], version: Version) -> Result<bool, Refusal> {
    if version == Version::Http10 {
        return Ok(false);
    }
    let mut is_expected = false;
    for expectation in value.split(|byte| *byte == b',').map(trim).filter(|expectation| !expectation.is_empty()) {
        if !expectation.eq_ignore_ascii_case(b"100-continue") {
            return Err(Refusal::Expectation);
        }
        is_expected = true;
    }
    Ok(is_expected)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millau_gateway::Local;

    use super::*;

    fn parse_with(input: &str, limits: &Limits) -> (Result<RequestHead, Refusal>, Request) {
        let mut request = Request::default();
        let head = parse_request_head(input.as_bytes(), limits, &mut request);
        (head, request)
    }

    #[test]
    fn fills_the_request() {
        let input = "\r\nPOST /a%20b?q HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc";
        let (head, request) = parse_with(input, &Limits::default());
        let length = input.len() - 3;
        let body = Framing::Length(3);
        assert_eq!(head, Ok(RequestHead { length, body, persistent: true, expects_continue: true }));
        assert_eq!((&request.method[..], request.version), (&b"POST"[..], Version::Http11));
        assert_eq!((request.target(), request.path(), request.query()), (&b"/a%20b?q"[..], &b"/a b"[..], &b"q"[..]));
        assert_eq!((request.content_length, request.streamed_body), (Some(3), false));
        assert_eq!(request.fields.iter().next(), Some((&b"Host"[..], &b"h"[..])));
    }

    #[test]
    fn says_where_the_length_comes_from() {
        let (head, request) = parse_with("GET / HTTP/1.1\r\nHost: h\r\n\r\n", &Limits::default());
        assert_eq!((head.unwrap().body, request.content_length, request.streamed_body), (Framing::None, None, false));
        let zero = "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n";
        let (head, request) = parse_with(zero, &Limits::default());
        assert_eq!(
            (head.unwrap().body, request.content_length, request.streamed_body),
            (Framing::None, Some(0), false)
        );
        let chunked = "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (head, request) = parse_with(chunked, &Limits::default());
        assert_eq!((head.unwrap().body, request.content_length, request.streamed_body), (Framing::Chunked, None, true));
    }

    #[test]
    fn the_number_of_fields_may_be_limited_otherwise() {
        let with_fields = |number: usize| format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: y\r\n".repeat(number - 1));
        for limit in [1, 2, 99, 100, 101, 300] {
            let limits = Limits { fields: limit, ..Limits::default() };
            assert!(parse_with(&with_fields(limit), &limits).0.is_ok(), "{limit}");
            assert_eq!(parse_with(&with_fields(limit + 1), &limits).0, Err(Refusal::TooManyFields), "{limit}");
        }
    }

    #[test]
    fn an_https_uri_needs_a_connection_with_tls() {
        let input = b"GET https://h/ HTTP/1.1\r\nHost: h\r\n\r\n";
        let local = Arc::new(Local { scheme: Scheme::Https, ..Local::default() });
        let mut request = Request::default();
        request.local = local;
        assert!(parse_request_head(input, &Limits::default(), &mut request).is_ok());
        let mut request = Request::default();
        assert_eq!(parse_request_head(input, &Limits::default(), &mut request), Err(Refusal::Misdirected));
    }

    #[test]
    fn nothing_of_a_refused_attempt_stays() {
        let mut request = Request::default();
        let mut progress = HeadEnd::default();
        let input = b"GET /first HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n";
        for at in 0..input.len() {
            let received = receive_request_head(&mut progress, &input[..at], &Limits::default(), &mut request);
            assert_eq!(received, Ok(None), "{at}");
            assert!(request.fields.is_empty() && request.method.is_empty());
        }
        let head = receive_request_head(&mut progress, input, &Limits::default(), &mut request).unwrap();
        assert_eq!((head.unwrap().length, request.fields.len()), (input.len(), 2));
        request.clear();
        let refused = b"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n";
        let received = receive_request_head(&mut HeadEnd::default(), refused, &Limits::default(), &mut request);
        assert_eq!((received, &request.method[..]), (Err(Refusal::RepeatedHost), &b"GET"[..]));
    }
}
