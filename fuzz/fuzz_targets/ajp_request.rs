//! Any bytes on a connection of AJP to the container: the decoder does not panic, consumes no more than there is, and comes
//! to the same result however the bytes are split; what it has read can be written and is read as the same request.

#![no_main]

#[path = "../../crates/protocol/ajp/tests/connection/mod.rs"]
mod connection;

use connection::{Way, outcome};
use libfuzzer_sys::{Corpus, fuzz_target};
use millau_ajp::{Limits, Options, ReqUri};

fuzz_target!(|input: &[u8]| -> Corpus {
    // Longer input shows nothing that the narrow limits do not, and takes long.
    if input.len() > 4096 {
        return Corpus::Reject;
    }
    // Limits that a short input can reach, and everything else that can be set.
    let narrow = Options {
        limits: Limits { packet_size: 200, target_size: 20, fields: 3, attributes: 3, body_size: 20 },
        secret: Some(b"open".to_vec()),
        req_uri: ReqUri::Decoded,
    };
    for options in [Options::default(), Options { req_uri: ReqUri::Encoded, ..Options::default() }, narrow] {
        for way in [Way::Read, Way::Leave] {
            let whole = outcome([input], &options, way);
            assert_eq!(outcome(input.chunks(1), &options, way), whole, "byte by byte, {way:?}");
            assert_eq!(outcome(uneven_pieces(input), &options, way), whole, "in uneven pieces, {way:?}");
        }
    }
    Corpus::Keep
});

/// Pieces of 1 to 32 bytes, as the bytes themselves decide.
fn uneven_pieces(mut input: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let first = *input.first()?;
        let (piece, rest) = input.split_at(input.len().min(1 + usize::from(first % 32)));
        input = rest;
        Some(piece)
    })
}
