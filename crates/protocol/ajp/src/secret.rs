//! Compares a secret so that the time that it takes does not tell how much of it was right.

use std::hint::black_box;

/// Whether `given` is the secret. The time depends on the lengths alone.
pub(crate) fn is_secret(secret: &[u8], given: &[u8]) -> bool {
    let mut difference = u8::from(secret.len() != given.len());
    for (index, byte) in secret.iter().enumerate() {
        // Nothing may leave the loop early; the optimizer does not see through the box.
        difference = black_box(difference | (byte ^ given.get(index).copied().unwrap_or(0)));
    }
    difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_is_the_secret() {
        assert!(is_secret(b"open sesame", b"open sesame"));
        for wrong in [&b""[..], b"open", b"open sesamf", b"Open sesame", b"open sesame ", b"open sesame\0"] {
            assert!(!is_secret(b"open sesame", wrong), "{wrong:?}");
        }
        assert!(!is_secret(b"a\0", b"a"), "a missing byte is not NUL");
    }
}
