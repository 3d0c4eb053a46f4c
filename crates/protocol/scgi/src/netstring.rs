//! The frame of the variables: a netstring, `length ":" content ","` (cr.yp.to/proto/netstrings.txt).

use crate::Violation;

/// Where the content of a netstring lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The first byte after the colon.
    pub(crate) start: usize,
    /// Bytes of the content.
    pub(crate) length: usize,
}

impl Frame {
    /// Reads the length at the beginning of `input`; nothing while its colon has not arrived. A length beyond the limit
    /// is refused as soon as it is one, so that no number is too long to be read.
    pub(crate) fn read(input: &[u8], limit: usize) -> Result<Option<Self>, Violation> {
        let mut length = 0usize;
        for (position, byte) in input.iter().enumerate() {
            match byte {
                b':' if position > 0 => return Ok(Some(Self { start: position + 1, length })),
                b'0'..=b'9' if position == 1 && length == 0 => return Err(Violation::LeadingZero),
                b'0'..=b'9' => {
                    length = length.saturating_mul(10).saturating_add(usize::from(byte - b'0'));
                    if length > limit {
                        return Err(Violation::HeadTooLarge);
                    }
                }
                b'A'..=b'Z' | b'a'..=b'z' if position == 0 => return Err(Violation::LooksLikeHttp),
                _ => return Err(Violation::NotNetstring),
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_length() {
        assert_eq!(Frame::read(b"70:CONT", 70), Ok(Some(Frame { start: 3, length: 70 })));
        assert_eq!(Frame::read(b"0:,", 70), Ok(Some(Frame { start: 2, length: 0 })));
        for more in [&b""[..], b"7", b"70", b"0"] {
            assert_eq!(Frame::read(more, 70), Ok(None));
        }
    }

    #[test]
    fn refuses_at_the_first_wrong_byte() {
        let refused = |input: &[u8], violation: Violation| {
            assert_eq!(Frame::read(input, 1000), Err(violation.clone()));
            assert_eq!(Frame::read(&input[..input.len() - 1], 1000), Ok(None), "{violation:?} shows earlier");
        };
        refused(b"G", Violation::LooksLikeHttp);
        refused(b"\x16", Violation::NotNetstring);
        refused(b":", Violation::NotNetstring);
        refused(b"-", Violation::NotNetstring);
        refused(b"12 ", Violation::NotNetstring);
        refused(b"1G", Violation::NotNetstring);
        refused(b"00", Violation::LeadingZero);
        refused(b"07", Violation::LeadingZero);
        refused(b"1001", Violation::HeadTooLarge);
        refused(b"9999", Violation::HeadTooLarge);
    }

    #[test]
    fn no_length_overflows() {
        assert_eq!(Frame::read(&[b'9'; 100], usize::MAX - 1), Err(Violation::HeadTooLarge));
    }
}
