//! What may stand in the head of a response, and what it says about the body: the same whatever carries the response.
//!
//! Whoever writes a head passes every field through [`ResponseFields::admit`] on its way, asks [`ResponseFields::body`]
//! how the body follows, and looks with [`control_characters`] at what it has written.

use std::fmt;

use crate::token::{decimal, is_same};
use crate::{BodyLength, ConnectionOptions, Error, Response};

/// Why a response cannot be sent; the application is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseError {
    /// The status has not three digits, or is an interim one (RFC 9110 §15).
    Status(u16),
    /// The application set a field that belongs to the connection (PEP 3333; RFC 9110 §7.6.1).
    HopByHop(&'static str),
    /// Content-Length is no number, or there are two that differ (RFC 9110 §8.6).
    ContentLength,
    /// The body of a success is known to end before it has the bytes that Content-Length promises (RFC 9110 §8.6).
    ShortBody {
        /// What Content-Length says.
        promised: u64,
        /// What there is.
        known: u64,
    },
    /// A control character in the reason phrase or in a field (RFC 9110 §5.5); CR or LF would split the response in two
    /// (RFC 9112 §11.1).
    ControlCharacter,
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the response has the status {status}; it must be between 200 and 999"),
            Self::HopByHop(name) => {
                write!(f, "the response has the field {name}, which belongs to the server; leave it out")
            }
            Self::ContentLength => {
                f.write_str("the response's Content-Length is not one decimal number; send one, or leave it out")
            }
            Self::ShortBody { promised, known } => {
                write!(f, "the response has a Content-Length of {promised}, but its body has {known} bytes")
            }
            Self::ControlCharacter => f.write_str(
                "the response has a line break or another control character in its reason phrase or in a field",
            ),
        }
    }
}

impl std::error::Error for ResponseError {}

impl From<ResponseError> for Error {
    fn from(error: ResponseError) -> Self {
        Self::application(error.to_string())
    }
}

/// Fields that have Apache (mod_xsendfile), nginx or lighttpd send a file in place of the body.
const FILE_NAMING: [&[u8]; 3] = [b"x-sendfile", b"x-accel-redirect", b"x-lighttpd-send-file"];

/// How much of a body follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyExtent {
    /// Nothing: what the application writes is dropped.
    None,
    /// Exactly so many bytes.
    Length(u64),
    /// As many as come; the front marks the end in its own way.
    Open,
}

/// What the fields of one response say to the server, gathered while they pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseFields {
    connection: ConnectionOptions,
    content_length: Option<u64>,
    /// The front server is to send a file in place of the body.
    names_file: bool,
}

impl ResponseFields {
    /// Takes the next field. False for one that is not to be written: Connection and Content-Length, which the front
    /// says in its own words.
    ///
    /// # Errors
    /// For a field that no application may set, and for a Content-Length that cannot be kept.
    #[inline]
    pub fn admit(&mut self, name: &[u8], value: &[u8]) -> Result<bool, ResponseError> {
        match name.len() {
            10 if is_same(name, b"connection") => {
                self.connection.add(value);
                if self.connection.other {
                    return Err(ResponseError::HopByHop("Connection"));
                }
                Ok(false)
            }
            14 if is_same(name, b"content-length") => {
                let length = decimal(value).ok_or(ResponseError::ContentLength)?;
                if self.content_length.replace(length).is_some_and(|before| before != length) {
                    return Err(ResponseError::ContentLength);
                }
                Ok(false)
            }
            10 | 16 | 20 if FILE_NAMING.iter().any(|known| name.eq_ignore_ascii_case(known)) => {
                self.names_file = true;
                Ok(true)
            }
            _ => match hop_by_hop(name) {
                Some(known) => Err(ResponseError::HopByHop(known)),
                None => Ok(true),
            },
        }
    }

    /// Whether the application wishes the connection to end after this response.
    pub fn wants_close(&self) -> bool {
        self.connection.close
    }

