//! The rules once more, as plainly as possible: record by record over the whole input, without a thought for speed or for
//! input that arrives in pieces. The decoders must agree with it on every input.
//!
//! It knows what is accepted, not why something is refused.

mod requests;
mod responses;

pub(crate) use requests::assert_agrees;
pub(crate) use responses::assert_agrees_on_responses;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The pairs that are whole, and what follows them.
fn pairs(stream: &[u8]) -> (Pairs, &[u8]) {
    let mut pairs = Vec::new();
    let mut rest = stream;
    while let Some((prefix, name, value)) = lengths(rest) {
        if ((rest.len() - prefix) as u64) < name + value {
            break;
        }
        let (name, value) = (name as usize, value as usize);
        let pair = &rest[prefix..prefix + name + value];
        pairs.push((pair[..name].to_vec(), pair[name..].to_vec()));
        rest = &rest[prefix + name + value..];
    }
    (pairs, rest)
}

/// Bytes of the two lengths, and what they say.
fn lengths(stream: &[u8]) -> Option<(usize, u64, u64)> {
    let length = |at: usize| -> Option<(usize, u64)> {
        let first = *stream.get(at)?;
        if first < 128 {
            return Some((at + 1, first.into()));
        }
        let rest = stream.get(at + 1..at + 4)?;
        Some((at + 4, rest.iter().fold(u64::from(first) - 128, |sum, byte| sum * 256 + u64::from(*byte))))
    };
    let (at, name) = length(0)?;
    let (at, value) = length(at)?;
    Some((at, name, value))
}
