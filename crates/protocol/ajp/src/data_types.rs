//! The four data types of a payload: byte, boolean, integer (two bytes, high byte first) and string (its length, its
//! bytes, a NUL that the length does not count; the length 65535 is a null string without bytes and without NUL).

use crate::options::effective_packet_size;
use crate::packet::HEADER_SIZE;
use crate::{EncodeError, Violation};

const NULL_STRING: u16 = 0xFFFF;

/// Reads values from the beginning of a payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Violation> {
        let (byte, rest) = self.0.split_first().ok_or(Violation::PacketCut)?;
        self.0 = rest;
        Ok(*byte)
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, Violation> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Violation::Boolean),
        }
    }

    pub(crate) fn integer(&mut self) -> Result<u16, Violation> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Violation::PacketCut)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    /// `None` for a null string.
    pub(crate) fn string(&mut self) -> Result<Option<&'a [u8]>, Violation> {
        let length = self.integer()?;
        if length == NULL_STRING {
            return Ok(None);
        }
        self.text(length).map(Some)
    }

    /// The bytes of a string whose length was read already.
    pub(crate) fn text(&mut self, length: u16) -> Result<&'a [u8], Violation> {
        let (text, rest) = self.0.split_at_checked(usize::from(length)).ok_or(Violation::PacketCut)?;
        let (end, rest) = rest.split_first().ok_or(Violation::PacketCut)?;
        self.0 = rest;
        if *end == 0 { Ok(text) } else { Err(Violation::Unterminated) }
    }

    /// The payload must be at its end.
    pub(crate) fn end(self) -> Result<(), Violation> {
        if self.0.is_empty() { Ok(()) } else { Err(Violation::ExcessBytes) }
    }
}

/// Writes one packet to the end of a buffer.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    /// A string was longer than its length can say.
    overlong: bool,
}

impl<'a> Writer<'a> {
    /// Begins a packet; its length is filled in at the end.
    pub(crate) fn new(out: &'a mut Vec<u8>, direction: [u8; 2]) -> Self {
        let start = out.len();
        out.extend_from_slice(&direction);
        out.extend_from_slice(&[0, 0]);
        Self { out, start, overlong: false }
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    pub(crate) fn integer(&mut self, integer: u16) {
        self.out.extend_from_slice(&integer.to_be_bytes());
    }

    /// Leaves room for an integer that is not known yet, and says where.
    pub(crate) fn integer_later(&mut self) -> usize {
        self.integer(0);
        self.out.len() - 2
    }

    /// Writes an integer where there is room for it.
    pub(crate) fn fill_in(&mut self, at: usize, integer: u16) {
        self.out[at..at + 2].copy_from_slice(&integer.to_be_bytes());
    }

    pub(crate) fn string(&mut self, text: &[u8]) {
        match u16::try_from(text.len()) {
            Ok(length) if length != NULL_STRING => {
                self.integer(length);
                self.out.extend_from_slice(text);
                self.out.push(0);
            }
            _ => self.overlong = true,
        }
    }

    pub(crate) fn null_string(&mut self) {
        self.integer(NULL_STRING);
    }

    /// Ends the packet. If it is larger than a packet may be, the buffer is as it was before.
    pub(crate) fn finish(self, packet_size: usize) -> Result<(), EncodeError> {
        let length = self.out.len() - self.start - HEADER_SIZE;
        match u16::try_from(length) {
            Ok(length) if !self.overlong && self.out.len() - self.start <= effective_packet_size(packet_size) => {
                self.out[self.start + 2..self.start + HEADER_SIZE].copy_from_slice(&length.to_be_bytes());
                Ok(())
            }
            _ => {
                self.out.truncate(self.start);
                Err(EncodeError::PacketTooLarge)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::TO_WEB_SERVER;

    #[test]
    fn values_are_read_in_order() {
        let mut reader = Reader::new(b"\x07\x01\x00\x12\x34\x00\x02ab\0\xff\xff\0\0\0");
        assert_eq!(reader.byte(), Ok(7));
        assert_eq!((reader.boolean(), reader.boolean()), (Ok(true), Ok(false)));
        assert_eq!(reader.integer(), Ok(0x1234));
        assert_eq!(reader.string(), Ok(Some(&b"ab"[..])));
        assert_eq!(reader.string(), Ok(None));
        assert!(reader.end().is_err());
        assert_eq!(reader.string(), Ok(Some(&b""[..])));
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn nothing_is_read_beyond_the_end() {
        assert_eq!(Reader::new(b"").byte(), Err(Violation::PacketCut));
        assert_eq!(Reader::new(b"\x01").integer(), Err(Violation::PacketCut));
        for cut in [&b"\0\x02a"[..], b"\0\x02ab", b"\xff\xfeab\0", b"\0"] {
            assert_eq!(Reader::new(cut).string(), Err(Violation::PacketCut), "{cut:?}");
        }
    }

    #[test]
    fn a_string_ends_with_nul_and_a_boolean_is_0_or_1() {
        assert_eq!(Reader::new(b"\0\x01ab").string(), Err(Violation::Unterminated));
        assert_eq!(Reader::new(b"\x02").boolean(), Err(Violation::Boolean));
    }

    #[test]
    fn a_packet_is_written_with_its_length() {
        let mut out = b"before".to_vec();
        let mut writer = Writer::new(&mut out, TO_WEB_SERVER);
        writer.byte(4);
        writer.integer(200);
        writer.string(b"OK");
        writer.null_string();
        writer.finish(8_192).unwrap();
        assert_eq!(out, b"beforeAB\0\x0a\x04\0\xc8\0\x02OK\0\xff\xff");
    }

    #[test]
    fn nothing_is_left_of_a_packet_that_is_too_large() {
        let written = |length: usize, packet_size: usize| {
            let mut out = b"before".to_vec();
            let mut writer = Writer::new(&mut out, TO_WEB_SERVER);
            writer.string(&vec![b'a'; length]);
            let result = writer.finish(packet_size);
            assert_eq!(result.is_err(), out == b"before");
            result
        };
        assert_eq!(written(8_185, 8_192), Ok(()));
        assert_eq!(written(8_186, 8_192), Err(EncodeError::PacketTooLarge));
        assert_eq!(written(65_529, 65_536), Ok(()));
        for length in [65_530, 65_535, 65_536, 100_000] {
            assert_eq!(written(length, usize::MAX), Err(EncodeError::PacketTooLarge), "{length}");
        }
    }
}
