//! Takes a request's body off the wire.

use std::ops::Range;

use crate::chunked::Chunked;
use crate::{Framing, Limits, Refusal};

/// Decodes one body. What it is fed may be split anywhere; it keeps none of it.
#[derive(Clone, Debug)]
pub struct BodyDecoder(State);

#[derive(Clone, Debug)]
enum State {
    Length { remaining: u64 },
    Chunked(Chunked),
}

/// What one call has decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that are done with, body data included.
    pub consumed: usize,
    /// The part of the input that is body data; may be empty.
    pub data: Range<usize>,
}

impl BodyDecoder {
    /// For the body that a head has announced.
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::None => State::Length { remaining: 0 },
            Framing::Length(remaining) => State::Length { remaining },
            Framing::Chunked => State::Chunked(Chunked::default()),
        })
    }

    /// True when the whole body has been decoded. What follows in the input is the next request.
    pub fn is_done(&self) -> bool {
        match &self.0 {
            State::Length { remaining } => *remaining == 0,
            State::Chunked(chunked) => chunked.is_done(),
        }
    }

    /// How many bytes are still to come of a body that is not chunked, so that they are its data just as they are.
    pub fn plain_length(&self) -> Option<u64> {
        match &self.0 {
            State::Length { remaining } => Some(*remaining),
            State::Chunked(_) => None,
        }
    }

    /// Decodes the beginning of `input`, up to the end of one stretch of data. Call again with the rest while `consumed`
    /// is not 0 and the body is not done; input of which nothing is consumed must be kept and grow.
    ///
    /// # Errors
    /// A [`Refusal`], after which the body is neither whole nor usable and the connection must close.
    pub fn decode(&mut self, input: &[u8], limits: &Limits) -> Result<Decoded, Refusal> {
        match &mut self.0 {
            State::Length { remaining } => {
                let length = usize::try_from(*remaining).map_or(input.len(), |remaining| remaining.min(input.len()));
                *remaining -= length as u64;
                Ok(Decoded { consumed: length, data: 0..length })
            }
            State::Chunked(chunked) => chunked.decode(input, limits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_no_more_than_the_length() {
        let mut body = BodyDecoder::new(Framing::Length(5));
        assert_eq!(body.decode(b"abc", &Limits::default()), Ok(Decoded { consumed: 3, data: 0..3 }));
        assert_eq!(body.plain_length(), Some(2));
        assert_eq!(body.decode(b"deGET", &Limits::default()), Ok(Decoded { consumed: 2, data: 0..2 }));
        assert!(body.is_done());
        assert_eq!(body.decode(b"GET", &Limits::default()), Ok(Decoded::default()));
    }

    #[test]
    fn is_small() {
        assert!(size_of::<BodyDecoder>() <= 40);
    }
}
