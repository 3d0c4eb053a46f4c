//! Text as a Python string literal on one line.

/// Appends `text` between double quotes. CR LF becomes LF, as mod_python had it.
///
/// Bytes that are not UTF-8 become the lone surrogates of Python's `surrogateescape`, so that whoever encodes the string with
/// that error handler sends them as they stand in the page.
pub(crate) fn push(out: &mut String, text: &[u8]) {
    out.push('"');
    for chunk in text.utf8_chunks() {
        let mut characters = chunk.valid().chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\r' if characters.peek() == Some(&'\n') => {}
                '\r' => out.push_str("\\r"),
                '\n' => out.push_str("\\n"),
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\t' => out.push('\t'),
                control if control.is_ascii_control() => out.push_str(&format!("\\x{:02x}", control as u32)),
                character => out.push(character),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\udc{byte:02x}"));
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    fn literal(text: &[u8]) -> String {
        let mut out = String::new();
        super::push(&mut out, text);
        out
    }

    #[test]
    fn every_byte_of_the_page_comes_out_as_it_is() {
        assert_eq!(literal(b"a\"b\\n\\\r\nc\r\td\0"), r#""a\"b\\n\\\nc\r	d\x00""#);
        assert_eq!(literal("ä€".as_bytes()), "\"ä€\"");
        assert_eq!(literal(b"a\xe9b"), r#""a\udce9b""#);
    }
}
