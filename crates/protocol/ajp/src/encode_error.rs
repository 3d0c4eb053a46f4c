//! Why a message cannot be written.

use std::fmt;

use millau_gateway::{Error, ResponseError};

/// Why a response or a request cannot be sent; the application that made it is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The response has what no response may have.
    Response(ResponseError),
    /// A request for another server holds a control character where none may be, or its method is no token.
    ControlCharacter,
    /// The head does not fit in one packet, and there is no second one.
    PacketTooLarge,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(error) => error.fmt(f),
            Self::ControlCharacter => f.write_str(
                "the request for the other server has a line break or another control character in its head",
            ),
            Self::PacketTooLarge => f.write_str(
                "the head does not fit in one AJP packet; send fewer or shorter fields, or give both ends a larger packet \
                 size (ProxyIOBufferSize in Apache)",
            ),
        }
    }
}

impl std::error::Error for EncodeError {}

impl From<ResponseError> for EncodeError {
    fn from(error: ResponseError) -> Self {
        Self::Response(error)
    }
}

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
        let error = Error::from(EncodeError::from(ResponseError::HopByHop("TE")));
        assert_eq!((error.fault(), error.status()), (millau_gateway::Fault::Application, 500));
        assert_eq!(error.message(), "the response has the field TE, which belongs to the server; leave it out");
    }
}
