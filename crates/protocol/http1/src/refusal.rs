//! Why a request is refused, and with which status.

use std::fmt;

use millau_gateway::TargetError;

/// What is wrong with a request. The connection closes after the answer: where the next request would begin is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not begin with a method; a TLS handshake on a plain port, say (RFC 9112 §3).
    NotHttp,
    /// More than one empty line stands before the request line (RFC 9112 §2.2).
    EmptyLines,
    /// A line ends with LF alone (RFC 9112 §2.2 lets a recipient accept it; those who do not see another message).
    BareLineFeed,
    /// A CR without LF (RFC 9112 §2.2).
    BareCarriageReturn,
    /// The head has no end where the connection says that it ends.
    Incomplete,
    /// The head has more bytes than the limit (RFC 6585 §5).
    HeadTooLarge,
    /// The head has more field lines than the limit (RFC 6585 §5).
    TooManyFields,

    /// The request line is not `method SP target SP version` (RFC 9112 §3).
    RequestLine,
    /// The method is longer than any that exists (RFC 9112 §3).
    MethodTooLong,
    /// CONNECT asks for a tunnel, and only a proxy has one (RFC 9110 §9.3.6).
    Connect,
    /// The request line ends after the target, as in HTTP/0.9 (RFC 9112 Appendix C.1).
    MissingVersion,
    /// The version is not `HTTP/` digit `.` digit, in upper case (RFC 9112 §2.3).
    Version,
    /// The major version is not 1 (RFC 9110 §15.6.6).
    VersionNotSupported,
    /// The target has more bytes than the limit (RFC 9110 §15.5.15).
    TargetTooLong,
    /// The target has a byte that must be percent-encoded (RFC 9112 §3.2, RFC 3986 §2).
    TargetByte,
    /// The target has none of the four forms (RFC 9112 §3.2).
    Target(TargetError),
    /// `*` with another method than OPTIONS (RFC 9112 §3.2.4).
    AsteriskForm,
    /// An `https` URI came in over a connection without TLS (RFC 9110 §7.4).
    Misdirected,

    /// White space before the first field line (RFC 9112 §2.2).
    SpaceBeforeFields,
    /// A field line is folded over several lines (RFC 9112 §5.2).
    LineFolding,
    /// White space between a field's name and its colon (RFC 9112 §5.1).
    SpaceBeforeColon,
    /// A field line without a colon (RFC 9112 §5).
    MissingColon,
    /// A field name is empty or no token (RFC 9110 §5.1).
    FieldName,
    /// A control character in a field value (RFC 9110 §5.5).
    FieldValue,

    /// No Host field in HTTP/1.1 (RFC 9112 §3.2).
    MissingHost,
    /// More than one Host field (RFC 9112 §3.2).
    RepeatedHost,
    /// The host is not `uri-host [ ":" port ]` (RFC 9110 §7.2).
    Host,

    /// More than one Content-Type field: which one counts is anybody's guess (RFC 9110 §5.3 and §8.3).
    RepeatedContentType,
    /// Content-Length is not a number (RFC 9112 §6.3). A list of equal numbers is refused, too.
    ContentLength,
    /// More than one Content-Length field (RFC 9112 §6.3), equal or not.
    RepeatedContentLength,
    /// The body has more bytes than the limit (RFC 9110 §15.5.14).
    BodyTooLarge,
    /// Transfer-Encoding in HTTP/1.0, which has none (RFC 9112 §6.1).
    CodingInHttp10,
    /// Both Transfer-Encoding and Content-Length (RFC 9112 §6.3).
    CodingAndLength,
    /// `chunked` is not the last transfer coding, or occurs twice (RFC 9112 §6.1 and §6.3).
    CodingNotChunked,
    /// A transfer coding under `chunked` that is not known here (RFC 9112 §6.1).
    UnknownCoding,
    /// Something other than `100-continue` is expected (RFC 9110 §10.1.1).
    Expectation,

    /// A chunk size is not a hexadecimal number (RFC 9112 §7.1).
    ChunkSize,
    /// A chunk size has more than 16 digits (RFC 9112 §7.1: a recipient must guard against an overflow).
    ChunkSizeTooLarge,
    /// A chunk extension does not follow the grammar (RFC 9112 §7.1.1).
    ChunkExtension,
    /// Chunk extensions are longer than the limit (RFC 9112 §7.1.1).
    ChunkExtensionsTooLarge,
    /// A chunk's data is not followed by CRLF (RFC 9112 §7.1).
    ChunkEnd,
    /// A line of the trailer section is no field line (RFC 9112 §7.1.2).
    Trailer,
    /// The trailer section has more bytes than the limit (RFC 6585 §5).
    TrailersTooLarge,
}

