//! Any bytes on a connection from a web server: the decoder does not panic, consumes no more than there is, comes to the
//! same result however the bytes are split, and agrees with a plain reading of the rules.

#![no_main]

#[path = "../../crates/protocol/fastcgi/tests/connection/mod.rs"]
mod connection;
#[path = "../../crates/protocol/fastcgi/tests/reference/mod.rs"]
#[allow(dead_code, unused_imports)] // Half of it is for responses.
mod reference;
#[path = "../../crates/protocol/fastcgi/tests/response_connection/mod.rs"]
#[allow(dead_code)]
mod response_connection;

use connection::{Answer, outcome};
use libfuzzer_sys::{Corpus, fuzz_target};
use millau_fastcgi::Limits;

fuzz_target!(|input: &[u8]| -> Corpus {
    // Longer input shows nothing that the narrow limits do not, and takes long.
    if input.len() > 4096 {
        return Corpus::Reject;
    }
    // Limits that a short input can reach.
    let narrow = Limits { params_size: 40, params: 3, replies_size: 48, connections: 1000, requests: 40 };
    for limits in [Limits::default(), narrow] {
        for answer in Answer::ALL {
            let whole = outcome([input], &limits, answer);
            reference::assert_agrees(input, &limits, answer, &whole);
            assert!(whole.replies.len() <= 2 * input.len(), "more replies than the documentation says");
            assert_eq!(outcome(input.chunks(1), &limits, answer), whole, "byte by byte, {answer:?}");
            assert_eq!(outcome(uneven_pieces(input), &limits, answer), whole, "in uneven pieces, {answer:?}");
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
