//! STDOUT (§5.3): the response, a stream from the application, which is a CGI document (§6.2).

use crate::record::{RecordType, RequestId};
use crate::stream::{encode_stream, encode_stream_end, encode_stream_header, encode_stream_of};

/// Writes `data` as STDOUT records (the application's side). Nothing is written for nothing: that would end the stream.
pub fn encode_stdout(out: &mut Vec<u8>, request_id: RequestId, data: &[u8]) {
    encode_stream(out, RecordType::Stdout, request_id, data);
}

/// Lets `write` append data to `out` and makes STDOUT records of it, without a copy where one record holds it. Nothing is
/// written for nothing.
pub fn encode_stdout_of<T>(out: &mut Vec<u8>, request_id: RequestId, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    encode_stream_of(out, RecordType::Stdout, request_id, write)
}

/// Writes the header of one record of `length` bytes, which follow by other ways: a shared buffer, a file. There is no
/// padding. A length up to [`LONGEST_CONTENT`](crate::LONGEST_CONTENT) keeps records aligned.
///
/// # Panics
/// In a debug build, if `length` is 0: that would end the stream.
pub fn encode_stdout_header(out: &mut Vec<u8>, request_id: RequestId, length: u16) {
    encode_stream_header(out, RecordType::Stdout, request_id, length);
}

/// Ends the stream.
pub fn encode_stdout_end(out: &mut Vec<u8>, request_id: RequestId) {
    encode_stream_end(out, RecordType::Stdout, request_id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_records_are_written() {
        let mut out = Vec::new();
        encode_stdout(&mut out, RequestId::MIN, b"ab");
        encode_stdout_header(&mut out, RequestId::MIN, 65_535);
        encode_stdout_end(&mut out, RequestId::MIN);
        assert_eq!(out, b"\x01\x06\0\x01\0\x02\0\0ab\x01\x06\0\x01\xff\xff\0\0\x01\x06\0\x01\0\0\0\0");
    }
}
