//! Takes a packet off the wire.

use memchr::memchr;
use millau_gateway::token::decimal;

use crate::packet_header::{Modifier, PacketHeader, SIZE};
use crate::{Limits, Pairs, Violation};

/// A whole packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// A request; its body follows.
    Request(RequestHead<'a>),
    /// A ping, four bytes long, that wants [`PONG`](crate::PONG) and is no affair of the application.
    Ping,
}

/// The variables of a request, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// Bytes of the packet; the body follows.
    pub length: usize,
    /// Bytes of the body; nothing where `CONTENT_LENGTH` is absent or empty, and then there is no body.
    pub content_length: Option<u64>,
    /// Set by modifier 30: where PATH_INFO begins with SCRIPT_NAME, that beginning is to be taken off it.
    pub manage_path_info: bool,
    block: &'a [u8],
}

impl<'a> RequestHead<'a> {
    /// The variables in their order, those that are [instructions](crate::is_instruction) included. A name may occur
    /// more than once: some versions of nginx repeat what the client has repeated.
    pub fn pairs(&self) -> Pairs<'a> {
        Pairs::of(self.block)
    }
}

/// Takes what was received so far and gives the packet as soon as it is whole.
///
/// `input` is everything from the first byte of the connection on; `Ok(None)` asks for more of it. Until the packet is
/// whole, a call looks at no more than its first four bytes.
///
/// # Errors
/// A [`Violation`], the same however the bytes were split.
pub fn receive<'a>(input: &'a [u8], limits: &Limits) -> Result<Option<Received<'a>>, Violation> {
    let Some(header) = PacketHeader::read(input)? else { return Ok(None) };
    if header.modifier == Modifier::Ping {
        return Ok(Some(Received::Ping));
    }
    if header.size > limits.block_size {
        return Err(Violation::BlockTooLarge);
    }
    let length = SIZE + header.size;
    let Some(block) = input.get(SIZE..length) else { return Ok(None) };
    let content_length = check(block, limits)?;
    let manage_path_info = header.modifier == Modifier::ManagePathInfo;
    Ok(Some(Received::Request(RequestHead { length, content_length, manage_path_info, block })))
}

