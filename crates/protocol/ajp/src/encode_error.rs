//! Why a message cannot be written.

use std::fmt;

use millau_gateway::Error;

/// Why a response or a request cannot be sent; the application that made it is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The status has not three digits, or is an interim one (RFC 9110 §15).
    Status(u16),
    /// The application set a field that belongs to the connection (PEP 3333; RFC 9110 §7.6.1).
    HopByHop,
    /// Content-Length is no number, or there are two that differ (RFC 9110 §8.6).
    ContentLength,
    /// A control character in the reason phrase or in a field (RFC 9110 §5.5). The front server writes them into the lines
    /// of HTTP, where CR or LF would split the response in two (RFC 9112 §11.1).
    ControlCharacter,
    /// The head does not fit in one packet, and there is no second one.
    PacketTooLarge,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the response has the status {status}; it must be between 200 and 999"),
            Self::HopByHop => {
                f.write_str("the response has a field that belongs to the connection and so to the server; leave it out")
            }
            Self::ContentLength => {
                f.write_str("the response's Content-Length is not one decimal number; send one, or leave it out")
            }
            Self::ControlCharacter => f.write_str(
                "the response has a line break or another control character in its reason phrase or in a field",
            ),
            Self::PacketTooLarge => f.write_str(
                "the head does not fit in one AJP packet; send fewer or shorter fields, or give both ends a larger packet \
                 size (ProxyIOBufferSize in Apache)",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_applications_fault() {
        let error = Error::from(EncodeError::Status(7));
        assert_eq!((error.fault(), error.status()), (millau_gateway::Fault::Application, 500));
        assert_eq!(error.message(), "the response has the status 7; it must be between 200 and 999");
    }
}
