//! Why a response cannot be written.

use std::fmt;

use millau_gateway::Error;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_applications_fault() {
        let error = Error::from(EncodeError::HopByHop("TE"));
        assert_eq!((error.fault(), error.status()), (millau_gateway::Fault::Application, 500));
        assert_eq!(error.message(), "the response has the field TE, which belongs to the server; leave it out");
    }
}
