//! FORWARD_REQUEST: everything about a request but its body, in one packet.

mod decode;
mod encode;
mod variables;

pub(crate) use decode::decode_forward_request;
pub use encode::encode_forward_request;

/// The code of the packet.
pub(crate) const CODE: u8 = 2;

/// How the end of a request's body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is no body, and no packet for it.
    None,
    /// So many bytes, at least one; the first packet comes by itself.
    Length(u64),
    /// Until an empty packet; the first packet must be asked for as well.
    UntilEmptyPacket,
}