/// Checks the variables and gives the length of the body.
fn check(block: &[u8], limits: &Limits) -> Result<Option<u64>, Violation> {
    let mut pairs = Pairs::of(block);
    let mut content_length = None;
    for (index, (name, value)) in pairs.by_ref().enumerate() {
        if index == limits.pairs {
            return Err(Violation::TooManyPairs);
        }
        if name.is_empty() {
            return Err(Violation::EmptyName);
        }
        if memchr(0, name).is_some() || memchr(0, value).is_some() {
            return Err(Violation::Nul);
        }
        if name == b"CONTENT_LENGTH" && content_length.replace(value).is_some_and(|before| before != value) {
            return Err(Violation::RepeatedContentLength);
        }
    }
    if !pairs.is_at_end() {
        return Err(Violation::Overrun);
    }
    let Some(value) = content_length.filter(|value| !value.is_empty()) else { return Ok(None) };
    if !value.iter().all(u8::is_ascii_digit) {
        return Err(Violation::ContentLength);
    }
    let length = decimal(value).filter(|length| *length <= limits.body_size);
    length.map(Some).ok_or(Violation::BodyTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(pairs: &[(&str, &str)]) -> Vec<u8> {
        let mut block = Vec::new();
        for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
            block.extend_from_slice(&u16::try_from(text.len()).unwrap().to_le_bytes());
            block.extend_from_slice(text.as_bytes());
        }
        block
    }

    fn packet(modifier: u8, block: &[u8]) -> Vec<u8> {
        let [low, high] = u16::try_from(block.len()).unwrap().to_le_bytes();
        [&[modifier, low, high, 0], block].concat()
    }

    fn head<'a>(input: &'a [u8], limits: &Limits) -> Result<RequestHead<'a>, Violation> {
        match receive(input, limits)?.unwrap() {
            Received::Request(head) => Ok(head),
            Received::Ping => panic!("a ping"),
        }
    }

    fn violation(pairs: &[(&str, &str)]) -> Violation {
        head(&packet(0, &block(pairs)), &Limits::default()).unwrap_err()
    }

    #[test]
    fn a_request_on_the_wire() {
        let input = b"\0\x32\0\0\x0e\0REQUEST_METHOD\x04\0POST\x0e\0CONTENT_LENGTH\x01\x003\x05\0HTTPS\0\0abc";
        let limits = Limits::default();
        for length in 0..54 {
            assert_eq!(receive(&input[..length], &limits), Ok(None), "{length}");
        }
        let head = head(input, &limits).unwrap();
        assert_eq!((head.length, head.content_length, head.manage_path_info), (54, Some(3), false));
        let pairs: Vec<_> = head.pairs().collect();
        let expected: [(&[u8], &[u8]); 3] = [(b"REQUEST_METHOD", b"POST"), (b"CONTENT_LENGTH", b"3"), (b"HTTPS", b"")];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn modifier_30_asks_for_the_path_to_be_split() {
        let input = packet(30, &block(&[("A", "b")]));
        assert!(head(&input, &Limits::default()).unwrap().manage_path_info);
    }

    #[test]
    fn a_ping_is_no_request() {
        assert_eq!(receive(b"d\0\0\0", &Limits::default()), Ok(Some(Received::Ping)));
    }

    #[test]
    fn a_full_block_is_accepted() {
        let pairs = block(&[("HTTP_COOKIE", &"c".repeat(65_535 - 15))]);
        assert_eq!(pairs.len(), 65_535);
        let input = packet(0, &pairs);
        assert_eq!(head(&input, &Limits::default()).unwrap().length, 65_539);
    }

    #[test]
    fn an_empty_content_length_is_absent() {
        for pairs in [&[("A", "b")][..], &[("CONTENT_LENGTH", "")], &[("CONTENT_LENGTH", ""), ("CONTENT_LENGTH", "")]] {
            assert_eq!(head(&packet(0, &block(pairs)), &Limits::default()).unwrap().content_length, None);
        }
        let zero = packet(0, &block(&[("CONTENT_LENGTH", "0"), ("CONTENT_LENGTH", "0")]));
        assert_eq!(head(&zero, &Limits::default()).unwrap().content_length, Some(0));
    }

    #[test]
    fn a_content_length_is_one_number() {
        for bad in ["-5", "5x", "+5", " 5", "0x5"] {
            assert_eq!(violation(&[("CONTENT_LENGTH", bad)]), Violation::ContentLength, "{bad:?}");
        }
        let two = [("CONTENT_LENGTH", "5"), ("CONTENT_LENGTH", "6")];
        assert_eq!(violation(&two), Violation::RepeatedContentLength);
        for large in ["1073741825", "99999999999999999999999"] {
            assert_eq!(violation(&[("CONTENT_LENGTH", large)]), Violation::BodyTooLarge);
        }
    }

    #[test]
    fn lengths_stay_inside_the_block() {
        let whole = block(&[("A", "b")]);
        let violation = |block: &[u8]| head(&packet(0, block), &Limits::default()).unwrap_err();
        for cut in 1..whole.len() {
            assert_eq!(violation(&whole[..cut]), Violation::Overrun, "{cut}");
        }
        assert_eq!(violation(b"\x01\0A\xff\xffb"), Violation::Overrun);
        assert_eq!(violation(b"\xff\xff\xff\xff"), Violation::Overrun);
        assert_eq!(violation(&[&whole[..], b"\0"].concat()), Violation::Overrun);
    }

    #[test]
    fn names_and_values_are_text() {
        assert_eq!(violation(&[("", "b")]), Violation::EmptyName);
        assert_eq!(violation(&[("A\0", "b")]), Violation::Nul);
        assert_eq!(violation(&[("A", "b\0")]), Violation::Nul);
    }

    #[test]
    fn the_limits_hold() {
        let input = packet(0, &block(&[("A", "b"), ("CONTENT_LENGTH", "10")]));
        let fine = Limits { block_size: 26, pairs: 2, body_size: 10 };
        assert!(head(&input, &fine).is_ok());
        assert_eq!(receive(&input[..4], &Limits { block_size: 25, ..fine }), Err(Violation::BlockTooLarge));
        assert_eq!(head(&input, &Limits { pairs: 1, ..fine }), Err(Violation::TooManyPairs));
        assert_eq!(head(&input, &Limits { body_size: 9, ..fine }), Err(Violation::BodyTooLarge));
    }
}
