//! Name-value pairs (§3.4): two lengths, the name, the value. A length takes one byte below 128 and four above.

use std::fmt;

/// The longest name or value that four bytes can announce: 31 bits.
const LONGEST: usize = 0x7fff_ffff;

/// The two lengths before a name and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lengths {
    /// Bytes of the lengths themselves: 2, 5 or 8.
    prefix: usize,
    name: usize,
    value: usize,
}

impl Lengths {
    /// The lengths that `bytes` begin with; `None` where they are not whole.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (name, after_name) = decode_length(bytes)?;
        let (value, after_value) = decode_length(after_name)?;
        Some(Self { prefix: bytes.len() - after_value.len(), name, value })
    }

    /// Bytes of the whole pair; a `u64`, because two lengths of 31 bits need not fit a `usize`.
    pub(crate) fn pair(self) -> u64 {
        self.prefix as u64 + self.name as u64 + self.value as u64
    }
}

fn decode_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [short @ 0..=127, rest @ ..] => Some((usize::from(*short), rest)),
        [b3, b2, b1, b0, rest @ ..] => Some((u32::from_be_bytes([b3 & 0x7f, *b2, *b1, *b0]) as usize, rest)),
        _ => None,
    }
}

/// The pairs of a stream or a record that is known to consist of whole ones, in their order, repeated names included.
#[derive(Clone, Debug)]
pub struct NameValuePairs<'a> {
    rest: &'a [u8],
}

impl<'a> NameValuePairs<'a> {
    /// For bytes that were checked while they arrived.
    pub(crate) fn of_checked(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// For the content of one record; `None` where it ends within a pair.
    pub(crate) fn of_record(content: &'a [u8]) -> Option<Self> {
        let mut pairs = Self { rest: content };
        while pairs.next().is_some() {}
        pairs.rest.is_empty().then_some(Self { rest: content })
    }
}

impl<'a> Iterator for NameValuePairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let lengths = Lengths::decode(self.rest)?;
        let (_, after) = self.rest.split_at_checked(lengths.prefix)?;
        let (name, after) = after.split_at_checked(lengths.name)?;
        let (value, after) = after.split_at_checked(lengths.value)?;
        self.rest = after;
        Some((name, value))
    }
}

/// A name or a value is longer than 2³¹ − 1 bytes, which no length can say (§3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairTooLong;

impl fmt::Display for PairTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name or a value is longer than FastCGI can say; leave it out")
    }
}

impl std::error::Error for PairTooLong {}

/// Bytes that a pair takes on the wire.
pub(crate) fn encoded_length(name: &[u8], value: &[u8]) -> usize {
    let prefix = |length: usize| if length < 128 { 1 } else { 4 };
    prefix(name.len()) + prefix(value.len()) + name.len() + value.len()
}

/// Writes the lengths of a pair. The name and the value follow.
pub(crate) fn encode_lengths(out: &mut Vec<u8>, name: &[u8], value: &[u8]) -> Result<(), PairTooLong> {
    if name.len() > LONGEST || value.len() > LONGEST {
        return Err(PairTooLong);
    }
    for length in [name.len(), value.len()] {
        match u8::try_from(length) {
            Ok(short @ 0..=127) => out.push(short),
            // It fits 31 bits.
            _ => out.extend_from_slice(&(length as u32 | 0x8000_0000).to_be_bytes()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(content: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
        NameValuePairs::of_record(content).map(Iterator::collect)
    }

    #[test]
    fn short_pairs_are_read_in_their_order() {
        assert_eq!(
            pairs(b"\x03\x02ABCxy\0\0\x01\0A\x01\x01Az"),
            Some(vec![(&b"ABC"[..], &b"xy"[..]), (b"", b""), (b"A", b""), (b"A", b"z")])
        );
        assert_eq!(pairs(b""), Some(vec![]));
    }

    #[test]
    fn a_length_of_four_bytes_may_be_a_short_one() {
        assert_eq!(pairs(b"\x80\0\0\x01\x80\0\0\x02Axy"), Some(vec![(&b"A"[..], &b"xy"[..])]));
        assert_eq!(pairs(b"\x01\x80\0\0\x02Axy"), Some(vec![(&b"A"[..], &b"xy"[..])]));
        assert_eq!(pairs(b"\x80\0\0\x01\x02Axy"), Some(vec![(&b"A"[..], &b"xy"[..])]));
    }

    #[test]
    fn a_record_that_ends_within_a_pair_has_none() {
        let whole = b"\x80\0\0\x01\x80\0\0\x02Axy";
        for length in 1..whole.len() {
            assert_eq!(pairs(&whole[..length]), None, "{length} bytes");
        }
        assert_eq!(pairs(b"\xff\xff\xff\xff\xff\xff\xff\xffAxy"), None);
    }

    #[test]
    fn lengths_are_known_as_soon_as_they_are_there() {
        assert_eq!(Lengths::decode(b"\x05"), None);
        assert_eq!(Lengths::decode(b"\x05\x80\0\0"), None);
        assert_eq!(Lengths::decode(b"\x05\x80\0\x01\0").map(Lengths::pair), Some(5 + 5 + 256));
        let longest = Lengths::decode(b"\xff\xff\xff\xff\xff\xff\xff\xff").map(Lengths::pair);
        assert_eq!(longest, Some(8 + 2 * 0x7fff_ffff));
    }

    #[test]
    fn lengths_are_written_in_one_byte_below_128() {
        let lengths = |name: usize, value: usize| {
            let (name, value) = (vec![b'n'; name], vec![b'v'; value]);
            let mut out = Vec::new();
            encode_lengths(&mut out, &name, &value).unwrap();
            assert_eq!(encoded_length(&name, &value), out.len() + name.len() + value.len());
            out
        };
        assert_eq!(lengths(0, 127), [0, 127]);
        assert_eq!(lengths(128, 0), [0x80, 0, 0, 128, 0]);
        assert_eq!(lengths(1, 70_000), [1, 0x80, 1, 0x11, 0x70]);
    }
}
