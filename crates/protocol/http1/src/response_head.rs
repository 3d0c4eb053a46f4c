//! Writes a response head (RFC 9112 §4) and decides how the body is delimited (RFC 9112 §6.3) and whether the connection
//! stays (RFC 9112 §9.3).

use std::fmt;

use millau_gateway::{BodyLength, Error, Response, Version, reason_phrase};

use crate::connection::Options;
use crate::framing::decimal;

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

/// Why a response cannot be sent; the application is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The status has not three digits, or is an interim one (RFC 9110 §15).
    Status(u16),
    /// The application set a field that belongs to the connection (PEP 3333; RFC 9110 §7.6.1).
    HopByHop(&'static str),
    /// Content-Length is no number, or there are two that differ (RFC 9110 §8.6).
    ContentLength,
    /// A control character in the reason phrase or in a field (RFC 9110 §5.5); CR or LF would split the response in two
    /// (RFC 9112 §11.1).
    ControlCharacter,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the response has the status {status}; it must be between 200 and 999"),
            Self::HopByHop(name) => {
                write!(f, "the response has the field {name}, which belongs to the server; leave it out")
            }
            Self::ContentLength => {
                f.write_str("the response's Content-Length is not one decimal number; send one, or leave it out")
            }
            Self::ControlCharacter => f.write_str(
                "the response has a line break or another control character in its reason phrase or in a field",
            ),
        }
    }
}

impl std::error::Error for EncodeError {}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        Self::application(error.to_string())
    }
}

/// Writes a response head to the end of `out`. Returns how the body must follow, and whether the connection stays.
///
/// The status line always says HTTP/1.1, which is our version, not the client's (RFC 9110 §2.5). The application's fields
/// keep their order; Date, Server and the framing follow them.
///
/// # Errors
/// An [`EncodeError`]; `out` is then as it was before.
pub fn encode_response_head(out: &mut Vec<u8>, head: &ResponseHead<'_>) -> Result<(BodyEncoding, bool), EncodeError> {
    let start = out.len();
    let result = encode(out, head);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn encode(out: &mut Vec<u8>, head: &ResponseHead<'_>) -> Result<(BodyEncoding, bool), EncodeError> {
    let response = head.response;
    let start = out.len();
    out.reserve(512);
    status_line(out, response)?;
    let mut lines = 2;

    let mut has_date = false;
    let mut has_server = head.server.is_empty();
    let mut connection = Options::default();
    let mut content_length = None;
    for (name, value) in response.fields.iter() {
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"date") => has_date = true,
            6 if name.eq_ignore_ascii_case(b"server") => has_server = true,
            10 if name.eq_ignore_ascii_case(b"connection") => {
                connection.add(value);
                if connection.other {
                    return Err(EncodeError::HopByHop("Connection"));
                }
                continue;
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let length = decimal(value).map_err(|_| EncodeError::ContentLength)?;
                if content_length.replace(length).is_some_and(|before| before != length) {
                    return Err(EncodeError::ContentLength);
                }
                continue;
            }
            _ => hop_by_hop(name)?,
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

    let body = body_encoding(head, content_length);
    let announced = match body {
        BodyEncoding::Length(length) => Some(length),
        BodyEncoding::None if response.status == 204 => None,
        // The fields of a GET's response, as far as they are known (RFC 9110 §9.3.2 and §15.4.5).
        BodyEncoding::None => content_length.or(match head.length {
            BodyLength::Known(length) if head.head_request && length > 0 && response.status != 304 => Some(length),
            _ => None,
        }),
        BodyEncoding::Chunked | BodyEncoding::UntilClose => None,
    };
    if let Some(length) = announced {
        field(out, b"Content-Length", itoa::Buffer::new().format(length).as_bytes());
        lines += 1;
    }
    if body == BodyEncoding::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        lines += 1;
    }
    let persistent = head.persistent && !connection.close && body != BodyEncoding::UntilClose;
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
        return Err(EncodeError::ControlCharacter);
    }
    Ok((body, persistent))
}

fn status_line(out: &mut Vec<u8>, response: &Response) -> Result<(), EncodeError> {
    if response.status == 200 && response.reason == b"OK" {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return Ok(());
    }
    if !(200..=999).contains(&response.status) {
        return Err(EncodeError::Status(response.status));
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(response.status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(&response.reason);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The fields that PEP 3333 ("Other HTTP Features") forbids the application, but for Connection.
fn hop_by_hop(name: &[u8]) -> Result<(), EncodeError> {
    let known: &[&'static str] = match name.len() {
        2 => &["TE"],
        7 => &["Trailer", "Upgrade"],
        8 => &["Trailers"],
        10 => &["Keep-Alive"],
        16 => &["Proxy-Connection"],
        17 => &["Transfer-Encoding"],
        18 => &["Proxy-Authenticate"],
        19 => &["Proxy-Authorization"],
        _ => return Ok(()),
    };
    match known.iter().find(|known| name.eq_ignore_ascii_case(known.as_bytes())) {
        Some(known) => Err(EncodeError::HopByHop(known)),
        None => Ok(()),
    }
}

/// Counts what may not stand in a line. The inner sum is over bytes, so that it becomes vector instructions.
fn control_characters(text: &[u8]) -> usize {
    let is_control = |byte: u8| (byte < b' ' && byte != b'\t') || byte == 0x7f;
    text.chunks(128).map(|part| usize::from(part.iter().map(|byte| u8::from(is_control(*byte))).sum::<u8>())).sum()
}

fn body_encoding(head: &ResponseHead<'_>, content_length: Option<u64>) -> BodyEncoding {
    if head.head_request || head.response.forbids_body() {
        return BodyEncoding::None;
    }
    match (content_length, head.length) {
        (Some(length), _) | (None, BodyLength::Known(length)) => BodyEncoding::Length(length),
        (None, BodyLength::Unknown) if head.request_version == Version::Http10 => BodyEncoding::UntilClose,
        (None, BodyLength::Unknown) => BodyEncoding::Chunked,
    }
}

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
