//! Where a head ends, found while its bytes arrive, and when waiting for the end is in vain.

use memchr::memchr;
use millau_gateway::token::is_token_byte;

use crate::{Limits, Refusal};

/// Longer than any method that is registered (`UPDATEREDIRECTREF` has 17 bytes).
pub(crate) const METHOD_SIZE: usize = 32;

/// Looks for the end of a head in bytes that arrive in pieces, and searches no byte twice: a client that sends one byte at
/// a time costs no more than one that sends them together.
///
/// A head that cannot become valid ends where that shows: at a line that ends with LF alone, and after a first line that
/// is no request line of HTTP/1. [`parse_request_head`](crate::parse_request_head) then says what is wrong, and nobody
/// waits for the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadEnd {
    /// Every line end before this position has been looked at.
    scanned: u32,
    has_request_line: bool,
}

impl HeadEnd {
    /// The length of the head, with the empty line that ends it. `input` is everything that was received so far, from the
    /// first byte of the head on; call again with the same bytes and more while there is `None`.
    pub fn find(&mut self, input: &[u8]) -> Option<usize> {
        let mut from = self.scanned as usize;
        while let Some(length) = input.get(from..).and_then(|rest| memchr(b'\n', rest)) {
            let line_feed = from + length;
            from = line_feed + 1;
            if line_feed == 0 || input[line_feed - 1] != b'\r' {
                return Some(from);
            }
            let is_first = line_feed == 1;
            let is_empty = is_first || input[line_feed - 2] == b'\n';
            if self.has_request_line {
                if is_empty {
                    return Some(from);
                }
            } else if !is_first {
                if is_empty || !may_be_request_line(&input[..line_feed - 1]) {
                    return Some(from);
                }
                self.has_request_line = true;
            }
        }
        self.scanned = u32::try_from(input.len()).unwrap_or(u32::MAX);
        None
    }
}

fn may_be_request_line(line: &[u8]) -> bool {
    matches!(line, [.., b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9'])
}

/// True while nothing of a request has arrived but (a part of) the one empty line that may stand before it (RFC 9112
/// §2.2): a connection in this state is idle.
pub fn is_blank(input: &[u8]) -> bool {
    b"\r\n".starts_with(input)
}

/// Says whether the beginning of a request can never become a valid one; looks at no more than its first few bytes.
pub fn hopeless(input: &[u8]) -> Option<Refusal> {
    if is_blank(input) {
        return None;
    }
    let line = input.strip_prefix(b"\r\n").unwrap_or(input);
    for (position, byte) in line.iter().enumerate() {
        match byte {
            b' ' if position > 0 => return None,
            b'\r' | b'\n' if position == 0 => return Some(Refusal::EmptyLines),
            b'\r' | b'\n' => return Some(Refusal::RequestLine),
            byte if !is_token_byte(*byte) => return Some(Refusal::NotHttp),
            _ if position == METHOD_SIZE => return Some(Refusal::MethodTooLong),
            _ => {}
        }
    }
    None
}

/// Says whether a head that has not ended yet is already too large: 414 if its target is, else 431. A head that fills the
/// limit without its end is too large, so nobody needs room for more.
pub fn head_too_large(input_length: usize, limits: &Limits, input: &[u8]) -> Option<Refusal> {
    if input_length > limits.target_size && target_length(input) > limits.target_size {
        return Some(Refusal::TargetTooLong);
    }
    (input_length >= limits.head_size).then_some(Refusal::HeadTooLarge)
}

/// Bytes between the first space of the request line and the next space or line end, as far as they are here.
pub(crate) fn target_length(input: &[u8]) -> usize {
    let line = input.strip_prefix(b"\r\n").unwrap_or(input);
    let Some(space) = memchr(b' ', &line[..line.len().min(METHOD_SIZE + 1)]) else { return 0 };
    let target = &line[space + 1..];
    memchr::memchr3(b' ', b'\r', b'\n', target).unwrap_or(target.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"\r\nGET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";

    #[test]
    fn finds_the_end_however_the_bytes_arrive() {
        for at in 0..HEAD.len() {
            let mut end = HeadEnd::default();
            assert_eq!(end.find(&HEAD[..at]), None, "{at}");
            assert_eq!(end.find(&[HEAD, b"GET"].concat()), Some(HEAD.len()), "{at}");
        }
    }

    #[test]
    fn searches_no_byte_twice() {
        for at in 10..HEAD.len() {
            let mut end = HeadEnd::default();
            assert_eq!(end.find(&HEAD[..at]), None);
            // What was looked at now has early ends, which must not be seen; a later line end looks back at ten bytes.
            let mut changed = HEAD.to_vec();
            changed[..at - 10].fill(b'\n');
            assert_eq!(end.find(&changed), Some(HEAD.len()), "{at}");
        }
    }

    #[test]
    fn ends_where_a_head_cannot_go_on() {
        let find = |input: &[u8]| HeadEnd::default().find(input);
        assert_eq!(find(b"\n"), Some(1));
        assert_eq!(find(b"\r\n\r\n"), Some(4));
        assert_eq!(find(b"GET /\r\nHost"), Some(7));
        assert_eq!(find(b"GET / HTTP/2.0\r\nHost"), Some(16));
        assert_eq!(find(b"GET / HTTP/1.1\nHost: a\r\n\r\n"), Some(15));
        assert_eq!(find(b"GET / HTTP/1.1\r\nHost: a\n\n"), Some(24));
        assert_eq!(find(b"GET / HTTP/1.1\r\n\r\n"), Some(18));
    }

    #[test]
    fn is_small() {
        assert!(size_of::<HeadEnd>() <= 8);
    }

    #[test]
    fn an_idle_connection_is_not_hopeless() {
        for blank in [&b""[..], b"\r", b"\r\n"] {
            assert!(is_blank(blank) && hopeless(blank).is_none());
        }
        assert!(!is_blank(b"\n") && !is_blank(b"\r\n\r") && !is_blank(b"G"));
        assert_eq!(hopeless(b"\r\nGE"), None);
        assert_eq!(hopeless(&[b'M'; METHOD_SIZE]), None);
        assert_eq!(hopeless(&[b'M'; METHOD_SIZE + 1]), Some(Refusal::MethodTooLong));
    }

    #[test]
    fn what_is_too_large_shows_before_the_end() {
        let limits = Limits { head_size: 50, target_size: 20, ..Limits::default() };
        let too_large = |input: &[u8]| head_too_large(input.len(), &limits, input);
        assert_eq!(too_large(&[b"GET ", &[b'a'; 20][..]].concat()), None);
        assert_eq!(too_large(&[b"GET ", &[b'a'; 21][..]].concat()), Some(Refusal::TargetTooLong));
        let fields = |length| [&b"GET / HTTP/1.1\r\nX: "[..], &vec![b'x'; length]].concat();
        assert_eq!(too_large(&fields(30)), None);
        assert_eq!(too_large(&fields(31)), Some(Refusal::HeadTooLarge));
    }
}
