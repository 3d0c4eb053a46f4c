//! END_RESPONSE: the response is complete, and whether the connection takes another request.

/// The code of the packet.
pub(crate) const CODE: u8 = 5;

/// The whole packet. With `reuse` false the web server closes the connection.
pub fn end_response(reuse: bool) -> &'static [u8] {
    if reuse { &[b'A', b'B', 0x00, 0x02, CODE, 1] } else { &[b'A', b'B', 0x00, 0x02, CODE, 0] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_whether_the_connection_stays() {
        assert_eq!(end_response(true), b"AB\x00\x02\x05\x01");
        assert_eq!(end_response(false), b"AB\x00\x02\x05\x00");
    }
}
