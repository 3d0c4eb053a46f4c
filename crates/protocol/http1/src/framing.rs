//! Where a request's body ends (RFC 9112 §6).

use millau_gateway::Version;
use millau_gateway::token::trim;

use crate::{Limits, Refusal};

/// How the end of a request's body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// So many bytes, at least one.
    Length(u64),
    /// The chunked transfer coding (RFC 9112 §7.1).
    Chunked,
}

/// What the fields of a head say about its body, gathered while they pass.
///
/// Choices where RFC 9112 §6.3 leaves room: a second Content-Length is refused even if it is equal, a request with both
/// Transfer-Encoding and Content-Length is refused instead of repaired, and empty elements in Transfer-Encoding are
/// refused: no honest client needs them, and every smuggler does.
#[derive(Debug, Default)]
pub(crate) struct BodyFields<'a> {
    content_length: Option<u64>,
    coding: Option<&'a [u8]>,
    /// What the Transfer-Encoding fields before the last one say together.
    earlier_codings: Codings,
}

impl<'a> BodyFields<'a> {
    /// Takes a Content-Length field.
    pub(crate) fn add_content_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.content_length.is_some() {
            return Err(Refusal::RepeatedContentLength);
        }
        self.content_length = Some(decimal(value)?);
        Ok(())
    }

    /// What Content-Length says, if there is one.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    /// Takes a Transfer-Encoding field; several are one list.
    pub(crate) fn add_transfer_encoding(&mut self, value: &'a [u8]) {
        if let Some(earlier) = self.coding {
            self.earlier_codings.add(earlier.split(|byte| *byte == b','));
        }
        self.coding = Some(value);
    }

    /// Decides by all of them.
    pub(crate) fn framing(&self, version: Version, limits: &Limits) -> Result<Framing, Refusal> {
        if let Some(coding) = self.coding {
            if version == Version::Http10 {
                return Err(Refusal::CodingInHttp10);
            }
            if self.content_length.is_some() {
                return Err(Refusal::CodingAndLength);
            }
            if coding.eq_ignore_ascii_case(b"chunked") && self.earlier_codings == Codings::None {
                return Ok(Framing::Chunked);
            }
            return Err(self.coding_refusal(coding));
        }
        match self.content_length {
            None | Some(0) => Ok(Framing::None),
            Some(length) if length > limits.body_size => Err(Refusal::BodyTooLarge),
            Some(length) => Ok(Framing::Length(length)),
        }
    }

    /// A list that ends with `chunked` has a length, only that the codings under it are unknown (501); any other has no
    /// length that could be known (400).
    #[cold]
    fn coding_refusal(&self, last_field: &[u8]) -> Refusal {
        let mut codings = last_field.rsplit(|byte| *byte == b',');
        let last = codings.next().map(trim).unwrap_or_default();
        let mut before = self.earlier_codings;
        before.add(codings);
        if last.eq_ignore_ascii_case(b"chunked") && before == Codings::Unknown {
            Refusal::UnknownCoding
        } else {
            Refusal::CodingNotChunked
        }
    }
}

/// What stands before the last transfer coding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Codings {
    #[default]
    None,
    /// Codings that are not known here.
    Unknown,
    /// An empty element, or `chunked`, which may only be the last.
    Wrong,
}

impl Codings {
    fn add<'a>(&mut self, codings: impl Iterator<Item = &'a [u8]>) {
        for coding in codings.map(trim) {
            let is_wrong = coding.is_empty() || coding.eq_ignore_ascii_case(b"chunked");
            *self = if is_wrong || *self == Self::Wrong { Self::Wrong } else { Self::Unknown };
        }
    }
}

/// `Content-Length = 1*DIGIT` (RFC 9110 §8.6); a number that does not fit is a body that is too large.
pub(crate) fn decimal(digits: &[u8]) -> Result<u64, Refusal> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::ContentLength);
    }
    digits
        .iter()
        .try_fold(0u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .ok_or(Refusal::BodyTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_codings(codings: &[&str]) -> Result<Framing, Refusal> {
        let mut fields = BodyFields::default();
        codings.iter().for_each(|coding| fields.add_transfer_encoding(coding.as_bytes()));
        fields.framing(Version::Http11, &Limits::default())
    }

    #[test]
    fn only_chunked_alone_is_understood() {
        assert_eq!(by_codings(&["chunked"]), Ok(Framing::Chunked));
        assert_eq!(by_codings(&["CHUNKED"]), Ok(Framing::Chunked));
        for unknown in [&["gzip, chunked"][..], &["gzip", "chunked"], &["identity,chunked"], &["a;b=\"c\", chunked"]] {
            assert_eq!(by_codings(unknown), Err(Refusal::UnknownCoding), "{unknown:?}");
        }
        for bad in [
            &["gzip"][..],
            &["identity"],
            &[""],
            &["chunked, gzip"],
            &["chunked", "gzip"],
            &["chunked, chunked"],
            &["chunked", "chunked"],
            &["chunked", "gzip, chunked"],
            &["gzip, chunked", "chunked"],
            &[", chunked"],
            &["", "chunked"],
            &["gzip", "", "chunked"],
            &["gzip,, chunked"],
            &["chunked,"],
            &["xchunked"],
            &["\"chunked\""],
            &["chunked;q=1"],
            &["chunked\u{b}"],
            &["'chunked'"],
        ] {
            assert_eq!(by_codings(bad), Err(Refusal::CodingNotChunked), "{bad:?}");
        }
    }

    #[test]
    fn lengths_are_digits() {
        assert_eq!(decimal(b"0"), Ok(0));
        assert_eq!(decimal(b"000000000000000000000000000000005"), Ok(5));
        assert_eq!(decimal(b"18446744073709551615"), Ok(u64::MAX));
        assert_eq!(decimal(b"18446744073709551616"), Err(Refusal::BodyTooLarge));
        for bad in ["", "+5", "-5", "5,5", "5, 5", "0x5", "1_0", "5 5", "5.", "1e3", "\u{b2}"] {
            assert_eq!(decimal(bad.as_bytes()), Err(Refusal::ContentLength), "{bad}");
        }
    }

    #[test]
    fn a_body_within_the_limit() {
        let limits = Limits { body_size: 10, ..Limits::default() };
        let by_length = |length: &[u8]| {
            let mut fields = BodyFields::default();
            fields.add_content_length(length).unwrap();
            fields.framing(Version::Http10, &limits)
        };
        assert_eq!(by_length(b"10"), Ok(Framing::Length(10)));
        assert_eq!(by_length(b"11"), Err(Refusal::BodyTooLarge));
        assert_eq!(by_length(b"00"), Ok(Framing::None));
    }
}
