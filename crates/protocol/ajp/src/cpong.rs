//! CPong: the container's answer to a CPing.

/// The whole packet.
pub const CPONG: &[u8] = &[b'A', b'B', 0x00, 0x01, CODE];

/// The code of the packet.
pub(crate) const CODE: u8 = 9;
