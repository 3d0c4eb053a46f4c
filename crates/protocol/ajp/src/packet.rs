//! The frame of every packet: two bytes that say which way it goes, the length of the payload, the payload.

use crate::Violation;
use crate::options::effective_packet_size;

/// Bytes before the payload.
pub(crate) const HEADER_SIZE: usize = 4;

/// What packets begin with that the web server sends to the container.
pub(crate) const TO_CONTAINER: [u8; 2] = [0x12, 0x34];

/// What packets begin with that the container sends to the web server.
pub(crate) const TO_WEB_SERVER: [u8; 2] = *b"AB";

/// The length of the payload, as soon as the header is whole. What is no packet is refused at its first wrong byte, and
/// what is too large as soon as it says so.
pub(crate) fn payload_length(input: &[u8], direction: [u8; 2], packet_size: usize) -> Result<Option<usize>, Violation> {
    if input.iter().zip(direction).any(|(byte, expected)| *byte != expected) {
        return Err(if direction == TO_CONTAINER { Violation::NotAjp } else { Violation::NotAjpResponse });
    }
    let [_, _, high, low, ..] = input else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if HEADER_SIZE + length > effective_packet_size(packet_size) {
        return Err(Violation::PacketTooLarge);
    }
    Ok(Some(length))
}

/// The payload of the packet at the beginning of `input`, once all of it is there.
pub(crate) fn payload(input: &[u8], length: usize) -> Option<&[u8]> {
    input.get(HEADER_SIZE..HEADER_SIZE + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_soon_as_it_is_whole() {
        let length = |input: &[u8]| payload_length(input, TO_CONTAINER, 8_192);
        assert_eq!(length(b""), Ok(None));
        assert_eq!(length(b"\x12\x34\x01"), Ok(None));
        assert_eq!(length(b"\x12\x34\x01\x02"), Ok(Some(0x102)));
        assert_eq!(payload(b"\x12\x34\0\x02a", 2), None);
        assert_eq!(payload(b"\x12\x34\0\x02abc", 2), Some(&b"ab"[..]));
    }

    #[test]
    fn the_first_wrong_byte_is_enough() {
        for wrong in [&b"G"[..], b"GET / HTTP/1.1\r\n", b"\x12\x35", b"AB\0\x01\x09", b"\x16\x03\x01"] {
            assert_eq!(payload_length(wrong, TO_CONTAINER, 8_192), Err(Violation::NotAjp), "{wrong:?}");
        }
        assert_eq!(payload_length(b"AC", TO_WEB_SERVER, 8_192), Err(Violation::NotAjpResponse));
    }

    #[test]
    fn the_limit_counts_the_header() {
        assert_eq!(payload_length(b"\x12\x34\x1f\xfc", TO_CONTAINER, 8_192), Ok(Some(8_188)));
        assert_eq!(payload_length(b"\x12\x34\x1f\xfd", TO_CONTAINER, 8_192), Err(Violation::PacketTooLarge));
        assert_eq!(payload_length(b"\x12\x34\xff\xfc", TO_CONTAINER, 65_536), Ok(Some(65_532)));
        assert_eq!(payload_length(b"\x12\x34\xff\xfd", TO_CONTAINER, usize::MAX), Err(Violation::PacketTooLarge));
    }
}
