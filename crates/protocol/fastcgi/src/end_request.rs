//! END_REQUEST (§5.5): the response is complete, or the request was refused.
//!
//! ```text
//! appStatusB3 | appStatusB2 | appStatusB1 | appStatusB0 | protocolStatus | reserved (3)
//! ```

use crate::ResponseViolation;
use crate::record::{RecordType, RequestId, encode_header};

/// Bytes of the record's content.
pub(crate) const END_REQUEST_LENGTH: u16 = 8;

/// Why a request has ended, on the level of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolStatus {
    /// It was answered.
    RequestComplete,
    /// Refused: a connection carries one request at a time here.
    CantMpxConn,
    /// Refused: there is no room for another request now.
    Overloaded,
    /// Refused: the role is unknown here.
    UnknownRole,
}

impl ProtocolStatus {
    fn code(self) -> u8 {
        match self {
            Self::RequestComplete => 0,
            Self::CantMpxConn => 1,
            Self::Overloaded => 2,
            Self::UnknownRole => 3,
        }
    }
}

/// The content of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndRequest {
    /// What a CGI program would give to `exit`; 0 if all went well.
    pub app_status: u32,
    /// Whether the request was answered or refused.
    pub protocol_status: ProtocolStatus,
}

impl EndRequest {
    /// The reserved bytes are not looked at.
    pub(crate) fn decode(content: &[u8]) -> Result<Self, ResponseViolation> {
        let [b3, b2, b1, b0, protocol_status, _, _, _] = *content else {
            return Err(ResponseViolation::ContentLength(RecordType::EndRequest));
        };
        let protocol_status = match protocol_status {
            0 => ProtocolStatus::RequestComplete,
            1 => ProtocolStatus::CantMpxConn,
            2 => ProtocolStatus::Overloaded,
            3 => ProtocolStatus::UnknownRole,
            unknown => return Err(ResponseViolation::ProtocolStatus(unknown)),
        };
        Ok(Self { app_status: u32::from_be_bytes([b3, b2, b1, b0]), protocol_status })
    }
}

/// Writes the record that ends a request (the application's side), after the end of STDOUT. A request that failed half-way
/// ends with an `app_status` other than 0, so that the web server can tell.
pub fn encode_end_request(out: &mut Vec<u8>, request_id: RequestId, app_status: u32, protocol_status: ProtocolStatus) {
    encode_header(out, RecordType::EndRequest, Some(request_id), END_REQUEST_LENGTH);
    out.extend_from_slice(&app_status.to_be_bytes());
    out.extend_from_slice(&[protocol_status.code(), 0, 0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_written() {
        let mut out = Vec::new();
        encode_end_request(&mut out, RequestId::MIN, 0x0102_0304, ProtocolStatus::CantMpxConn);
        assert_eq!(out, [1, 3, 0, 1, 0, 8, 0, 0, 1, 2, 3, 4, 1, 0, 0, 0]);
    }

    #[test]
    fn the_content_is_read_whatever_is_reserved() {
        let overloaded = EndRequest { app_status: 7, protocol_status: ProtocolStatus::Overloaded };
        assert_eq!(EndRequest::decode(&[0, 0, 0, 7, 2, 9, 9, 9]), Ok(overloaded));
        assert_eq!(EndRequest::decode(&[0, 0, 0, 0, 4, 0, 0, 0]), Err(ResponseViolation::ProtocolStatus(4)));
    }

    #[test]
    fn every_status_comes_back() {
        for code in 0..4 {
            let end = EndRequest::decode(&[0, 0, 0, 0, code, 0, 0, 0]).unwrap();
            assert_eq!(end.protocol_status.code(), code);
        }
    }
}
