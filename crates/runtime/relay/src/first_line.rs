//! The first line of the response of a program whose name begins with `nph-`: the server has written a field, as it always
//! does, and the web server sends on what it gets as it is (RFC 3875 §5).

use alloc::borrow::Cow;
use alloc::vec::Vec;

const FIELD: &[u8] = b"Status: ";

/// What stands where the status is, until it has come.
#[derive(Debug)]
pub(crate) enum FirstLine {
    /// It passes, like all that follows it.
    Passes,
    /// So much of it has come. The server is one of Millau's own, so it is no longer than a line that Millau writes.
    Awaited(Vec<u8>),
}

impl FirstLine {
    pub(crate) fn new(is_nph: bool) -> Self {
        if is_nph { Self::Awaited(Vec::new()) } else { Self::Passes }
    }

    /// What is to be passed on now that `data` has come: nothing as long as the line is not whole.
    pub(crate) fn pass<'a>(&mut self, data: &'a [u8]) -> Cow<'a, [u8]> {
        let Self::Awaited(begun) = self else { return data.into() };
        begun.extend_from_slice(data);
        let Some(end) = begun.windows(2).position(|pair| pair == b"\r\n") else { return Cow::default() };
        let (line, rest) = begun.split_at(end);
        let status = line.strip_prefix(FIELD).unwrap_or(line);
        let whole = [b"HTTP/1.1 ", status, b"\r\nConnection: close", rest].concat();
        *self = Self::Passes;
        whole.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_becomes_a_status_line_however_it_comes() {
        let response = b"Status: 200 OK\r\nContent-Length: 2\r\n\r\nStatus: \r\n";
        for piece in 1..=response.len() {
            let mut line = FirstLine::new(true);
            let passed: Vec<u8> = response.chunks(piece).flat_map(|data| line.pass(data).into_owned()).collect();
            let expected = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nStatus: \r\n";
            assert_eq!(passed, expected, "{piece}");
        }
    }

    #[test]
    fn what_the_web_server_parses_passes_untouched() {
        assert_eq!(*FirstLine::new(false).pass(b"Status: 2"), *b"Status: 2");
    }
}
