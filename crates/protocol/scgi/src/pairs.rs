//! Names and values, each followed by NUL.

use memchr::memchr;

/// The names and values of a request in their order, `CONTENT_LENGTH` and `SCGI` included.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    rest: &'a [u8],
}

impl<'a> Pairs<'a> {
    pub(crate) fn of(block: &'a [u8]) -> Self {
        Self { rest: block }
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let end = memchr(0, self.rest)?;
        let text = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        Some(text)
    }

    /// True when every byte has been part of a pair.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let before = self.rest;
        let pair = self.text().zip(self.text());
        if pair.is_none() {
            self.rest = before;
        }
        pair
    }
}

/// A name that occurs twice though it must not: one that does not begin with `HTTP_`.
pub(crate) fn repeated_name<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Option<&'a [u8]> {
    let mut names: Vec<&[u8]> = pairs.map(|(name, _)| name).filter(|name| !name.starts_with(b"HTTP_")).collect();
    names.sort_unstable();
    names.windows(2).find(|two| two[0] == two[1]).map(|two| two[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_whole_or_none() {
        let mut pairs = Pairs::of(b"A\0\0B\0c\0D\0e");
        assert_eq!(pairs.next(), Some((&b"A"[..], &b""[..])));
        assert_eq!(pairs.next(), Some((&b"B"[..], &b"c"[..])));
        assert_eq!((pairs.next(), pairs.is_at_end()), (None, false));
        assert!(Pairs::of(b"").is_at_end());
    }

    #[test]
    fn only_fields_may_be_repeated() {
        let repeated = |block: &'static [u8]| repeated_name(Pairs::of(block));
        assert_eq!(repeated(b"B\0\0A\0\0C\0\0A\x001\0"), Some(&b"A"[..]));
        assert_eq!(repeated(b"HTTP_A\0\0A\0\0HTTP_A\0\0"), None);
    }
}
