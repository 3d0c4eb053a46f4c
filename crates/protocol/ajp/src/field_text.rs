//! Whether a text may stand as a method or a field name, or as a field value (RFC 9110 §5.5 and §5.6.2).

use millau_gateway::token::{is_token_byte, is_value_byte};

/// `token = 1*tchar`
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

/// Anything but control characters, of which only the tab may stand there.
pub(crate) fn is_value(text: &[u8]) -> bool {
    text.iter().all(|byte| is_value_byte(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_empty_and_a_value_may_be() {
        assert!(is_token(b"X-Y") && !is_token(b"") && !is_token(b"X Y") && !is_token(b"X:"));
        assert!(is_value(b"") && is_value(b"a\tb \xe9") && !is_value(b"a\nb") && !is_value(b"\x7f"));
    }
}
