//! Which bytes may stand where (RFC 9110 §5.5 and §5.6.2).

/// A byte of a token: a method, a field name, a chunk extension's name.
///
/// `tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA`
pub(crate) fn is_token_byte(byte: u8) -> bool {
    const TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~");
    TOKEN[byte as usize]
}

/// True for letters, digits and `marks`.
pub(crate) const fn table(marks: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut index = 0;
    while index < marks.len() {
        table[marks[index] as usize] = true;
        index += 1;
    }
    table
}

/// A byte of a field value or of a quoted string: anything but control characters, of which only the tab may stand there.
///
/// `field-vchar = VCHAR / obs-text`, with SP and HTAB between.
pub(crate) fn is_value_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Whether a token is `lower`, without case: `lower` consists of small letters and hyphens. A fixed length and no way out
/// before the end make this a few wide instructions.
pub(crate) fn is_same<const N: usize>(token: &[u8], lower: &[u8; N]) -> bool {
    let Ok(token) = <&[u8; N]>::try_from(token) else { return false };
    // Setting this bit makes letters small. It makes a hyphen, too, of a CR, which is in no token and no value.
    let difference = token.iter().zip(lower).fold(0, |difference, (byte, lower)| difference | ((byte | 0x20) ^ lower));
    difference == 0
}

/// Without optional white space at either end: `OWS = *( SP / HTAB )` (RFC 9110 §5.6.3).
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_those_of_the_grammar() {
        let tokens: Vec<u8> = (0..=255).filter(|byte| is_token_byte(*byte)).collect();
        let expected = b"!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~";
        assert_eq!(tokens, expected);
    }

    #[test]
    fn values_hold_no_control_characters() {
        let refused: Vec<u8> = (0..=255).filter(|byte| !is_value_byte(*byte)).collect();
        assert_eq!(refused, (0..9).chain(10..32).chain([127]).collect::<Vec<u8>>());
    }

    #[test]
    fn compares_without_case() {
        assert!(is_same(b"Content-LENGTH", b"content-length"));
        assert!(!is_same(b"Content-Lengt", b"content-length") && !is_same(b"Content_Length", b"content-length"));
        for byte in (0..=255).filter(|byte| is_value_byte(*byte)) {
            assert_eq!(is_same(&[byte], b"k"), byte == b'k' || byte == b'K');
            assert_eq!(is_same(&[byte], b"-"), byte == b'-');
        }
    }

    #[test]
    fn trims_only_spaces_and_tabs() {
        assert_eq!(trim(b" \t a b\t "), b"a b");
        assert_eq!(trim(b"\r\n"), b"\r\n");
        assert_eq!(trim(b" "), b"");
    }
}
