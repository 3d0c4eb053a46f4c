//! UNKNOWN_TYPE (§4.2): the answer to a management record whose type is not known.
//!
//! ```text
//! type | reserved (7)
//! ```

use crate::ResponseViolation;
use crate::record::{RecordType, encode_header};

/// Bytes of the record's content.
pub(crate) const UNKNOWN_TYPE_LENGTH: u16 = 8;

/// Writes the record (the application's side): the answer to a management record of type `code`. A front server that has
/// sent no such record takes it for a breach of the protocol.
pub fn encode_unknown_type(out: &mut Vec<u8>, code: u8) {
    encode_header(out, RecordType::UnknownType, None, UNKNOWN_TYPE_LENGTH);
    out.extend_from_slice(&[code, 0, 0, 0, 0, 0, 0, 0]);
}

/// The type that an application does not know. The reserved bytes are not looked at.
pub(crate) fn decode_unknown_type(content: &[u8]) -> Result<u8, ResponseViolation> {
    let [code, _, _, _, _, _, _, _] = *content else {
        return Err(ResponseViolation::ContentLength(RecordType::UnknownType));
    };
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_written() {
        let mut out = Vec::new();
        encode_unknown_type(&mut out, 99);
        assert_eq!(out, [1, 11, 0, 0, 0, 8, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn the_content_is_read_whatever_is_reserved() {
        assert_eq!(decode_unknown_type(&[99, 1, 2, 3, 4, 5, 6, 7]), Ok(99));
        assert!(decode_unknown_type(&[99]).is_err());
    }
}
