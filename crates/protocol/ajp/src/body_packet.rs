//! A packet of the request's body. It has no code: its payload is the number of bytes and the bytes. A payload of length
//! 0, or one of 0 bytes, is the end of the body.

use crate::Violation;
use crate::options::effective_packet_size;
use crate::packet::{HEADER_SIZE, TO_CONTAINER, payload_length};

/// The packet that ends a body.
pub const EMPTY_BODY: &[u8] = &[0x12, 0x34, 0x00, 0x00];

/// Bytes of a body packet that are not data.
pub(crate) const PREFIX_SIZE: usize = HEADER_SIZE + 2;

/// The most data that fits in a body packet.
pub fn max_body_data(packet_size: usize) -> usize {
    effective_packet_size(packet_size) - PREFIX_SIZE
}

/// Writes what stands before the `length` bytes of data in a body packet.
///
/// # Panics
/// In a debug build, if `length` is 0, which would be the end of the body, or above [`max_body_data`] of the largest packet.
pub fn encode_body_prefix(out: &mut Vec<u8>, length: usize) {
    debug_assert!(length > 0 && length <= max_body_data(usize::MAX), "a body packet of {length} bytes");
    out.extend_from_slice(&TO_CONTAINER);
    out.extend_from_slice(&(length as u16 + 2).to_be_bytes());
    out.extend_from_slice(&(length as u16).to_be_bytes());
}

/// What stands before the data of a body packet that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BodyPrefix {
    /// Bytes of it.
    pub(crate) size: usize,
    /// Bytes of data that follow; 0 at the end of the body.
    pub(crate) data: u16,
}

impl BodyPrefix {
    /// Reads it once it is whole.
    pub(crate) fn read(input: &[u8], packet_size: usize) -> Result<Option<Self>, Violation> {
        let Some(length) = payload_length(input, TO_CONTAINER, packet_size)? else { return Ok(None) };
        if length == 0 {
            return Ok(Some(Self { size: HEADER_SIZE, data: 0 }));
        }
        if length == 1 {
            return Err(Violation::BodyPacketLength);
        }
        let [_, _, _, _, high, low, ..] = input else { return Ok(None) };
        let data = u16::from_be_bytes([*high, *low]);
        if usize::from(data) + 2 != length {
            return Err(Violation::BodyPacketLength);
        }
        Ok(Some(Self { size: PREFIX_SIZE, data }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_has_its_length_twice() {
        let mut out = Vec::new();
        encode_body_prefix(&mut out, 9);
        assert_eq!(out, b"\x12\x34\x00\x0b\x00\x09");
        out.extend_from_slice(b"test=data");
        assert_eq!(BodyPrefix::read(&out, 8_192), Ok(Some(BodyPrefix { size: 6, data: 9 })));
        for cut in 0..6 {
            assert_eq!(BodyPrefix::read(&out[..cut], 8_192), Ok(None));
        }
    }

    #[test]
    fn the_end_has_two_forms() {
        assert_eq!(BodyPrefix::read(EMPTY_BODY, 8_192), Ok(Some(BodyPrefix { size: 4, data: 0 })));
        assert_eq!(BodyPrefix::read(b"\x12\x34\0\x02\0\0", 8_192), Ok(Some(BodyPrefix { size: 6, data: 0 })));
    }

    #[test]
    fn both_lengths_must_agree() {
        for wrong in
            [&b"\x12\x34\0\x01"[..], b"\x12\x34\0\x09test=data", b"\x12\x34\0\x03\0\0", b"\x12\x34\0\x03\0\x02"]
        {
            assert_eq!(BodyPrefix::read(wrong, 8_192), Err(Violation::BodyPacketLength), "{wrong:?}");
        }
    }

    #[test]
    fn the_largest_packet_is_filled() {
        assert_eq!(max_body_data(8_192), 8_186);
        let mut out = Vec::new();
        encode_body_prefix(&mut out, max_body_data(65_536));
        assert_eq!(out, b"\x12\x34\xff\xfc\xff\xfa");
    }
}
