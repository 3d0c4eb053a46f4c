//! The codes of the methods.

/// The code that says: the method follows as the attribute `stored_method`.
pub(crate) const STORED: u8 = 0xFF;

/// The method of code 1, 2 and so on.
const METHODS: [&[u8]; 27] = [
    b"OPTIONS",
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"DELETE",
    b"TRACE",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"ACL",
    b"REPORT",
    b"VERSION-CONTROL",
    b"CHECKIN",
    b"CHECKOUT",
    b"UNCHECKOUT",
    b"SEARCH",
    b"MKWORKSPACE",
    b"UPDATE",
    b"LABEL",
    b"MERGE",
    b"BASELINE-CONTROL",
    b"MKACTIVITY",
];

/// The method that a code stands for.
pub(crate) fn method(code: u8) -> Option<&'static [u8]> {
    METHODS.get(usize::from(code).checked_sub(1)?).copied()
}

/// The code of a method, or [`STORED`].
pub(crate) fn code(method: &[u8]) -> u8 {
    METHODS.iter().position(|known| *known == method).map_or(STORED, |index| index as u8 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_description() {
        for (code_of, expected) in [
            (1, "OPTIONS"),
            (2, "GET"),
            (4, "POST"),
            (7, "TRACE"),
            (13, "LOCK"),
            (26, "BASELINE-CONTROL"),
            (27, "MKACTIVITY"),
        ] {
            assert_eq!(method(code_of), Some(expected.as_bytes()));
            assert_eq!(code(expected.as_bytes()), code_of);
        }
    }

    #[test]
    fn what_has_no_code_is_stored() {
        assert_eq!((method(0), method(28), method(STORED)), (None, None, None));
        assert_eq!((code(b"PATCH"), code(b"get")), (STORED, STORED));
    }
}