impl Refusal {
    /// The status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::BodyTooLarge => 413,
            Self::TargetTooLong => 414,
            Self::Expectation => 417,
            Self::Misdirected => 421,
            Self::HeadTooLarge | Self::TooManyFields | Self::TrailersTooLarge => 431,
            Self::MethodTooLong | Self::Connect | Self::UnknownCoding => 501,
            Self::VersionNotSupported => 505,
            _ => 400,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::NotHttp => {
                "the request does not begin with a method; is this another protocol (TLS on a plain port)?"
            }
            Self::EmptyLines => "more than one empty line stands before the request line",
            Self::BareLineFeed => "a line ends with LF alone instead of CRLF",
            Self::BareCarriageReturn => "a CR is not followed by LF",
            Self::Incomplete => "the request head is not complete",
            Self::HeadTooLarge => "the request head is larger than this server accepts",
            Self::TooManyFields => "the request head has more fields than this server accepts",
            Self::RequestLine => "the request line is not method, target and version with one space between them",
            Self::MethodTooLong => "the method is longer than any that exists",
            Self::Connect => "CONNECT asks for a tunnel, and this server is no proxy",
            Self::MissingVersion => "the request line names no version of HTTP",
            Self::Version => "the request line does not end with a version like HTTP/1.1",
            Self::VersionNotSupported => "this server speaks HTTP/1.1 and HTTP/1.0 here",
            Self::TargetTooLong => "the request target is longer than this server accepts",
            Self::TargetByte => "the request target holds a byte that must be percent-encoded",
            Self::Target(TargetError::Form) => "the request target is neither a path nor an absolute URI",
            Self::Target(TargetError::Authority) => {
                "the authority in the request target is empty or carries user information"
            }
            Self::Target(TargetError::Fragment) => "the request target holds a fragment (#)",
            Self::Target(TargetError::Escape) => {
                "the request target holds a % that is not followed by two hexadecimal digits"
            }
            Self::AsteriskForm => "the request target * belongs to OPTIONS alone",
            Self::Misdirected => "the request names an https URI, but came over a connection without TLS",
            Self::SpaceBeforeFields => "white space stands before the first field",
            Self::LineFolding => "a field is folded over several lines",
            Self::SpaceBeforeColon => "white space stands between a field name and its colon",
            Self::MissingColon => "a field line has no colon",
            Self::FieldName => "a field name is empty or holds a character that is not allowed in it",
            Self::FieldValue => "a field value holds a control character",
            Self::MissingHost => "a request in this version of HTTP needs a Host field",
            Self::RepeatedHost => "the request has more than one Host field",
            Self::Host => "the host is not a host name or address with an optional port",
            Self::RepeatedContentType => "the request has more than one Content-Type field",
            Self::ContentLength => "Content-Length is not one decimal number",
            Self::RepeatedContentLength => "the request has more than one Content-Length field",
            Self::BodyTooLarge => "the request body is larger than this server accepts",
            Self::CodingInHttp10 => "HTTP/1.0 has no Transfer-Encoding",
            Self::CodingAndLength => "the request has both Transfer-Encoding and Content-Length",
            Self::CodingNotChunked => "the request's transfer coding must be chunked, once and last",
            Self::UnknownCoding => "this server understands no transfer coding but chunked",
            Self::Expectation => "this server can meet no expectation but 100-continue",
            Self::ChunkSize => "a chunk size is not a hexadecimal number",
            Self::ChunkSizeTooLarge => "a chunk size is too large: it has more than 16 digits",
            Self::ChunkExtension => "a chunk extension is malformed",
            Self::ChunkExtensionsTooLarge => "the chunk extensions are longer than this server accepts",
            Self::ChunkEnd => "the data of a chunk is not followed by CRLF",
            Self::Trailer => "the trailer section holds a line that is no field",
            Self::TrailersTooLarge => "the trailer section is larger than this server accepts",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Refusal {}

impl From<TargetError> for Refusal {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

impl From<Refusal> for millau_gateway::Error {
    fn from(refusal: Refusal) -> Self {
        Self::peer(refusal.status(), refusal.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millau_gateway::{Error, Fault};

    #[test]
    fn a_refusal_is_the_peers_fault_and_keeps_its_status() {
        let error = Error::from(Refusal::BodyTooLarge);
        assert_eq!((error.fault(), error.status()), (Fault::Peer, 413));
        assert_eq!(error.message(), Refusal::BodyTooLarge.to_string());
    }

    #[test]
    fn the_target_says_what_the_gateway_says() {
        for error in [TargetError::Form, TargetError::Authority, TargetError::Fragment, TargetError::Escape] {
            assert_eq!(Refusal::from(error).to_string(), error.to_string());
        }
    }
}
