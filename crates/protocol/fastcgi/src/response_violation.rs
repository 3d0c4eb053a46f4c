//! What an application may not send.

use std::fmt;

use crate::RecordType;

/// What is wrong with what has arrived, as the web server. The connection must close, and the response, if one was under
/// way, is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseViolation {
    /// A record's version is not 1 (§3.3).
    Version(u8),
    /// A record belongs to a request that is not under way on this connection.
    RequestId(u16),
    /// A record that an application does not send, or not with such an id.
    Unexpected(RecordType),
    /// A record of a fixed size has another one (§4.2, §5.5).
    ContentLength(RecordType),
    /// STDOUT after its end (§3.3).
    StdoutAfterEnd,
    /// An END_REQUEST with a protocol status that does not exist (§5.5).
    ProtocolStatus(u8),
    /// A GET_VALUES_RESULT ends within a pair (§3.4).
    ValuesCut,
    /// A GET_VALUES_RESULT is many times longer than one that tells everything that exists.
    ValuesTooLarge,
}

impl fmt::Display for ResponseViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(byte @ b' '..=b'~') => write!(
                f,
                "the application sent {:?} where a FastCGI record begins; does it speak HTTP, or print to its socket?",
                char::from(*byte)
            ),
            Self::Version(version) => {
                write!(f, "the application sent a FastCGI record of version {version} where only 1 exists")
            }
            Self::RequestId(id) => {
                write!(f, "the application sent a FastCGI record for request {id}, which is not under way")
            }
            Self::Unexpected(record_type) => {
                write!(
                    f,
                    "the application sent a FastCGI record {record_type}, which is not for an application to send"
                )
            }
            Self::ContentLength(record_type) => write!(
                f,
                "the application sent a FastCGI record {record_type} of another length than the one that it must have"
            ),
            Self::StdoutAfterEnd => f.write_str("the application's FastCGI response goes on after its end"),
            Self::ProtocolStatus(status) => {
                write!(
                    f,
                    "the application ended a FastCGI request with the protocol status {status}, which does not exist"
                )
            }
            Self::ValuesCut => f.write_str(
                "the application sent a FastCGI record GET_VALUES_RESULT that ends within a name-value pair",
            ),
            Self::ValuesTooLarge => {
                f.write_str("the application sent a FastCGI record GET_VALUES_RESULT that tells more than exists")
            }
        }
    }
}

impl std::error::Error for ResponseViolation {}

impl From<ResponseViolation> for millau_gateway::Error {
    fn from(violation: ResponseViolation) -> Self {
        Self::application(violation.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millau_gateway::{Error, Fault};

    #[test]
    fn it_is_the_applications_fault() {
        let error = Error::from(ResponseViolation::StdoutAfterEnd);
        assert_eq!((error.fault(), error.status()), (Fault::Application, 500));
    }

    #[test]
    fn text_where_a_record_begins_is_told_as_that() {
        let message = ResponseViolation::Version(b'H').to_string();
        assert!(message.starts_with("the application sent 'H' where"), "{message}");
        let message = ResponseViolation::Version(2).to_string();
        assert!(message.contains("version 2"), "{message}");
    }
}
