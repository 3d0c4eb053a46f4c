//! PARAMS (§5.2): the meta-variables of a request, a stream of name-value pairs from the web server. A pair may be split
//! over any number of records.

use crate::name_value::{Lengths, NameValuePairs, PairTooLong, encode_lengths, encoded_length};
use crate::record::{HEADER_LENGTH, RecordType, RequestId, encode_header};
use crate::stream::{LONGEST_CONTENT, encode_stream_end};
use crate::{Limits, Violation};

/// The stream as far as it has arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    /// Never longer than the limit.
    stream: Vec<u8>,
    /// Where the first pair begins that is not whole; never beyond the end of `stream`.
    incomplete: usize,
    /// Pairs that are whole.
    pairs: usize,
}

impl Params {
    /// Takes the next bytes of the stream, and refuses a pair as soon as its lengths show that it would be too long. The
    /// refusal depends on the stream alone, not on how it was split.
    pub(crate) fn push(&mut self, piece: &[u8], limits: &Limits) -> Result<(), Violation> {
        let room = limits.params_size.saturating_sub(self.stream.len());
        let (fitting, beyond) = piece.split_at(piece.len().min(room));
        self.stream.extend_from_slice(fitting);
        while self.incomplete < self.stream.len() {
            if self.pairs >= limits.params {
                return Err(Violation::TooManyParams);
            }
            let Some(lengths) = Lengths::decode(&self.stream[self.incomplete..]) else { break };
            let end = self.incomplete as u64 + lengths.pair();
            if end > limits.params_size as u64 {
                return Err(Violation::ParamsTooLarge);
            }
            if end > self.stream.len() as u64 {
                break;
            }
            // It is not more than the length of `stream`.
            self.incomplete = end as usize;
            self.pairs += 1;
        }
        if beyond.is_empty() { Ok(()) } else { Err(Violation::ParamsTooLarge) }
    }

    /// The stream has ended: all pairs must be whole.
    pub(crate) fn end(&self) -> Result<(), Violation> {
        if self.incomplete == self.stream.len() { Ok(()) } else { Err(Violation::ParamsCut) }
    }

    /// The pairs that are whole.
    pub(crate) fn pairs(&self) -> NameValuePairs<'_> {
        NameValuePairs::of_checked(&self.stream[..self.incomplete])
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.stream.capacity()
    }
}

/// Writes a whole PARAMS stream with its end (the web server's side).
///
/// A pair is kept within one record where it fits one: not every application can put a split pair together.
///
/// # Errors
/// A pair that FastCGI has no words for. What was written before is taken back.
pub fn encode_params<'a>(
    out: &mut Vec<u8>,
    request_id: RequestId,
    pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<(), PairTooLong> {
    let longest = usize::from(LONGEST_CONTENT);
    let begin = out.len();
    let mut record = Record::open(out, request_id);
    for (name, value) in pairs {
        if record.length(out) > 0 && record.length(out) + encoded_length(name, value) > longest {
            record.close(out);
            record = Record::open(out, request_id);
        }
        // Longer than all lengths that fit in front of a pair.
        let mut lengths = Vec::with_capacity(8);
        if let Err(error) = encode_lengths(&mut lengths, name, value) {
            out.truncate(begin);
            return Err(error);
        }
        for part in [&lengths, name, value] {
            let mut rest = part;
            while !rest.is_empty() {
                if record.length(out) == longest {
                    record.close(out);
                    record = Record::open(out, request_id);
                }
                let (fitting, after) = rest.split_at(rest.len().min(longest - record.length(out)));
                out.extend_from_slice(fitting);
                rest = after;
            }
        }
    }
    record.close(out);
    encode_stream_end(out, RecordType::Params, request_id);
    Ok(())
}

/// A record that is being written: its content begins at this place in the output.
struct Record(usize);

impl Record {
    fn open(out: &mut Vec<u8>, request_id: RequestId) -> Self {
        encode_header(out, RecordType::Params, Some(request_id), 0);
        Self(out.len())
    }

    fn length(&self, out: &[u8]) -> usize {
        out.len() - self.0
    }

