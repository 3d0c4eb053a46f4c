//! How much a peer may send, and what else an operator decides.

use crate::packet::HEADER_SIZE;

/// The limits of one connection. All of them hold before memory is taken for what they limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one packet with its header, in both directions: 8192 unless both ends are set to more, at most 65536. The
    /// head of a request or of a response must fit in one packet. In Apache this is `ProxyIOBufferSize`, in Tomcat
    /// `packetSize`.
    pub packet_size: usize,
    /// Bytes of `req_uri` and query string together, after what is not encoded has been.
    pub target_size: usize,
    /// Fields of a head.
    pub fields: usize,
    /// Attributes of a request.
    pub attributes: usize,
    /// Bytes of a request's body; `u64::MAX` for any number.
    pub body_size: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { packet_size: 8_192, target_size: 16_384, fields: 100, attributes: 100, body_size: 1 << 30 }
    }
}

/// The size that packets may really have: the length in a packet's header has 16 bits, and below the smallest size not even
/// one byte of a body would fit.
pub(crate) fn effective_packet_size(packet_size: usize) -> usize {
    packet_size.clamp(HEADER_SIZE + 8, 65_536)
}

/// How a front server writes `req_uri`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReqUri {
    /// Percent-encoded, unless it holds what cannot stand in an encoded path: a space, a byte that is not ASCII, `?`, `#`,
    /// or a `%` without two hexadecimal digits. Then it is taken as decoded, as lighttpd sends it.
    ///
    /// A decoded path such as `/%61dmin`, for which a client has asked lighttpd with `/%2561dmin`, cannot be told from an
    /// encoded one and is decoded twice. Behind lighttpd, say [`ReqUri::Decoded`].
    #[default]
    Recognised,
    /// Always percent-encoded, as Apache's mod_proxy_ajp sends it; anything else is refused.
    Encoded,
    /// Always decoded, as lighttpd sends it.
    Decoded,
}

/// What [`RequestDecoder`](crate::RequestDecoder) is told by the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// See [`Limits`].
    pub limits: Limits,
    /// What a front server must send as `secret`, if anything. Without it whoever reaches the port can claim to be any
    /// client and any user (CVE-2020-1938), so that it belongs to every port that others than this machine can reach.
    pub secret: Option<Vec<u8>>,
    /// See [`ReqUri`].
    pub req_uri: ReqUri,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_has_room_for_data_and_a_length_of_16_bits() {
        assert_eq!(effective_packet_size(0), 12);
        assert_eq!(effective_packet_size(8_192), 8_192);
        assert_eq!(effective_packet_size(1 << 20), 65_536);
    }
}
