//! Writes the variables of a request, as the front server does.

use std::fmt;

use crate::Pairs;
use crate::pairs::repeated_name;

/// Why variables cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// A name is empty, or a name or a value holds a NUL.
    Text,
    /// A name that does not begin with `HTTP_` stands there twice.
    Repeated,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "SCGI cannot send a variable without a name, or with a NUL in it",
            Self::Repeated => "SCGI cannot send a variable twice",
        })
    }
}

impl std::error::Error for EncodeError {}

/// Gathers the variables of one request and writes them as a netstring. The body follows as it is.
///
/// ```
/// let mut head = millau_scgi::RequestHeadEncoder::new(2);
/// head.push(b"REQUEST_METHOD", b"POST")?;
/// let mut out = Vec::new();
/// head.finish(&mut out)?;
/// assert_eq!(out, b"44:CONTENT_LENGTH\x002\0SCGI\x001\0REQUEST_METHOD\0POST\0,");
/// # Ok::<(), millau_scgi::EncodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RequestHeadEncoder {
    block: Vec<u8>,
}

impl RequestHeadEncoder {
    /// For a request with a body of so many bytes.
    pub fn new(content_length: u64) -> Self {
        let mut block = Vec::with_capacity(1024);
        put(&mut block, b"CONTENT_LENGTH", itoa::Buffer::new().format(content_length).as_bytes());
        put(&mut block, b"SCGI", b"1");
        Self { block }
    }

    /// Adds a variable. `CONTENT_LENGTH` and `SCGI` are there already and are passed over.
    ///
    /// # Errors
    /// [`EncodeError::Text`]
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), EncodeError> {
        if name.is_empty() || name.contains(&0) || value.contains(&0) {
            return Err(EncodeError::Text);
        }
        if name != b"CONTENT_LENGTH" && name != b"SCGI" {
            put(&mut self.block, name, value);
        }
        Ok(())
    }

    /// Writes the head to the end of `out`.
    ///
    /// # Errors
    /// [`EncodeError::Repeated`]; `out` is then as it was before.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if repeated_name(Pairs::of(&self.block)).is_some() {
            return Err(EncodeError::Repeated);
        }
        out.extend_from_slice(itoa::Buffer::new().format(self.block.len()).as_bytes());
        out.push(b':');
        out.extend_from_slice(&self.block);
        out.push(b',');
        Ok(())
    }
}

fn put(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for text in [name, value] {
        block.extend_from_slice(text);
        block.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, receive_request_head};

    #[test]
    fn the_server_reads_what_the_client_writes() {
        let mut encoder = RequestHeadEncoder::new(5);
        let pairs: [(&[u8], &[u8]); 3] = [(b"PATH_INFO", b""), (b"HTTP_A", b"\xff"), (b"HTTP_A", b"b")];
        pairs.iter().for_each(|(name, value)| encoder.push(name, value).unwrap());
        encoder.push(b"CONTENT_LENGTH", b"7").unwrap();
        encoder.push(b"SCGI", b"2").unwrap();
        let mut out = Vec::new();
        encoder.finish(&mut out).unwrap();
        let head = receive_request_head(&out, &Limits::default()).unwrap().unwrap();
        assert_eq!((head.length, head.content_length), (out.len(), 5));
        assert_eq!(head.pairs().skip(2).collect::<Vec<_>>(), pairs);
    }

    #[test]
    fn nothing_forges_a_variable() {
        let mut encoder = RequestHeadEncoder::new(0);
        for (name, value) in [(&b""[..], &b"a"[..]), (b"A\0B", b"c"), (b"A", b"b\0C")] {
            assert_eq!(encoder.push(name, value), Err(EncodeError::Text));
        }
        encoder.push(b"A", b"").unwrap();
        encoder.push(b"A", b"").unwrap();
        let mut out = b"x".to_vec();
        assert_eq!(encoder.finish(&mut out), Err(EncodeError::Repeated));
        assert_eq!(out, b"x");
    }
}
