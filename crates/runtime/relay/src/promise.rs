//! How long the server has promised its response to be: over a UNIX socket the end of one that breaks off looks like any other.

use alloc::vec::Vec;
use core::mem::take;

/// What of a response has come, and what its head says.
#[derive(Debug)]
pub(crate) struct Promise {
    /// The head is not over, and so much of its last line has come. The server is one of Millau's own, so its head is no longer
    /// than what Millau lets an application write.
    head: Option<Vec<u8>>,
    length: Option<u64>,
    /// No body follows, whatever the head says.
    bodiless: bool,
    received: u64,
}

impl Promise {
    /// Of a response to a HEAD request, or to another.
    pub(crate) fn new(is_head: bool) -> Self {
        Self { head: Some(Vec::new()), length: None, bodiless: is_head, received: 0 }
    }

    /// More of it has come.
    pub(crate) fn note(&mut self, mut data: &[u8]) {
        while let Some(begun) = &mut self.head {
            let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return begun.extend_from_slice(data) };
            begun.extend_from_slice(&data[..end]);
            data = &data[end + 1..];
            let line = take(begun);
            match line.strip_suffix(b"\r").unwrap_or(&line) {
                b"" => self.head = None,
                line => self.field(line),
            }
        }
        self.received += data.len() as u64;
    }

    fn field(&mut self, line: &[u8]) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            self.length = core::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
        } else if name.eq_ignore_ascii_case(b"status") {
            self.bodiless |= value.starts_with(b"304");
        }
    }

    /// True when the end of the connection, should it come now, is not that of the response.
    pub(crate) fn is_open(&self) -> bool {
        let is_short = self.length.is_some_and(|length| self.received < length);
        self.head.is_some() || is_short && !self.bodiless
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_open(is_head: bool, response: &[u8]) -> bool {
        let told = |piece: usize| {
            let mut promise = Promise::new(is_head);
            response.chunks(piece).for_each(|data| promise.note(data));
            promise.is_open()
        };
        let whole = told(response.len());
        assert!((1..response.len()).all(|piece| told(piece) == whole));
        whole
    }

    #[test]
    fn a_response_is_open_until_its_head_and_its_length_are_there() {
        let response = b"Status: 200 OK\r\ncontent-length: 3\r\n\r\na\nb";
        for end in 1..response.len() {
            assert!(is_open(false, &response[..end]), "{end}");
        }
        assert!(!is_open(false, response));
    }

    #[test]
    fn without_a_length_every_end_behind_the_head_is_one() {
        assert!(!is_open(false, b"Status: 200 OK\r\n\r\n"));
        assert!(!is_open(false, b"Status: 200 OK\r\n\r\nContent-Length: 9\r\n\r\n"));
    }

    #[test]
    fn what_has_no_body_may_promise_one() {
        assert!(!is_open(true, b"Status: 200 OK\r\nContent-Length: 9\r\n\r\n"));
        assert!(!is_open(false, b"Status: 304 Not Modified\r\nContent-Length: 9\r\n\r\n"));
    }
}
