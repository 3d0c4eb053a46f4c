//! BEGIN_REQUEST (§5.1): the role that the application shall play, and whether the connection stays.
//!
//! ```text
//! roleB1 | roleB0 | flags | reserved (5)
//! ```

use crate::record::{RecordType, RequestId, encode_header};

/// Bytes of the record's content.
pub(crate) const BEGIN_REQUEST_LENGTH: u16 = 8;

/// The only flag: the application shall not close the connection after the response (FCGI_KEEP_CONN).
const KEEP_CONN: u8 = 1;

/// What an application may be asked to be (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers a request, as a CGI program does (§6.2).
    Responder,
    /// Decides whether a request is let through (§6.3).
    Authorizer,
    /// Answers with a file that the web server sends along (§6.4).
    Filter,
    /// None of these.
    Other(u16),
}

impl Role {
    fn code(self) -> u16 {
        match self {
            Self::Responder => 1,
            Self::Authorizer => 2,
            Self::Filter => 3,
            Self::Other(code) => code,
        }
    }
}

impl From<u16> for Role {
    fn from(code: u16) -> Self {
        match code {
            1 => Self::Responder,
            2 => Self::Authorizer,
            3 => Self::Filter,
            code => Self::Other(code),
        }
    }
}

/// The content of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeginRequest {
    /// What the application shall be.
    pub role: Role,
    /// True: the connection stays after the response. False: the application closes it.
    pub keep_conn: bool,
}

impl BeginRequest {
    /// `None`: it is not 8 bytes long. Other flags and the reserved bytes are not looked at.
    pub(crate) fn decode(content: &[u8]) -> Option<Self> {
        let [role1, role0, flags, _, _, _, _, _] = *content else { return None };
        Some(Self { role: u16::from_be_bytes([role1, role0]).into(), keep_conn: flags & KEEP_CONN != 0 })
    }
}

/// Writes the record that begins a request (the web server's side). The id must not be in use on the connection.
pub fn encode_begin_request(out: &mut Vec<u8>, request_id: RequestId, begin: BeginRequest) {
    encode_header(out, RecordType::BeginRequest, Some(request_id), BEGIN_REQUEST_LENGTH);
    let [role1, role0] = begin.role.code().to_be_bytes();
    let flags = if begin.keep_conn { KEEP_CONN } else { 0 };
    out.extend_from_slice(&[role1, role0, flags, 0, 0, 0, 0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_written() {
        let mut out = Vec::new();
        let begin = BeginRequest { role: Role::Responder, keep_conn: true };
        encode_begin_request(&mut out, RequestId::MIN, begin);
        assert_eq!(out, [1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn the_content_is_read_whatever_is_reserved() {
        let begin = |content: &[u8]| BeginRequest::decode(content);
        let responder = BeginRequest { role: Role::Responder, keep_conn: false };
        assert_eq!(begin(&[0, 1, 0, 0, 0, 0, 0, 0]), Some(responder));
        assert_eq!(begin(&[0, 1, 0xfe, 1, 2, 3, 4, 5]), Some(responder));
        assert_eq!(begin(&[0, 3, 1, 0, 0, 0, 0, 0]), Some(BeginRequest { role: Role::Filter, keep_conn: true }));
        assert_eq!(begin(&[1, 1, 0, 0, 0, 0, 0, 0]).map(|begin| begin.role), Some(Role::Other(257)));
        assert_eq!(begin(&[0, 1, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn every_role_keeps_its_number() {
        for code in [0, 1, 2, 3, 4, 99, u16::MAX] {
            assert_eq!(Role::from(code).code(), code);
        }
    }
}
