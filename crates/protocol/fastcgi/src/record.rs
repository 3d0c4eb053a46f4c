//! The header that every record begins with (§3.3).
//!
//! ```text
//! version | type | requestIdB1 | requestIdB0 | contentLengthB1 | contentLengthB0 | paddingLength | reserved
//! ```

use std::fmt;
use std::num::NonZero;

/// Bytes of a header.
pub(crate) const HEADER_LENGTH: usize = 8;

/// The only version there is (FCGI_VERSION_1).
pub(crate) const VERSION: u8 = 1;

/// Which request of a connection a record belongs to. 0 belongs to management records (§3.3).
pub type RequestId = NonZero<u16>;

/// The kinds of records (§8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordType {
    /// Begins a request; from the web server (§5.1).
    BeginRequest,
    /// The client has gone; from the web server (§5.4).
    AbortRequest,
    /// Ends a request; from the application (§5.5).
    EndRequest,
    /// A stream of name-value pairs; from the web server (§5.2).
    Params,
    /// The request's body; from the web server (§5.3).
    Stdin,
    /// The response; from the application (§5.3).
    Stdout,
    /// What is for the web server's log; from the application (§5.3).
    Stderr,
    /// The file that a filter filters; from the web server (§6.4). A responder gets none.
    Data,
    /// Asks the application for variables (§4.1).
    GetValues,
    /// Answers that (§4.1).
    GetValuesResult,
    /// Answers a management record of an unknown type (§4.2).
    UnknownType,
    /// None of these.
    Other(u8),
}

impl RecordType {
    /// The number on the wire.
    pub fn code(self) -> u8 {
        match self {
            Self::BeginRequest => 1,
            Self::AbortRequest => 2,
            Self::EndRequest => 3,
            Self::Params => 4,
            Self::Stdin => 5,
            Self::Stdout => 6,
            Self::Stderr => 7,
            Self::Data => 8,
            Self::GetValues => 9,
            Self::GetValuesResult => 10,
            Self::UnknownType => 11,
            Self::Other(code) => code,
        }
    }
}

impl From<u8> for RecordType {
    fn from(code: u8) -> Self {
        match code {
            1 => Self::BeginRequest,
            2 => Self::AbortRequest,
            3 => Self::EndRequest,
            4 => Self::Params,
            5 => Self::Stdin,
            6 => Self::Stdout,
            7 => Self::Stderr,
            8 => Self::Data,
            9 => Self::GetValues,
            10 => Self::GetValuesResult,
            11 => Self::UnknownType,
            code => Self::Other(code),
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::BeginRequest => "BEGIN_REQUEST",
            Self::AbortRequest => "ABORT_REQUEST",
            Self::EndRequest => "END_REQUEST",
            Self::Params => "PARAMS",
            Self::Stdin => "STDIN",
            Self::Stdout => "STDOUT",
            Self::Stderr => "STDERR",
            Self::Data => "DATA",
            Self::GetValues => "GET_VALUES",
            Self::GetValuesResult => "GET_VALUES_RESULT",
            Self::UnknownType => "UNKNOWN_TYPE",
            Self::Other(code) => return write!(f, "type {code}"),
        };
        f.write_str(name)
    }
}

/// A header that is whole and of version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) record_type: RecordType,
    /// `None` in a management record.
    pub(crate) request_id: Option<RequestId>,
    pub(crate) content_length: u16,
    pub(crate) padding_length: u8,
}

impl RecordHeader {
    /// Reads a header whose version was checked. The reserved byte is not looked at.
    pub(crate) fn decode(bytes: [u8; HEADER_LENGTH]) -> Self {
        let [_version, record_type, id1, id0, length1, length0, padding_length, _reserved] = bytes;
        Self {
            record_type: record_type.into(),
            request_id: RequestId::new(u16::from_be_bytes([id1, id0])),
            content_length: u16::from_be_bytes([length1, length0]),
            padding_length,
        }
    }
}

/// Writes the header of a record without padding: it helps nobody whose memory is not laid out as the wire is.
pub(crate) fn encode_header(
    out: &mut Vec<u8>,
    record_type: RecordType,
    request_id: Option<RequestId>,
    content_length: u16,
) {
    let [id1, id0] = request_id.map_or(0, RequestId::get).to_be_bytes();
    let [length1, length0] = content_length.to_be_bytes();
    out.extend_from_slice(&[VERSION, record_type.code(), id1, id0, length1, length0, 0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read() {
        let header = RecordHeader::decode([1, 4, 0x12, 0x34, 0xab, 0xcd, 7, 0xff]);
        assert_eq!(header.record_type, RecordType::Params);
        assert_eq!(header.request_id, RequestId::new(0x1234));
        assert_eq!((header.content_length, header.padding_length), (0xabcd, 7));
        assert_eq!(RecordHeader::decode([1, 9, 0, 0, 0, 0, 0, 0]).request_id, None);
    }

    #[test]
    fn a_header_is_written() {
        let mut out = Vec::new();
        encode_header(&mut out, RecordType::Stdout, RequestId::new(0x1234), 0xabcd);
        encode_header(&mut out, RecordType::GetValues, None, 1);
        assert_eq!(out, [1, 6, 0x12, 0x34, 0xab, 0xcd, 0, 0, 1, 9, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn every_type_keeps_its_number() {
        for code in 0..=255 {
            let record_type = RecordType::from(code);
            assert_eq!(record_type.code(), code);
            assert_eq!(matches!(record_type, RecordType::Other(_)), !(1..=11).contains(&code));
        }
    }
}
