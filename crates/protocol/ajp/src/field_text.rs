//! Which bytes may stand in methods, field names and field values (RFC 9110 §5.5 and §5.6.2), and what Content-Length says.

/// `token = 1*tchar`
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// Anything but control characters, of which only the tab may stand there.
pub(crate) fn is_value(text: &[u8]) -> bool {
    text.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}

/// `Content-Length = 1*DIGIT` (RFC 9110 §8.6); `None` for anything else and for what does not fit 64 bits.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_those_of_the_grammar() {
        let tokens: Vec<u8> = (0..=255).filter(|byte| is_token(&[*byte])).collect();
        let expected = b"!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~";
        assert_eq!(tokens, expected);
        assert!(!is_token(b""));
    }

    #[test]
    fn values_hold_no_control_characters() {
        let refused: Vec<u8> = (0..=255).filter(|byte| !is_value(&[*byte])).collect();
        assert_eq!(refused, (0..9).chain(10..32).chain([127]).collect::<Vec<u8>>());
    }

    #[test]
    fn lengths_are_digits() {
        assert_eq!((decimal(b"0"), decimal(b"007")), (Some(0), Some(7)));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for bad in ["", "+5", "-1", "5,5", "0x5", "1_0", " 5", "5x", "18446744073709551616"] {
            assert_eq!(decimal(bad.as_bytes()), None, "{bad}");
        }
    }
}
