//! Writes the chunked transfer coding (RFC 9112 §7.1): prefix, data, end, and at last the last chunk.

/// Follows the data of every chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// Ends a chunked body; no trailers are sent.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Writes the size line of a chunk of `length` bytes. The data and [`CHUNK_END`] follow.
///
/// # Panics
/// In a debug build, if `length` is 0: that would be the last chunk.
pub fn encode_chunk_prefix(out: &mut Vec<u8>, length: usize) {
    debug_assert!(length > 0, "a chunk of 0 bytes ends the body");
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut line = [0; 18];
    line[16..].copy_from_slice(CHUNK_END);
    let mut start = 16;
    let mut rest = length;
    while rest > 0 {
        start -= 1;
        line[start] = DIGITS[rest % 16];
        rest /= 16;
    }
    out.extend_from_slice(&line[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_hexadecimal_without_leading_zeros() {
        let prefix = |length| {
            let mut out = Vec::new();
            encode_chunk_prefix(&mut out, length);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(prefix(1), "1\r\n");
        assert_eq!(prefix(26), "1a\r\n");
        assert_eq!(prefix(0x10_0000), "100000\r\n");
        assert_eq!(prefix(usize::MAX), format!("{:x}\r\n", usize::MAX));
    }
}
