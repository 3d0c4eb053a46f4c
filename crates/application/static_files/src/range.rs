//! The Range field (RFC 9110 §14): one range of bytes. Several are answered with the whole file, as the RFC allows.

/// What a Range field asks for, of a file of a certain size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// The field is absent, of another unit, malformed, or asks for several ranges: it is ignored.
    Whole,
    /// These bytes, at least one.
    Part {
        /// The first byte.
        offset: u64,
        /// How many.
        length: u64,
    },
    /// Nothing of the file: "416 Range Not Satisfiable".
    Outside,
}

impl Range {
    pub(crate) fn parse(field: Option<&[u8]>, size: u64) -> Self {
        let Some((unit, ranges)) =
            field.and_then(|field| std::str::from_utf8(field).ok()).and_then(|field| field.split_once('='))
        else {
            return Self::Whole;
        };
        if !unit.trim().eq_ignore_ascii_case("bytes") || ranges.contains(',') {
            return Self::Whole;
        }
        let Some((first, last)) = ranges.trim().split_once('-') else { return Self::Whole };
        match (number(first), number(last)) {
            // The last bytes of the file.
            (Some(None), Some(Some(suffix))) => match suffix.min(size) {
                0 => Self::Outside,
                length => Self::Part { offset: size - length, length },
            },
            (Some(Some(first)), Some(last)) => match last {
                Some(last) if last < first => Self::Whole,
                _ if first >= size => Self::Outside,
                last => Self::Part {
                    offset: first,
                    length: last.map_or(size, |last| last.saturating_add(1).min(size)) - first,
                },
            },
            _ => Self::Whole,
        }
    }
}

/// Digits, or nothing at all; a number too large to count is as large as can be.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood_and_everything_else_is_the_whole_file() {
        let range = |field: &str| Range::parse(Some(field.as_bytes()), 10);
        let part = |offset, length| Range::Part { offset, length };
        for (field, expected) in [
            ("bytes=0-3", part(0, 4)),
            ("bytes=0-0", part(0, 1)),
            ("Bytes = 4-", part(4, 6)),
            ("bytes=9-99", part(9, 1)),
            ("bytes=2-18446744073709551615", part(2, 8)),
            ("bytes=2-99999999999999999999999", part(2, 8)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-30", part(0, 10)),
            ("bytes=10-", Range::Outside),
            ("bytes=99999999999999999999999-", Range::Outside),
            ("bytes=-0", Range::Outside),
            ("bytes=3-2", Range::Whole),
            ("bytes=0-1,3-4", Range::Whole),
            ("bytes=-", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("bytes=+1-2", Range::Whole),
            ("lines=1-2", Range::Whole),
            ("bytes", Range::Whole),
        ] {
            assert_eq!(range(field), expected, "{field}");
        }
        assert_eq!(Range::parse(None, 10), Range::Whole);
        assert_eq!(Range::parse(Some(b"bytes=0-"), 0), Range::Outside);
        assert_eq!(Range::parse(Some(b"bytes=-1"), 0), Range::Outside);
    }
}