    /// Puts the length into the header; or takes the header back, where there is no content.
    fn close(self, out: &mut Vec<u8>) {
        let length = self.length(out);
        let header = self.0 - HEADER_LENGTH;
        if length == 0 {
            out.truncate(header);
        } else {
            // It is never above `LONGEST_CONTENT`.
            out[header + 4..header + 6].copy_from_slice(&(length as u16).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(params_size: usize, params: usize) -> Limits {
        Limits { params_size, params, ..Limits::default() }
    }

    type Pair = (Vec<u8>, Vec<u8>);

    /// What the stream comes to, fed whole; byte by byte it must be the same.
    fn outcome(stream: &[u8], limits: &Limits) -> Result<Vec<Pair>, Violation> {
        let run = |size: usize| {
            let mut params = Params::default();
            for piece in stream.chunks(size) {
                params.push(piece, limits)?;
                assert!(params.stream.len() <= limits.params_size);
            }
            params.end()?;
            Ok(params.pairs().map(|(name, value)| (name.to_vec(), value.to_vec())).collect())
        };
        let whole = run(stream.len().max(1));
        assert_eq!(run(1), whole, "byte by byte");
        whole
    }

    #[test]
    fn pairs_are_put_together_however_they_were_split() {
        let pairs = vec![(b"A".to_vec(), b"xy".to_vec()), (b"LONG".to_vec(), vec![b'v'; 300])];
        let stream = [&b"\x01\x02Axy\x04\x80\0\x01\x2cLONG"[..], &[b'v'; 300]].concat();
        assert_eq!(outcome(&stream, &limits(1000, 2)), Ok(pairs));
        assert_eq!(outcome(b"", &limits(0, 0)), Ok(vec![]));
    }

    #[test]
    fn a_stream_that_ends_within_a_pair_is_cut() {
        for stream in [&b"\x01"[..], b"\x01\x02", b"\x01\x02A", b"\x01\x02Ax", b"\x80\0\0"] {
            assert_eq!(outcome(stream, &limits(1000, 2)), Err(Violation::ParamsCut));
        }
    }

    #[test]
    fn the_limit_of_size_holds_to_the_byte() {
        let stream = b"\x01\x02Axy\x01\x02Bxy";
        assert!(outcome(stream, &limits(stream.len(), 9)).is_ok());
        assert_eq!(outcome(stream, &limits(stream.len() - 1, 9)), Err(Violation::ParamsTooLarge));
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_its_bytes_come() {
        let mut params = Params::default();
        assert_eq!(params.push(b"\x01\xff\xff\xff", &limits(1000, 9)), Ok(()));
        assert_eq!(params.push(b"\xff", &limits(1000, 9)), Err(Violation::ParamsTooLarge));
        let whole = b"\x01\x02Axy";
        assert_eq!(Params::default().push(&whole[..2], &limits(whole.len(), 9)), Ok(()));
        assert_eq!(Params::default().push(&whole[..2], &limits(whole.len() - 1, 9)), Err(Violation::ParamsTooLarge));
    }

    #[test]
    fn the_limit_of_pairs_holds() {
        let stream = b"\x01\0A\x01\0B\x01\0C";
        assert!(outcome(stream, &limits(1000, 3)).is_ok());
        assert_eq!(outcome(stream, &limits(1000, 2)), Err(Violation::TooManyParams));
        // Of two limits the one counts that is met first.
        assert_eq!(outcome(stream, &limits(8, 2)), Err(Violation::TooManyParams));
        assert_eq!(outcome(stream, &limits(5, 2)), Err(Violation::ParamsTooLarge));
    }

    #[test]
    fn the_records_are_written() {
        let mut out = Vec::new();
        encode_params(&mut out, RequestId::MIN, [(&b"AB"[..], &b"xyz"[..]), (b"C", b"")]).unwrap();
        assert_eq!(out, b"\x01\x04\0\x01\0\x0a\0\0\x02\x03ABxyz\x01\0C\x01\x04\0\x01\0\0\0\0");
    }

    #[test]
    fn no_pairs_are_the_end_alone() {
        let mut out = Vec::new();
        encode_params(&mut out, RequestId::MIN, []).unwrap();
        assert_eq!(out, b"\x01\x04\0\x01\0\0\0\0");
    }

    #[test]
    fn a_pair_that_fits_a_record_is_not_split() {
        let value = vec![b'v'; 40_000];
        let mut out = Vec::new();
        encode_params(&mut out, RequestId::MIN, [(&b"A"[..], &value[..]), (b"B", &value[..])]).unwrap();
        let record = 8 + 1 + 4 + 1 + 40_000;
        assert_eq!(out.len(), 2 * record + 8);
        assert_eq!(out[record..][..14], *b"\x01\x04\0\x01\x9c\x46\0\0\x01\x80\0\x9c\x40B");
    }

    #[test]
    fn a_pair_that_fits_no_record_is_split() {
        let value = vec![b'v'; 2 * 65_528];
        let mut out = Vec::new();
        encode_params(&mut out, RequestId::MIN, [(&b"A"[..], &value[..]), (b"B", b"")]).unwrap();
        assert_eq!(out[..14], *b"\x01\x04\0\x01\xff\xf8\0\0\x01\x80\x01\xff\xf0A");
        let third = &out[2 * (8 + 65_528)..];
        assert_eq!(third, b"\x01\x04\0\x01\0\x09\0\0vvvvvv\x01\0B\x01\x04\0\x01\0\0\0\0");
    }
}
