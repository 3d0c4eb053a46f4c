//! Takes the variables of a request off the wire.

use millau_gateway::token::decimal;

use crate::netstring::Frame;
use crate::pairs::repeated_name;
use crate::{Limits, Pairs, Violation};

/// What every request begins with, after the length.
const FIRST: &[u8] = b"CONTENT_LENGTH\0";

/// The variables of a request, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// Bytes of the netstring; the body follows.
    pub length: usize,
    /// Bytes of the body.
    pub content_length: u64,
    block: &'a [u8],
}

impl<'a> RequestHead<'a> {
    /// The variables in their order.
    pub fn pairs(&self) -> Pairs<'a> {
        Pairs::of(self.block)
    }
}

/// Takes what was received of a request so far and gives its head as soon as it is whole.
///
/// `input` is everything from the first byte of the connection on; `Ok(None)` asks for more of it. Until the head is
/// whole, a call looks at no more than its first few bytes.
///
/// # Errors
/// A [`Violation`], the same however the bytes were split, and at the first byte that can tell.
pub fn receive_request_head<'a>(input: &'a [u8], limits: &Limits) -> Result<Option<RequestHead<'a>>, Violation> {
    let Some(frame) = Frame::read(input, limits.head_size)? else { return Ok(None) };
    let content = &input[frame.start..];
    let block = &content[..content.len().min(frame.length)];
    let known = block.len().min(FIRST.len());
    if block[..known] != FIRST[..known] || (known < FIRST.len() && block.len() == frame.length) {
        return Err(Violation::ContentLengthNotFirst);
    }
    match content.get(frame.length) {
        None => return Ok(None),
        Some(b',') => {}
        Some(_) => return Err(Violation::MissingComma),
    }
    let content_length = check(block, limits)?;
    Ok(Some(RequestHead { length: frame.start + frame.length + 1, content_length, block }))
}

/// Checks the variables and gives the length of the body.
fn check(block: &[u8], limits: &Limits) -> Result<u64, Violation> {
    let mut pairs = Pairs::of(block);
    let mut is_version_1 = false;
    let mut content_length = None;
    for (index, (name, value)) in pairs.by_ref().enumerate() {
        if index == limits.pairs {
            return Err(Violation::TooManyPairs);
        }
        if name.is_empty() {
            return Err(Violation::EmptyName);
        }
        if index == 0 {
            content_length = Some(value);
        }
        is_version_1 |= name == b"SCGI" && value == b"1";
    }
    if !pairs.is_at_end() {
        return Err(Violation::NotPairs);
    }
    if let Some(name) = repeated_name(Pairs::of(block)) {
        return Err(Violation::RepeatedName(shown(name)));
    }
    if !is_version_1 {
        return Err(Violation::NotVersion1);
    }
    let digits = content_length.filter(|value| !value.is_empty() && value.iter().all(u8::is_ascii_digit));
    let length = decimal(digits.ok_or(Violation::ContentLength)?);
    length.filter(|length| *length <= limits.body_size).ok_or(Violation::BodyTooLarge)
}

