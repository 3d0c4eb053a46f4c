//! CPing: the web server asks whether the container is alive.

/// The whole packet.
pub const CPING: &[u8] = &[0x12, 0x34, 0x00, 0x01, CODE];

/// The code of the packet.
pub(crate) const CODE: u8 = 10;
