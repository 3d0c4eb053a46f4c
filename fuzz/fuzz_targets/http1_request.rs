//! Any bytes on a connection of HTTP/1: the decoder does not panic, consumes no more than there is, comes to the same
//! result however the bytes are split, and agrees with a plain reading of the rules.

#![no_main]

#[path = "../../crates/protocol/http1/tests/connection/mod.rs"]
mod connection;
#[path = "../../crates/protocol/http1/tests/reference/mod.rs"]
mod reference;
mod uneven_pieces;

use connection::{Way, outcome};
use libfuzzer_sys::{Corpus, fuzz_target};
use millau_http1::Limits;
use uneven_pieces::uneven_pieces;

fuzz_target!(|input: &[u8]| -> Corpus {
    // Longer input shows nothing that the narrow limits do not, and takes long.
    if input.len() > 4096 {
        return Corpus::Reject;
    }
    // Limits that a short input can reach.
    let narrow = Limits {
        head_size: 200,
        target_size: 40,
        fields: 5,
        body_size: 50,
        chunk_line: 24,
        chunk_extensions: 40,
        trailer_size: 40,
    };
    for limits in [Limits::default(), narrow] {
        let whole = outcome([input], &limits, Way::AtOnce);
        reference::assert_agrees(input, &limits, &whole);
        for way in [Way::AtOnce, Way::InParts] {
            assert_eq!(outcome(input.chunks(1), &limits, way), whole, "byte by byte, {way:?}");
            assert_eq!(outcome(uneven_pieces(input), &limits, way), whole, "in uneven pieces, {way:?}");
            assert_eq!(outcome([input], &limits, way), whole, "{way:?}");
        }
    }
    Corpus::Keep
});