    /// How much of a body follows, and the Content-Length that the head announces. Ask when all fields have passed.
    ///
    /// `length` is what is known apart from the fields; the application's own promise comes before it, and what goes beyond
    /// that is for whoever sends the body to cut. Nothing follows
    /// the answer to HEAD, a 204, a 205 or a 304 (RFC 9110 §6.4.1); the first and the last keep the Content-Length of a GET
    /// as far as it is known (RFC 9110 §9.3.2 and §15.4.5), and none is ever invented for them. That of a 205 is 0: a
    /// recipient does not know by the status that nothing follows (RFC 9110 §15.3.6; RFC 9112 §6.3).
    ///
    /// # Errors
    /// [`ResponseError::ShortBody`]
    pub fn body(
        &self,
        response: &Response,
        length: BodyLength,
        head_request: bool,
    ) -> Result<(BodyExtent, Option<u64>), ResponseError> {
        if !head_request && !response.forbids_body() {
            return match (self.content_length, length) {
                // The length is that of the file, which the front server finds out itself.
                (Some(_), BodyLength::Known(0)) if self.names_file => Ok((BodyExtent::Length(0), Some(0))),
                // While nothing is sent, the peer can still be told: what follows this head could only be broken. What a
                // redirect or a failure has to say is in its head, and a 500 in its place would say less.
                (Some(promised), BodyLength::Known(known)) if known < promised && response.status < 300 => {
                    Err(ResponseError::ShortBody { promised, known })
                }
                (Some(length), _) | (None, BodyLength::Known(length)) => Ok((BodyExtent::Length(length), Some(length))),
                (None, BodyLength::Unknown) => Ok((BodyExtent::Open, None)),
            };
        }
        let announced = match (self.content_length, length) {
            _ if response.status == 204 => None,
            _ if response.status == 205 => Some(0),
            (Some(length), _) => Some(length),
            (None, BodyLength::Known(length)) if head_request && length > 0 && response.status != 304 => Some(length),
            _ => None,
        };
        Ok((BodyExtent::None, announced))
    }
}

/// Refuses a status that is not final, or has not three digits.
///
/// # Errors
/// [`ResponseError::Status`]
#[inline]
pub fn check_status(status: u16) -> Result<(), ResponseError> {
    if (200..=999).contains(&status) { Ok(()) } else { Err(ResponseError::Status(status)) }
}

/// Counts what may not stand in a line of a head: control characters but for the tab (RFC 9110 §5.5). Whoever writes
/// lines that end with CRLF expects two for each; one more is a broken promise of whoever made the response.
pub fn control_characters(text: &[u8]) -> usize {
    // The inner sum is over bytes, so that it becomes vector instructions.
    let is_control = |byte: u8| (byte < b' ' && byte != b'\t') || byte == 0x7f;
    text.chunks(128).map(|part| usize::from(part.iter().map(|byte| u8::from(is_control(*byte))).sum::<u8>())).sum()
}

/// True for a field that belongs to one connection, so that no application may set it (RFC 9110 §7.6.1; PEP 3333,
/// "Other HTTP Features"). `Connection` itself is left out: an application may wish for its close.
pub fn is_hop_by_hop(name: &[u8]) -> bool {
    hop_by_hop(name).is_some()
}

