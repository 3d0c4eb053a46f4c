//! Writes the variables of a request, as the front server does.

use std::fmt;

use crate::packet_header::SIZE;

/// Why variables cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// A name is empty, or a name or a value holds a NUL.
    Text,
    /// The variables are longer than the 65535 bytes that a packet can hold.
    TooLarge,
    /// There is none, which would be no request.
    Empty,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "uwsgi cannot send a variable without a name, or with a NUL in it",
            Self::TooLarge => "uwsgi cannot send more than 65535 bytes of variables",
            Self::Empty => "uwsgi cannot send a request without variables",
        })
    }
}

impl std::error::Error for EncodeError {}

/// Gathers the variables of one request and writes them as a packet. The body follows as it is; its length stands in
/// `CONTENT_LENGTH`, which the caller pushes like any other.
///
/// ```
/// let mut head = millau_uwsgi::RequestHeadEncoder::default();
/// head.push(b"PATH_INFO", b"/")?;
/// let mut out = Vec::new();
/// head.finish(&mut out)?;
/// assert_eq!(out, b"\0\x0e\0\0\x09\0PATH_INFO\x01\0/");
/// # Ok::<(), millau_uwsgi::EncodeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequestHeadEncoder {
    block: Vec<u8>,
}

impl RequestHeadEncoder {
    /// Adds a variable.
    ///
    /// # Errors
    /// [`EncodeError::Text`] and [`EncodeError::TooLarge`]; the variable is then left out.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), EncodeError> {
        if name.is_empty() || name.contains(&0) || value.contains(&0) {
            return Err(EncodeError::Text);
        }
        let room = usize::from(u16::MAX) - self.block.len();
        if 4 + name.len().saturating_add(value.len()) > room {
            return Err(EncodeError::TooLarge);
        }
        for text in [name, value] {
            // What fits into the room has a length of two bytes.
            self.block.extend_from_slice(&(text.len() as u16).to_le_bytes());
            self.block.extend_from_slice(text);
        }
        Ok(())
    }

    /// Writes the packet to the end of `out`.
    ///
    /// # Errors
    /// [`EncodeError::Empty`]; `out` is then as it was before.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.block.is_empty() {
            return Err(EncodeError::Empty);
        }
        out.reserve(SIZE + self.block.len());
        let [low, high] = (self.block.len() as u16).to_le_bytes();
        out.extend_from_slice(&[0, low, high, 0]);
        out.extend_from_slice(&self.block);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Received, receive};

    #[test]
    fn the_server_reads_what_the_client_writes() {
        let mut encoder = RequestHeadEncoder::default();
        let long = vec![b'x'; 1000];
        let pairs: [(&[u8], &[u8]); 4] =
            [(b"PATH_INFO", b""), (b"CONTENT_LENGTH", b"5"), (b"HTTP_A", b"\xff"), (b"HTTP_A", &long)];
        pairs.iter().for_each(|(name, value)| encoder.push(name, value).unwrap());
        let mut out = Vec::new();
        encoder.finish(&mut out).unwrap();
        let Some(Received::Request(head)) = receive(&out, &Limits::default()).unwrap() else { panic!("no request") };
        assert_eq!((head.length, head.content_length), (out.len(), Some(5)));
        assert_eq!(head.pairs().collect::<Vec<_>>(), pairs);
    }

    #[test]
    fn a_packet_holds_64_kilobytes_less_one_byte() {
        let mut encoder = RequestHeadEncoder::default();
        assert_eq!(encoder.push(b"A", &vec![b'x'; 65_531]), Err(EncodeError::TooLarge));
        encoder.push(b"A", &vec![b'x'; 65_530]).unwrap();
        assert_eq!(encoder.push(b"A", b""), Err(EncodeError::TooLarge));
        let mut out = Vec::new();
        encoder.finish(&mut out).unwrap();
        assert_eq!((out.len(), &out[..4]), (65_539, &[0, 255, 255, 0][..]));
    }

    #[test]
    fn what_is_no_variable_is_not_sent() {
        let mut encoder = RequestHeadEncoder::default();
        for (name, value) in [(&b""[..], &b"a"[..]), (b"A\0B", b"c"), (b"A", b"b\0C")] {
            assert_eq!(encoder.push(name, value), Err(EncodeError::Text));
        }
        let mut out = b"x".to_vec();
        assert_eq!(encoder.finish(&mut out), Err(EncodeError::Empty));
        assert_eq!(out, b"x");
    }
}
