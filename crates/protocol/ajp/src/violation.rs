//! How a peer can break the protocol, and what becomes of it.

use std::fmt;

use millau_gateway::TargetError;

/// What is wrong with the bytes that were received. The connection closes after it, because what follows cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The bytes do not begin with 0x12 0x34: HTTP or another protocol.
    NotAjp,
    /// The packet is larger than the limit.
    PacketTooLarge,
    /// Between requests, a packet that is neither a request, nor a CPing, nor a shutdown.
    UnknownPacket,
    /// A CPing or a shutdown has something after its code.
    ControlPacketLength,
    /// A packet came that nobody has asked for.
    UnaskedPacket,

    /// A packet ends in the middle of a value.
    PacketCut,
    /// A string does not end with NUL.
    Unterminated,
    /// A boolean is neither 0 nor 1.
    Boolean,
    /// Something follows the end of what the packet says.
    ExcessBytes,

    /// `secret` is configured, and the request has none or another.
    Secret,
    /// The code of the method is not known.
    MethodCode,
    /// The method is to follow as an attribute and does not, or follows although it was given.
    StoredMethod,
    /// The method is no token (RFC 9110 §9.1).
    Method,
    /// CONNECT asks for a tunnel, and only a proxy has one (RFC 9110 §9.3.6).
    Connect,
    /// `protocol` is missing.
    Protocol,
    /// `req_uri` and the query string have more bytes than the limit.
    TargetTooLong,
    /// `req_uri` or the query string has a byte that must be percent-encoded (RFC 3986 §2).
    TargetByte,
    /// `req_uri` is no path, or holds what no path may hold.
    Target(TargetError),
    /// `*` with another method than OPTIONS (RFC 9112 §3.2.4).
    AsteriskForm,

    /// The code of a field name is not known.
    FieldCode,
    /// A field name is empty or no token (RFC 9110 §5.1).
    FieldName,
    /// A field value holds a control character (RFC 9110 §5.5).
    FieldValue,
    /// There are more fields than the limit.
    TooManyFields,
    /// More than one Host field (RFC 9112 §3.2).
    RepeatedHost,
    /// More than one Content-Type field (RFC 9110 §8.3).
    RepeatedContentType,
    /// Content-Length is not a number (RFC 9112 §6.3).
    ContentLength,
    /// More than one Content-Length field (RFC 9112 §6.3), equal or not.
    RepeatedContentLength,
    /// Both Transfer-Encoding and Content-Length (RFC 9112 §6.3; CVE-2022-26377).
    CodingAndLength,
    /// A transfer coding other than `chunked`, or more than one (RFC 9112 §6.1).
    Coding,

    /// The code of an attribute is not known, so that its end is not known either.
    AttributeCode,
    /// An attribute that can be there once is there again.
    RepeatedAttribute,
    /// There are more attributes than the limit.
    TooManyAttributes,
    /// An attribute holds a NUL; or a user's name or the way of authentication a control character.
    AttributeValue,

    /// The body has more bytes than the limit.
    BodyTooLarge,
    /// A packet of the body says that it holds more or fewer bytes than it does.
    BodyPacketLength,
    /// The body has more bytes than Content-Length says.
    BodyTooLong,
    /// The body ends before Content-Length says.
    BodyCut,

    /// What should be a response does not begin with `AB`.
    NotAjpResponse,
    /// A packet of a response came out of turn: the body before the head, a second head, or something unknown.
    UnexpectedPacket,
    /// A response has a status below 200 or above 999.
    Status,
    /// The reason phrase of a response holds a control character.
    Reason,
    /// A chunk of a response's body does not have the length that it says.
    ChunkLength,
}

impl Violation {
    /// The status of the answer to a request; what the log says where there is none. Whoever has asked another server answers
    /// 502 to any violation in its response.
    pub fn status(self) -> u16 {
        match self {
            Self::Secret => 403,
            Self::BodyTooLarge => 413,
            Self::TargetTooLong => 414,
            Self::PacketTooLarge | Self::TooManyFields | Self::TooManyAttributes => 431,
            Self::MethodCode | Self::Connect | Self::Coding => 501,
            Self::NotAjpResponse | Self::UnexpectedPacket | Self::Status | Self::Reason | Self::ChunkLength => 502,
            _ => 400,
        }
    }

    /// Whether a request can still be answered: its packet was whole, and only what it says is wrong. Otherwise the
    /// connection closes at once.
    pub fn is_answerable(self) -> bool {
        !matches!(
            self,
            Self::NotAjp
                | Self::PacketTooLarge
                | Self::UnknownPacket
                | Self::ControlPacketLength
                | Self::UnaskedPacket
                | Self::NotAjpResponse
                | Self::UnexpectedPacket
                | Self::Status
                | Self::Reason
                | Self::ChunkLength
        )
    }

