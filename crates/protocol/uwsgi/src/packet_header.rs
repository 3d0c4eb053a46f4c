//! The four bytes that every packet begins with.

use crate::Violation;

/// Bytes of the header.
pub(crate) const SIZE: usize = 4;

/// The answer to a ping: a packet without a block, whose second modifier says that it is the answer.
pub const PONG: &[u8; SIZE] = &[100, 0, 0, 1];

/// What a packet is, by its first modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Modifier {
    /// 0: a request.
    Request,
    /// 30: a request whose PATH_INFO begins with SCRIPT_NAME, which is to be stripped.
    ManagePathInfo,
    /// 100: a ping.
    Ping,
}

/// A header, as far as it has been understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PacketHeader {
    pub(crate) modifier: Modifier,
    /// Bytes of the block that follows.
    pub(crate) size: usize,
}

impl PacketHeader {
    /// Reads the header at the beginning of `input`; nothing while it is not whole. A wrong first byte shows at once.
    pub(crate) fn read(input: &[u8]) -> Result<Option<Self>, Violation> {
        let modifier = match input.first() {
            None => return Ok(None),
            Some(0) => Modifier::Request,
            Some(30) => Modifier::ManagePathInfo,
            Some(100) => Modifier::Ping,
            Some(b'A'..=b'Z') => return Err(Violation::LooksLikeHttp),
            Some(other) => return Err(Violation::Modifier(*other)),
        };
        let Some([_, low, high, second]) = input.first_chunk::<SIZE>() else { return Ok(None) };
        let size = usize::from(u16::from_le_bytes([*low, *high]));
        // The second modifier of a request picks an application inside uWSGI; here there is nothing to pick.
        match modifier {
            Modifier::Ping if *second != 0 || size != 0 => Err(Violation::NotPing),
            Modifier::Request | Modifier::ManagePathInfo if size == 0 => Err(Violation::Empty),
            _ => Ok(Some(Self { modifier, size })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_byte_of_the_size_comes_first() {
        let header = |modifier, size| Ok(Some(PacketHeader { modifier, size }));
        assert_eq!(PacketHeader::read(&[0, 1, 2, 0, 9]), header(Modifier::Request, 0x201));
        assert_eq!(PacketHeader::read(&[0, 255, 255, 7]), header(Modifier::Request, 65_535));
        assert_eq!(PacketHeader::read(&[30, 1, 0, 0]), header(Modifier::ManagePathInfo, 1));
        assert_eq!(PacketHeader::read(&[100, 0, 0, 0]), header(Modifier::Ping, 0));
        for more in [&[][..], &[0], &[0, 1], &[0, 1, 2], &[30], &[100, 0, 0]] {
            assert_eq!(PacketHeader::read(more), Ok(None));
        }
    }

    #[test]
    fn other_packets_are_refused_at_the_first_byte() {
        assert_eq!(PacketHeader::read(b"G"), Err(Violation::LooksLikeHttp));
        for other in [1, 5, 22, 31, 48, 99, 101, 173, 255] {
            assert_eq!(PacketHeader::read(&[other]), Err(Violation::Modifier(other)));
        }
    }

    #[test]
    fn an_empty_packet_is_no_request() {
        assert_eq!(PacketHeader::read(&[0, 0, 0, 0]), Err(Violation::Empty));
        assert_eq!(PacketHeader::read(&[30, 0, 0, 0]), Err(Violation::Empty));
    }

    #[test]
    fn the_answer_to_a_ping_is_no_ping() {
        assert_eq!(PacketHeader::read(PONG), Err(Violation::NotPing));
        assert_eq!(PacketHeader::read(&[100, 1, 0, 0]), Err(Violation::NotPing));
    }
}
