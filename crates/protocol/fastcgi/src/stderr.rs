//! STDERR (§5.3): what is for the web server's error log, a stream from the application.

use crate::record::{RecordType, RequestId};
use crate::stream::{encode_stream, encode_stream_end};

/// Writes `data` as STDERR records (the application's side). Nothing is written for nothing: that would end the stream.
pub fn encode_stderr(out: &mut Vec<u8>, request_id: RequestId, data: &[u8]) {
    encode_stream(out, RecordType::Stderr, request_id, data);
}

/// Ends the stream. Needed only if there was something in it (§6.2).
pub fn encode_stderr_end(out: &mut Vec<u8>, request_id: RequestId) {
    encode_stream_end(out, RecordType::Stderr, request_id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_records_are_written() {
        let mut out = Vec::new();
        encode_stderr(&mut out, RequestId::MIN, b"ab");
        encode_stderr_end(&mut out, RequestId::MIN);
        assert_eq!(out, b"\x01\x07\0\x01\0\x02\0\0ab\x01\x07\0\x01\0\0\0\0");
    }
}