    /// Who is wrong and what to do about it: the peer is a front server, so that its operator is the one to read this.
    fn text(self) -> &'static str {
        match self {
            Self::NotAjp => {
                "the bytes are not AJP/1.3; does the front server or the client speak another protocol (HTTP, say)?"
            }
            Self::PacketTooLarge => {
                "an AJP packet is larger than this server accepts; give both ends the same packet size (ProxyIOBufferSize \
                 in Apache)"
            }
            Self::UnknownPacket => "an AJP packet is neither a request, nor a CPing, nor a shutdown",
            Self::ControlPacketLength => "an AJP CPing or shutdown is longer than its code",
            Self::UnaskedPacket => "the front server sent an AJP packet that it was not asked for",
            Self::PacketCut => "an AJP packet ends in the middle of a value",
            Self::Unterminated => "a string in an AJP packet does not end with NUL",
            Self::Boolean => "a boolean in an AJP packet is neither 0 nor 1",
            Self::ExcessBytes => "something follows the end of an AJP message in its packet",
            Self::Secret => "the request has not the secret that this server wants; set the front server's secret",
            Self::MethodCode => "the AJP code of the method is not known",
            Self::StoredMethod => "the method is missing, or is there as a code and as an attribute",
            Self::Method => "the method is empty or holds a character that is not allowed in it",
            Self::Connect => "CONNECT asks for a tunnel, and this server is no proxy",
            Self::Protocol => "the request names no protocol",
            Self::TargetTooLong => "the request target is longer than this server accepts",
            Self::TargetByte => "the request target holds a byte that must be percent-encoded",
            Self::Target(TargetError::Form) => "the request target is not a path",
            Self::Target(TargetError::Authority) => {
                "the authority in the request target is empty or carries user information"
            }
            Self::Target(TargetError::Fragment) => "the request target holds a fragment (#)",
            Self::Target(TargetError::Escape) => {
                "the request target holds a % that is not followed by two hexadecimal digits"
            }
            Self::AsteriskForm => "the request target * belongs to OPTIONS alone",
            Self::FieldCode => "the AJP code of a field name is not known",
            Self::FieldName => "a field name is empty or holds a character that is not allowed in it",
            Self::FieldValue => "a field value holds a control character",
            Self::TooManyFields => "the head has more fields than this server accepts",
            Self::RepeatedHost => "the request has more than one Host field",
            Self::RepeatedContentType => "the request has more than one Content-Type field",
            Self::ContentLength => "Content-Length is not one decimal number",
            Self::RepeatedContentLength => "the message has more than one Content-Length field",
            Self::CodingAndLength => "the request has both Transfer-Encoding and Content-Length",
            Self::Coding => "the request's transfer coding must be chunked, once and alone",
            Self::AttributeCode => "the AJP code of a request attribute is not known",
            Self::RepeatedAttribute => "a request attribute is there twice",
            Self::TooManyAttributes => "the request has more attributes than this server accepts",
            Self::AttributeValue => "a request attribute holds a control character",
            Self::BodyTooLarge => "the request body is larger than this server accepts",
            Self::BodyPacketLength => {
                "a packet of the request body does not hold as many bytes as it says; lighttpd 1.4.69 sends such packets: \
                 use its FastCGI or SCGI for requests with a body"
            }
            Self::BodyTooLong => "the request body is longer than its Content-Length",
            Self::BodyCut => "the request body ends before its Content-Length",
            Self::NotAjpResponse => "the answer is not AJP/1.3; does the other server speak another protocol?",
            Self::UnexpectedPacket => "the other server sent an AJP packet out of turn",
            Self::Status => "the other server sent a status that is not between 200 and 999",
            Self::Reason => "the other server sent a reason phrase with a control character",
            Self::ChunkLength => "the other server sent a chunk that does not hold as many bytes as it says",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Violation {}

impl From<TargetError> for Violation {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

impl From<Violation> for millau_gateway::Error {
    fn from(violation: Violation) -> Self {
        Self::peer(violation.status(), violation.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millau_gateway::{Error, Fault};

    #[test]
    fn a_violation_is_the_peers_fault_and_keeps_its_status() {
        let error = Error::from(Violation::Secret);
        assert_eq!((error.fault(), error.status()), (Fault::Peer, 403));
        assert_eq!(error.message(), Violation::Secret.to_string());
    }

    #[test]
    fn only_a_request_that_is_one_is_answered() {
        assert!(Violation::Secret.is_answerable() && Violation::BodyPacketLength.is_answerable());
        assert!(!Violation::NotAjp.is_answerable() && !Violation::PacketTooLarge.is_answerable());
    }
}