#[inline]
fn hop_by_hop(name: &[u8]) -> Option<&'static str> {
    let known: &[&'static str] = match name.len() {
        2 => &["TE"],
        7 => &["Trailer", "Upgrade"],
        8 => &["Trailers"],
        10 => &["Keep-Alive"],
        16 => &["Proxy-Connection"],
        17 => &["Transfer-Encoding"],
        18 => &["Proxy-Authenticate"],
        19 => &["Proxy-Authorization"],
        _ => return None,
    };
    known.iter().find(|known| name.eq_ignore_ascii_case(known.as_bytes())).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(fields: &[(&str, &str)]) -> Result<(ResponseFields, Vec<String>), ResponseError> {
        let mut said = ResponseFields::default();
        let mut written = Vec::new();
        for (name, value) in fields {
            if said.admit(name.as_bytes(), value.as_bytes())? {
                written.push((*name).to_owned());
            }
        }
        Ok((said, written))
    }

    #[test]
    fn the_server_says_connection_and_length_itself() {
        let fields = [("A", "b"), ("Content-Length", "3"), ("connection", "Close"), ("Set-Cookie", "c")];
        let (said, written) = passed(&fields).unwrap();
        assert_eq!(written, ["A", "Set-Cookie"]);
        assert!(said.wants_close());
        assert_eq!(said.body(&Response::new(200), BodyLength::Known(9), false), Ok((BodyExtent::Length(3), Some(3))));
        let (said, _) = passed(&[("Connection", "keep-alive")]).unwrap();
        assert!(!said.wants_close());
    }

    #[test]
    fn refuses_what_belongs_to_the_connection() {
        for (name, value) in [
            ("Transfer-Encoding", "chunked"),
            ("transfer-encoding", "identity"),
            ("Connection", "Upgrade"),
            ("Connection", "close, X-Other"),
            ("Keep-Alive", "timeout=5"),
            ("Proxy-Authenticate", "Basic"),
            ("Proxy-Authorization", "Basic"),
            ("Proxy-Connection", "close"),
            ("TE", "trailers"),
            ("Trailer", "X"),
            ("Trailers", "X"),
            ("UPGRADE", "websocket"),
        ] {
            let error = passed(&[("A", "b"), (name, value)]).unwrap_err();
            let is_named = matches!(error, ResponseError::HopByHop(known) if known.eq_ignore_ascii_case(name));
            assert!(is_named, "{name}: {error}");
            assert_eq!(is_hop_by_hop(name.as_bytes()), name != "Connection");
        }
    }

    #[test]
    fn refuses_lengths_that_cannot_be_kept() {
        for lengths in [&["1", "2"][..], &["-1"], &["+1"], &["1, 1"], &[""], &["1x"], &["18446744073709551616"]] {
            let fields: Vec<_> = lengths.iter().map(|length| ("Content-Length", *length)).collect();
            assert_eq!(passed(&fields).unwrap_err(), ResponseError::ContentLength, "{lengths:?}");
        }
        let (said, _) = passed(&[("Content-Length", "1"), ("content-length", "01")]).unwrap();
        assert_eq!(said.body(&Response::new(200), BodyLength::Unknown, false), Ok((BodyExtent::Length(1), Some(1))));
    }

    #[test]
    fn what_follows_a_head() {
        let own = passed(&[("Content-Length", "5")]).unwrap().0;
        let none = ResponseFields::default();
        let (known, unknown) = (BodyLength::Known(7), BodyLength::Unknown);
        let of = |said: ResponseFields, status, length, head| said.body(&Response::new(status), length, head).unwrap();
        assert_eq!(of(none, 200, known, false), (BodyExtent::Length(7), Some(7)));
        assert_eq!(of(none, 200, unknown, false), (BodyExtent::Open, None));
        assert_eq!(of(own, 200, unknown, true), (BodyExtent::None, Some(5)));
        assert_eq!(of(none, 200, known, true), (BodyExtent::None, Some(7)));
        assert_eq!(of(none, 200, BodyLength::Known(0), true), (BodyExtent::None, None));
        assert_eq!(of(own, 204, known, false), (BodyExtent::None, None));
        for (said, length, head) in [(own, known, false), (none, unknown, false), (own, unknown, true)] {
            assert_eq!(of(said, 205, length, head), (BodyExtent::None, Some(0)));
        }
        assert_eq!(of(own, 304, known, false), (BodyExtent::None, Some(5)));
        assert_eq!(of(none, 304, known, true), (BodyExtent::None, None), "a 304 has not the body of its 200");
    }

    #[test]
    fn a_body_that_cannot_keep_the_promise_is_refused_where_one_follows() {
        let said = passed(&[("Content-Length", "5")]).unwrap().0;
        let of = |status, known, head| said.body(&Response::new(status), BodyLength::Known(known), head);
        for known in [0, 4] {
            assert_eq!(of(200, known, false), Err(ResponseError::ShortBody { promised: 5, known }));
            for (status, head) in [(200, true), (204, false), (205, false), (304, false)] {
                assert_eq!(of(status, known, head).unwrap().0, BodyExtent::None, "{status}");
            }
        }
        for (status, known) in [(200, 5), (200, 6), (302, 0), (416, 0)] {
            assert_eq!(of(status, known, false), Ok((BodyExtent::Length(5), Some(5))), "{status}");
        }
    }

    #[test]
    fn a_front_server_s_file_has_a_length_of_its_own() {
        for field in ["X-Sendfile", "X-Accel-Redirect", "X-LIGHTTPD-send-file"] {
            let said = passed(&[("Content-Length", "5"), (field, "/f")]).unwrap().0;
            let of = |known| said.body(&Response::new(200), BodyLength::Known(known), false);
            assert_eq!(of(0), Ok((BodyExtent::Length(0), Some(0))), "{field}");
            assert_eq!(of(4), Err(ResponseError::ShortBody { promised: 5, known: 4 }), "{field}");
        }
    }

    #[test]
    fn statuses_are_final_and_have_three_digits() {
        for status in [0, 99, 100, 101, 199, 1000] {
            assert_eq!(check_status(status), Err(ResponseError::Status(status)));
        }
        assert_eq!((check_status(200), check_status(999)), (Ok(()), Ok(())));
    }

    #[test]
    fn counts_control_characters() {
        assert_eq!(control_characters(b"a\tb \xe9"), 0);
        assert_eq!(control_characters(b"a\r\n\0\x1b\x7f\x0b"), 6);
        assert_eq!(control_characters(&[b'\n'; 1000]), 1000, "a sum of bytes has wrapped around");
    }

    #[test]
    fn it_is_the_applications_fault() {
        let error = Error::from(ResponseError::HopByHop("TE"));
        assert_eq!((error.fault(), error.status()), (crate::Fault::Application, 500));
        assert_eq!(error.message(), "the response has the field TE, which belongs to the server; leave it out");
    }
}
