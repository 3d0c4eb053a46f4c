//! One line of the header of a CGI response (RFC 3875 §6.3).

use memchr::memchr;
use millau_gateway::token::{is_token_byte, is_value_byte, trim};

use crate::{Defect, Quote};

/// `header-field = field-name ":" [ field-value ] NL`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeaderLine<'a> {
    pub(crate) name: &'a [u8],
    /// Without white space at either end.
    pub(crate) value: &'a [u8],
}

impl<'a> HeaderLine<'a> {
    /// Reads a line, without its line end, that is not empty. `number` counts from 1.
    pub(crate) fn parse(line: &'a [u8], number: usize) -> Result<Self, Defect> {
        let is_first = number == 1;
        if is_first && line.starts_with(b"\xef\xbb\xbf") {
            return Err(Defect::ByteOrderMark);
        }
        if is_first && line.starts_with(b"HTTP/") {
            return Err(Defect::StatusLine(Quote::of(line)));
        }
        if !is_first && matches!(line, [b' ' | b'\t', ..]) {
            return Err(Defect::Folded { line: number });
        }
        let colon = memchr(b':', line).unwrap_or_default();
        let (name, value) = (&line[..colon], trim(line.get(colon + 1..).unwrap_or_default()));
        if !is_token(name) {
            let spaced = name.trim_ascii_end();
            return Err(match () {
                () if is_token(spaced) => Defect::SpaceBeforeColon { line: number, name: Quote::of(spaced) },
                () if is_first => Defect::OutputBeforeHeader(Quote::of(line)),
                () => Defect::NoBlankLine { line: number, found: Some(Quote::of(line)) },
            });
        }
        if !value.iter().all(|byte| is_value_byte(*byte)) {
            return Err(Defect::ControlCharacter { line: number, name: Quote::of(name) });
        }
        Ok(Self { name, value })
    }
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_value() {
        let line = HeaderLine::parse(b"X-A:\t b: c ", 1).unwrap();
        assert_eq!((line.name, line.value), (&b"X-A"[..], &b"b: c"[..]));
        assert_eq!(HeaderLine::parse(b"A:", 9).unwrap().value, b"");
    }

    #[test]
    fn what_is_no_header_line() {
        let defect = |line: &[u8], number| HeaderLine::parse(line, number).unwrap_err();
        for text in [&b"Hello"[..], b"<p>: x", b": x", b"Traceback (most recent call last):", b" x", b"a b: c", b"\r"] {
            assert_eq!(defect(text, 1), Defect::OutputBeforeHeader(Quote::of(text)));
        }
        assert_eq!(defect(b"<p>", 3), Defect::NoBlankLine { line: 3, found: Some(Quote::of(b"<p>")) });
        assert_eq!(defect(b"\tx: y", 2), Defect::Folded { line: 2 });
        assert_eq!(defect(b"X : y", 1), Defect::SpaceBeforeColon { line: 1, name: Quote::of(b"X") });
        assert_eq!(defect(b" X: y", 1), Defect::OutputBeforeHeader(Quote::of(b" X: y")));
        assert_eq!(defect(b"\xef\xbb\xbfX: y", 1), Defect::ByteOrderMark);
        assert_eq!(defect(b"HTTP/1.0 200 OK", 1), Defect::StatusLine(Quote::of(b"HTTP/1.0 200 OK")));
        for value in [&b"a\rb"[..], b"a\0", b"\x1b[0m", b"a\x7f", b"a\r"] {
            let line = [b"X: ", value].concat();
            assert_eq!(defect(&line, 2), Defect::ControlCharacter { line: 2, name: Quote::of(b"X") });
        }
    }
}
