//! Streams (§3.3): any number of records with content, and one without, which ends the stream.

use crate::record::{HEADER_LENGTH, RecordType, RequestId, encode_header};

/// The longest content that records are given here: the largest multiple of 8, so that records stay aligned without
/// padding.
pub const LONGEST_CONTENT: u16 = 65_528;

/// Writes `data` in as many records as it takes; none if it is empty.
pub(crate) fn encode_stream(out: &mut Vec<u8>, record_type: RecordType, request_id: RequestId, data: &[u8]) {
    for content in data.chunks(LONGEST_CONTENT.into()) {
        encode_header(out, record_type, Some(request_id), content.len() as u16);
        out.extend_from_slice(content);
    }
}

/// Lets `write` append data and puts it into as many records as it takes; none if nothing was written. Most often that is
/// one, and then the data stays where it was written.
pub(crate) fn encode_stream_of<T>(
    out: &mut Vec<u8>,
    record_type: RecordType,
    request_id: RequestId,
    write: impl FnOnce(&mut Vec<u8>) -> T,
) -> T {
    let header = out.len();
    encode_header(out, record_type, Some(request_id), 0);
    let start = header + HEADER_LENGTH;
    let result = write(out);
    match u16::try_from(out.len() - start) {
        Ok(0) => out.truncate(header),
        Ok(length @ ..=LONGEST_CONTENT) => out[header + 4..header + 6].copy_from_slice(&length.to_be_bytes()),
        _ => {
            let data = out.split_off(start);
            out.truncate(header);
            encode_stream(out, record_type, request_id, &data);
        }
    }
    result
}

/// Writes the header of a record whose content follows by other ways.
pub(crate) fn encode_stream_header(out: &mut Vec<u8>, record_type: RecordType, request_id: RequestId, length: u16) {
    debug_assert!(length > 0, "a record without content ends the stream");
    encode_header(out, record_type, Some(request_id), length);
}

/// Ends the stream.
pub(crate) fn encode_stream_end(out: &mut Vec<u8>, record_type: RecordType, request_id: RequestId) {
    encode_header(out, record_type, Some(request_id), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_longer_than_a_record_takes_several() {
        let mut out = Vec::new();
        let data = vec![b'x'; 2 * 65_528 + 1];
        encode_stream(&mut out, RecordType::Stdout, RequestId::MIN, &data);
        assert_eq!(out.len(), data.len() + 3 * 8);
        assert_eq!(out[..8], [1, 6, 0, 1, 0xff, 0xf8, 0, 0]);
        assert_eq!(out[8 + 65_528..][..8], [1, 6, 0, 1, 0xff, 0xf8, 0, 0]);
        assert_eq!(out[out.len() - 9..], [1, 6, 0, 1, 0, 1, 0, 0, b'x']);
    }

    #[test]
    fn data_that_is_written_in_place_makes_the_same_records() {
        for length in [0, 1, 65_528, 65_529, 65_535, 65_536, 200_000] {
            let data = vec![b'x'; length];
            let (mut expected, mut out) = (b"before".to_vec(), b"before".to_vec());
            encode_stream(&mut expected, RecordType::Stdout, RequestId::MIN, &data);
            encode_stream_of(&mut out, RecordType::Stdout, RequestId::MIN, |out| out.extend_from_slice(&data));
            assert!(out == expected, "{length} bytes");
        }
    }

    #[test]
    fn no_data_is_no_record_and_not_the_end() {
        let mut out = Vec::new();
        encode_stream(&mut out, RecordType::Stdout, RequestId::MIN, b"");
        assert!(out.is_empty());
    }
}
