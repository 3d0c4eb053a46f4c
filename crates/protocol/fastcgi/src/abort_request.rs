//! ABORT_REQUEST (§5.4): the client has gone, and the application shall end the request soon. It has no content.

use crate::record::{RecordType, RequestId, encode_header};

/// Writes the record (the web server's side). The application still answers with END_REQUEST.
pub fn encode_abort_request(out: &mut Vec<u8>, request_id: RequestId) {
    encode_header(out, RecordType::AbortRequest, Some(request_id), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_written() {
        let mut out = Vec::new();
        encode_abort_request(&mut out, RequestId::MIN);
        assert_eq!(out, [1, 2, 0, 1, 0, 0, 0, 0]);
    }
}
