//! Names and values, each after its length.

/// The names and values of a request in their order.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    rest: &'a [u8],
}

impl<'a> Pairs<'a> {
    pub(crate) fn of(block: &'a [u8]) -> Self {
        Self { rest: block }
    }

    /// True when every byte has been part of a pair.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = text(self.rest)?;
        let (value, rest) = text(rest)?;
        self.rest = rest;
        Some((name, value))
    }
}

/// A text after its length, and what follows; nothing if it would reach beyond the end.
fn text(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = input.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_le_bytes(*length).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_whole_or_none() {
        let block = b"\x01\0A\0\0\x02\0BC\x01\0d";
        let mut pairs = Pairs::of(block);
        assert_eq!(pairs.next(), Some((&b"A"[..], &b""[..])));
        assert_eq!(pairs.next(), Some((&b"BC"[..], &b"d"[..])));
        assert_eq!((pairs.next(), pairs.is_at_end()), (None, true));
        for cut in [1, 2, 3, 4, 6, 7, 8, 9, 10, 11] {
            let mut pairs = Pairs::of(&block[..cut]);
            assert_eq!(pairs.by_ref().count(), usize::from(cut >= 5), "{cut}");
            assert!(!pairs.is_at_end(), "{cut}");
        }
    }

    #[test]
    fn a_length_may_have_two_bytes() {
        let block = [&b"\x01\0A\x01\x01"[..], &[b'x'; 257]].concat();
        assert_eq!(Pairs::of(&block).next().unwrap().1.len(), 257);
    }
}
