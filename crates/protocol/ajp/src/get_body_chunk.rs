//! GET_BODY_CHUNK: the container asks for the next packet of the request's body.

use crate::packet::TO_WEB_SERVER;

/// The code of the packet.
pub(crate) const CODE: u8 = 6;

/// Writes the packet. At most `requested` bytes are to come back, which is never more than
/// [`max_body_data`](crate::max_body_data); mod_proxy_ajp does not look at it and sends what fits in its own packet.
pub fn encode_get_body_chunk(out: &mut Vec<u8>, requested: u16) {
    let [high, low] = requested.to_be_bytes();
    out.extend_from_slice(&TO_WEB_SERVER);
    out.extend_from_slice(&[0, 3, CODE, high, low]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_so_many_bytes() {
        let mut out = Vec::new();
        encode_get_body_chunk(&mut out, 8_186);
        assert_eq!(out, b"AB\x00\x03\x06\x1f\xfa");
    }
}
