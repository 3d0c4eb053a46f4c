//! What a web server may not send, and which status says so.

use std::fmt;

use crate::RecordType;

/// What is wrong with what has arrived, as the application. The connection must close: where the next record would begin is
/// unknown. If a request is under way ([`RequestDecoder::request`](crate::RequestDecoder::request)), it can still be
/// answered with [`Violation::status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The first byte of the connection is not FastCGI's, but it is one that another protocol begins with.
    NotFastCgi(OtherProtocol),
    /// A record's version is not 1 (§3.3).
    Version(u8),
    /// A record that belongs to a request has the id 0, that of management records (§3.3).
    NullRequestId(RecordType),
    /// A record that a web server does not send, or not to a responder.
    Unexpected(RecordType),
    /// A record of a fixed size has another one (§5.1, §5.4).
    ContentLength(RecordType),
    /// A request begins with the id of one that has not arrived whole (§3.3).
    RepeatedBeginRequest,

    /// The PARAMS stream has more bytes than the limit, or a length says that it would have.
    ParamsTooLarge,
    /// The PARAMS stream has more pairs than the limit.
    TooManyParams,
    /// The PARAMS stream ends within a pair (§3.4).
    ParamsCut,
    /// PARAMS after their end (§3.3).
    ParamsAfterEnd,
    /// STDIN before the end of PARAMS (§6.2).
    StdinBeforeParams,
    /// STDIN after its end (§3.3).
    StdinAfterEnd,

    /// A GET_VALUES record ends within a pair (§3.4).
    GetValuesCut,
    /// A GET_VALUES record is many times longer than one that asks for everything that exists.
    GetValuesTooLarge,
    /// More answers of the protocol itself wait to be sent than the limit allows.
    TooManyReplies,
}

/// What the first byte of a connection suggests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherProtocol {
    /// A capital letter: a method, or the PROXY protocol's version 1.
    Http,
    /// A handshake record.
    Tls,
    /// A digit: the length of a netstring.
    Scgi,
    /// Modifier 0.
    Uwsgi,
    /// The first of the two magic bytes.
    Ajp,
}

impl OtherProtocol {
    /// What begins with this byte, if anything known does.
    pub(crate) fn beginning_with(byte: u8) -> Option<Self> {
        match byte {
            b'A'..=b'Z' => Some(Self::Http),
            0x16 => Some(Self::Tls),
            b'0'..=b'9' => Some(Self::Scgi),
            0x00 => Some(Self::Uwsgi),
            0x12 => Some(Self::Ajp),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Tls => "TLS",
            Self::Scgi => "SCGI",
            Self::Uwsgi => "uwsgi",
            Self::Ajp => "AJP",
        }
    }

    /// Of an address where it is spoken; `None`: this server does not speak it.
    fn scheme(self) -> Option<&'static str> {
        match self {
            Self::Http => Some("http"),
            Self::Tls => None,
            Self::Scgi => Some("scgi"),
            Self::Uwsgi => Some("uwsgi"),
            Self::Ajp => Some("ajp"),
        }
    }
}

impl Violation {
    /// The status of the answer, where one is still possible.
    pub fn status(self) -> u16 {
        match self {
            Self::ParamsTooLarge | Self::TooManyParams => 431,
            _ => 400,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NotFastCgi(other) => {
                let name = other.name();
                f.write_str("the connection does not begin with FastCGI; it looks like ")?;
                return match other.scheme() {
                    None => write!(
                        f,
                        "{name}: let a front server end TLS, and speak FastCGI to this address (nginx: fastcgi_pass)"
                    ),
                    Some(scheme) => write!(
                        f,
                        "{name}: let the front server speak FastCGI to this address (nginx: fastcgi_pass), or bind it as \
                         {scheme}://"
                    ),
                };
            }
            Self::Version(version) => {
                return write!(f, "a FastCGI record has the version {version} where only 1 exists");
            }
            Self::NullRequestId(record_type) => {
                return write!(f, "a FastCGI record {record_type} has the request id 0, which belongs to no request");
            }
            Self::Unexpected(record_type) => {
                return write!(f, "a FastCGI record {record_type} is none that a web server sends to a responder");
            }
            Self::ContentLength(record_type) => {
                return write!(f, "a FastCGI record {record_type} has another length than the one that it must have");
            }
            Self::RepeatedBeginRequest => "a FastCGI request begins with the id of one that has not arrived whole",
            Self::ParamsTooLarge => "the FastCGI parameters are larger than this server accepts",
            Self::TooManyParams => "the FastCGI parameters are more than this server accepts",
            Self::ParamsCut => "the FastCGI parameters end within a name-value pair",
            Self::ParamsAfterEnd => "FastCGI parameters follow after their end",
            Self::StdinBeforeParams => "the FastCGI request body begins before the parameters have ended",
            Self::StdinAfterEnd => "the FastCGI request body goes on after its end",
            Self::GetValuesCut => "a FastCGI record GET_VALUES ends within a name-value pair",
            Self::GetValuesTooLarge => "a FastCGI record GET_VALUES asks for more than exists",
            Self::TooManyReplies => "the web server sends FastCGI records that must be answered, and does not read",
        };
        f.write_str(text)
    }
}

impl std::error::Error for Violation {}

impl From<Violation> for millau_gateway::Error {
    fn from(violation: Violation) -> Self {
        Self::peer(violation.status(), violation.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millau_gateway::{Error, Fault};

    #[test]
    fn a_violation_is_the_peers_fault_and_keeps_its_status() {
        let error = Error::from(Violation::TooManyParams);
        assert_eq!((error.fault(), error.status()), (Fault::Peer, 431));
        assert_eq!(error.message(), Violation::TooManyParams.to_string());
        assert_eq!(Error::from(Violation::Version(2)).status(), 400);
    }

    #[test]
    fn another_protocol_on_this_port_is_told_as_that() {
        let told = |byte| OtherProtocol::beginning_with(byte).map(Violation::NotFastCgi).unwrap().to_string();
        assert_eq!(
            told(b'G'),
            "the connection does not begin with FastCGI; it looks like HTTP: let the front server speak FastCGI to this \
             address (nginx: fastcgi_pass), or bind it as http://"
        );
        assert!(told(0x12).ends_with("or bind it as ajp://"));
        assert_eq!(
            told(0x16),
            "the connection does not begin with FastCGI; it looks like TLS: let a front server end TLS, and speak FastCGI to \
             this address (nginx: fastcgi_pass)"
        );
    }

    #[test]
    fn messages_name_the_record() {
        assert_eq!(
            Violation::NullRequestId(RecordType::BeginRequest).to_string(),
            "a FastCGI record BEGIN_REQUEST has the request id 0, which belongs to no request"
        );
        let unknown = Violation::Unexpected(RecordType::Other(77)).to_string();
        assert!(unknown.starts_with("a FastCGI record type 77 is"), "{unknown}");
    }
}
