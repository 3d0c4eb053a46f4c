//! Which bytes may stand where in a field (RFC 9110 §5.5 and §5.6), and the words made of them.

/// A byte of a token: a method, a field name, a chunk extension's name.
///
/// `tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA`
#[inline]
pub fn is_token_byte(byte: u8) -> bool {
    const TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~");
    TOKEN[byte as usize]
}

/// True for letters, digits and `marks`.
pub const fn table(marks: &[u8]) -> [bool; 256] {
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
#[inline]
pub fn is_value_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Whether a token is `lower`, without case: `lower` consists of small letters and hyphens. A fixed length and no way out
/// before the end make this a few wide instructions.
#[inline]
pub fn is_same<const N: usize>(token: &[u8], lower: &[u8; N]) -> bool {
    let Ok(token) = <&[u8; N]>::try_from(token) else { return false };
    // Setting this bit makes letters small. It makes a hyphen, too, of a CR, which is in no token and no value.
    let difference = token.iter().zip(lower).fold(0, |difference, (byte, lower)| difference | ((byte | 0x20) ^ lower));
    difference == 0
}

/// Without optional white space at either end: `OWS = *( SP / HTAB )` (RFC 9110 §5.6.3).
#[inline]
pub fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// `1*DIGIT` as a number, as in Content-Length (RFC 9110 §8.6); nothing if it is anything else, or does not fit.
pub fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| match digit {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
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

    #[test]
    fn decimals_are_digits_only() {
        assert_eq!(decimal(b"0012"), Some(12));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for bad in [&b""[..], b"-1", b"+1", b" 1", b"1 ", b"0x1", b"1_0", b"18446744073709551616"] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
    }
}
