//! SEND_BODY_CHUNK: a piece of the response's body, or a flush if there is nothing in it.

use crate::options::effective_packet_size;
use crate::packet::{HEADER_SIZE, TO_WEB_SERVER};

/// The code of the packet.
pub(crate) const CODE: u8 = 3;

/// Bytes of the packet before its data.
pub(crate) const PREFIX_SIZE: usize = HEADER_SIZE + 3;

/// Follows the data of every chunk. The description leaves it out, and mod_proxy_ajp refuses a chunk without it.
pub const BODY_CHUNK_END: &[u8] = &[0];

/// The whole packet that makes the web server send to the client what it has.
pub const FLUSH: &[u8] = &[b'A', b'B', 0x00, 0x04, CODE, 0x00, 0x00, 0x00];

/// The most data that fits in a chunk.
pub fn max_body_chunk(packet_size: usize) -> usize {
    effective_packet_size(packet_size) - PREFIX_SIZE - BODY_CHUNK_END.len()
}

/// Writes what stands before the `length` bytes of data in a chunk. The data and [`BODY_CHUNK_END`] follow.
///
/// # Panics
/// In a debug build, if `length` is 0, which would be a flush, or above [`max_body_chunk`] of the largest packet.
pub fn encode_body_chunk_prefix(out: &mut Vec<u8>, length: usize) {
    debug_assert!(length > 0 && length <= max_body_chunk(usize::MAX), "a chunk of {length} bytes");
    out.extend_from_slice(&TO_WEB_SERVER);
    out.extend_from_slice(&(length as u16 + 4).to_be_bytes());
    out.push(CODE);
    out.extend_from_slice(&(length as u16).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_ends_with_nul() {
        let mut out = Vec::new();
        encode_body_chunk_prefix(&mut out, 5);
        out.extend_from_slice(b"hello");
        out.extend_from_slice(BODY_CHUNK_END);
        assert_eq!(out, b"AB\x00\x09\x03\x00\x05hello\x00");
        assert_eq!(FLUSH, b"AB\x00\x04\x03\x00\x00\x00");
    }

    #[test]
    fn the_largest_packet_is_filled() {
        assert_eq!(max_body_chunk(8_192), 8_184);
        let mut out = Vec::new();
        encode_body_chunk_prefix(&mut out, max_body_chunk(65_536));
        assert_eq!(out, b"AB\xff\xfc\x03\xff\xf8");
    }
}
