//! Takes a connection apart into records, wherever the bytes are split. Knows what a record is, not what it means.

use std::borrow::Cow;
use std::ops::Range;

use crate::record::{HEADER_LENGTH, RecordHeader, VERSION};

/// The place in a connection. It keeps nothing but a header that is not whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordReader {
    header: [u8; HEADER_LENGTH],
    /// Bytes of the header that are there; all of them while content and padding are read.
    filled: u8,
    /// Bytes of content that are still to come.
    content: u16,
    /// Bytes of padding that are still to come, after the content.
    padding: u8,
}

/// What comes next on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Header(RecordHeader),
    /// Content of the record whose header came last: a part of the input, never empty.
    Content(Range<usize>),
}

/// The first byte of a record is not the version, but this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotTheVersion(pub(crate) u8);

impl RecordReader {
    /// The next piece of `input` from `at` on, which moves behind it. `None`: all of the input is done with.
    pub(crate) fn next(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Piece>, NotTheVersion> {
        if self.content > 0 {
            let length = (input.len() - *at).min(self.content.into());
            if length == 0 {
                return Ok(None);
            }
            let content = *at..*at + length;
            *at = content.end;
            // It is not more than `content` was.
            self.content -= length as u16;
            return Ok(Some(Piece::Content(content)));
        }
        self.skip_padding(input, at);
        if self.padding > 0 || *at == input.len() {
            return Ok(None);
        }
        if usize::from(self.filled) == HEADER_LENGTH {
            self.filled = 0;
        }
        if self.filled == 0 && input[*at] != VERSION {
            return Err(NotTheVersion(input[*at]));
        }
        let missing = &mut self.header[self.filled.into()..];
        let length = missing.len().min(input.len() - *at);
        missing[..length].copy_from_slice(&input[*at..*at + length]);
        *at += length;
        // It is not more than the 8 bytes of a header.
        self.filled += length as u8;
        if usize::from(self.filled) < HEADER_LENGTH {
            return Ok(None);
        }
        let header = RecordHeader::decode(self.header);
        self.content = header.content_length;
        self.padding = header.padding_length;
        Ok(Some(Piece::Header(header)))
    }

    /// Skips what is there of the padding, once the content is done with.
    pub(crate) fn skip_padding(&mut self, input: &[u8], at: &mut usize) {
        if self.content == 0 {
            let length = (input.len() - *at).min(self.padding.into());
            *at += length;
            // It is not more than `padding` was.
            self.padding -= length as u8;
        }
    }

    /// Bytes of the present record's content that are still to come.
    pub(crate) fn content_left(&self) -> u16 {
        self.content
    }

    /// True between two records.
    pub(crate) fn is_between_records(&self) -> bool {
        let is_whole = usize::from(self.filled) == HEADER_LENGTH && self.content == 0 && self.padding == 0;
        self.filled == 0 || is_whole
    }
}

/// What came before together with `piece`, if nothing is left to come; most often `piece` alone.
pub(crate) fn gather<'a>(gathered: &mut Vec<u8>, piece: &'a [u8], left: u16) -> Option<Cow<'a, [u8]>> {
    if gathered.is_empty() && left == 0 {
        return Some(Cow::Borrowed(piece));
    }
    gathered.extend_from_slice(piece);
    (left == 0).then(|| Cow::Owned(std::mem::take(gathered)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RecordType;

    /// The types of the records in `input` with their content, fed in pieces of `size` bytes.
    fn records(input: &[u8], size: usize) -> Result<Vec<(RecordType, Vec<u8>)>, NotTheVersion> {
        let mut reader = RecordReader::default();
        let mut records: Vec<(RecordType, Vec<u8>)> = Vec::new();
        for input in input.chunks(size) {
            let mut at = 0;
            while let Some(piece) = reader.next(input, &mut at)? {
                match piece {
                    Piece::Header(header) => records.push((header.record_type, Vec::new())),
                    Piece::Content(range) => records.last_mut().unwrap().1.extend_from_slice(&input[range]),
                }
            }
            assert_eq!(at, input.len());
        }
        Ok(records)
    }

    const TWO: &[u8] = b"\x01\x05\0\x01\0\x03\x02\0abc\xff\xff\x01\x05\0\x01\0\0\x01\0\xff\x01\x02\0\x01\0\0\0\0";

    #[test]
    fn records_are_the_same_however_they_are_split() {
        let expected =
            vec![(RecordType::Stdin, b"abc".to_vec()), (RecordType::Stdin, vec![]), (RecordType::AbortRequest, vec![])];
        for size in 1..=TWO.len() {
            assert_eq!(records(TWO, size).as_ref(), Ok(&expected), "in pieces of {size}");
        }
    }

    #[test]
    fn another_version_is_seen_at_its_byte() {
        assert_eq!(records(b"\x02", 1), Err(NotTheVersion(2)));
        assert_eq!(records(&[TWO, b"\0"].concat(), 99), Err(NotTheVersion(0)));
    }

    #[test]
    fn it_knows_whether_it_is_between_records() {
        let between: Vec<usize> = (0..=TWO.len())
            .filter(|length| {
                let mut reader = RecordReader::default();
                let mut at = 0;
                while reader.next(&TWO[..*length], &mut at).unwrap().is_some() {}
                reader.is_between_records()
            })
            .collect();
        assert_eq!(between, [0, 13, 22, 30]);
    }
}