/// The beginning of a name, fit to be shown.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(&name[..name.len().min(64)]).replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request of the specification's example.
    const EXAMPLE: &[u8] = b"70:CONTENT_LENGTH\x0027\0SCGI\x001\0REQUEST_METHOD\0POST\0REQUEST_URI\0/deepthought\0,\
                             What is the answer to life?";

    fn received(input: &[u8]) -> Result<Option<RequestHead<'_>>, Violation> {
        receive_request_head(input, &Limits::default())
    }

    fn netstring(content: &str) -> Vec<u8> {
        format!("{}:{content},", content.len()).into_bytes()
    }

    fn violation(content: &str) -> Violation {
        received(&netstring(content)).unwrap_err()
    }

    #[test]
    fn the_example_of_the_specification() {
        let head = received(EXAMPLE).unwrap().unwrap();
        assert_eq!((head.length, head.content_length), (74, 27));
        let pairs: Vec<_> = head.pairs().collect();
        let expected: [(&[u8], &[u8]); 4] = [
            (b"CONTENT_LENGTH", b"27"),
            (b"SCGI", b"1"),
            (b"REQUEST_METHOD", b"POST"),
            (b"REQUEST_URI", b"/deepthought"),
        ];
        assert_eq!(pairs, expected);
        for length in 0..74 {
            assert_eq!(received(&EXAMPLE[..length]), Ok(None), "{length}");
        }
    }

    #[test]
    fn the_content_length_comes_first() {
        assert_eq!(violation(""), Violation::ContentLengthNotFirst);
        assert_eq!(violation("CONTENT"), Violation::ContentLengthNotFirst);
        assert_eq!(violation("SCGI\x001\0CONTENT_LENGTH\x000\0"), Violation::ContentLengthNotFirst);
        assert_eq!(received(b"99:S"), Err(Violation::ContentLengthNotFirst), "shows at the first byte");
    }

    #[test]
    fn the_content_length_is_a_number() {
        for bad in ["", "-5", "5x", "+5", " 5", "0x5"] {
            assert_eq!(violation(&format!("CONTENT_LENGTH\0{bad}\0SCGI\x001\0")), Violation::ContentLength, "{bad:?}");
        }
        for large in ["1073741825", "99999999999999999999999"] {
            assert_eq!(violation(&format!("CONTENT_LENGTH\0{large}\0SCGI\x001\0")), Violation::BodyTooLarge);
        }
    }

    #[test]
    fn the_version_is_1() {
        for bad in ["", "SCGI\x002\0", "SCGI\0\0", "scgi\x001\0"] {
            assert_eq!(violation(&format!("CONTENT_LENGTH\x000\0{bad}")), Violation::NotVersion1);
        }
    }

    #[test]
    fn names_and_values_are_pairs() {
        for bad in ["A", "A\0", "A\0b", "A\0b\0C\0"] {
            assert_eq!(violation(&format!("CONTENT_LENGTH\x000\0SCGI\x001\0{bad}")), Violation::NotPairs, "{bad:?}");
        }
        assert_eq!(violation("CONTENT_LENGTH\x000\0\0b\0SCGI\x001\0"), Violation::EmptyName);
    }

    #[test]
    fn a_name_stands_there_once() {
        for name in ["CONTENT_LENGTH", "SCGI", "REQUEST_METHOD"] {
            let content = format!("CONTENT_LENGTH\x000\0SCGI\x001\0REQUEST_METHOD\0GET\0{name}\x001\0");
            assert_eq!(violation(&content), Violation::RepeatedName(name.into()));
        }
        let content = netstring("CONTENT_LENGTH\x000\0SCGI\x001\0HTTP_ACCEPT\0a\0HTTP_ACCEPT\0b\0");
        assert_eq!(received(&content).unwrap().unwrap().pairs().count(), 4);
    }

    #[test]
    fn the_comma_is_where_the_length_says() {
        let mut wrong = netstring("CONTENT_LENGTH\x000\0SCGI\x001\0");
        *wrong.last_mut().unwrap() = b';';
        assert_eq!(received(&wrong), Err(Violation::MissingComma));
    }

    #[test]
    fn the_limits_hold() {
        let content = netstring("CONTENT_LENGTH\x0010\0SCGI\x001\0A\0b\0");
        let fine = Limits { head_size: 29, pairs: 3, body_size: 10 };
        let with = |limits| receive_request_head(&content, &limits);
        assert!(with(fine).is_ok());
        assert_eq!(with(Limits { head_size: 28, ..fine }), Err(Violation::HeadTooLarge));
        assert_eq!(with(Limits { pairs: 2, ..fine }), Err(Violation::TooManyPairs));
        assert_eq!(with(Limits { body_size: 9, ..fine }), Err(Violation::BodyTooLarge));
    }
}
