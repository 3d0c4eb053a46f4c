//! Any bytes on a connection of uwsgi: the decoder does not panic, consumes no more than there is, comes to the same result
//! however the bytes are split, and agrees with a plain reading of the rules; and the client can send what was received.

#![no_main]

#[path = "../../crates/protocol/uwsgi/tests/connection/mod.rs"]
mod connection;
#[path = "../../crates/protocol/uwsgi/tests/reference/mod.rs"]
mod reference;
mod uneven_pieces;

use connection::{Outcome, Seen, outcome};
use libfuzzer_sys::{Corpus, fuzz_target};
use millau_uwsgi::{Limits, RequestHeadEncoder};
use uneven_pieces::uneven_pieces;

fuzz_target!(|input: &[u8]| -> Corpus {
    // Longer input shows nothing that the narrow limits do not, and takes long.
    if input.len() > 4096 {
        return Corpus::Reject;
    }
    // Limits that a short input can reach.
    let narrow = Limits { block_size: 120, pairs: 5, body_size: 20 };
    for limits in [Limits::default(), narrow] {
        let whole = outcome([input], &limits);
        reference::assert_agrees(input, &limits, &whole);
        assert_eq!(outcome(input.chunks(1), &limits), whole, "byte by byte");
        assert_eq!(outcome(uneven_pieces(input), &limits), whole, "in uneven pieces");
        if let Outcome::Request(seen) = whole {
            check_sent_again(&seen, &limits);
        }
    }
    Corpus::Keep
});

fn check_sent_again(seen: &Seen, limits: &Limits) {
    let mut encoder = RequestHeadEncoder::default();
    seen.pairs.iter().for_each(|(name, value)| encoder.push(name, value).expect("what was received can be sent"));
    let mut sent = Vec::new();
    encoder.finish(&mut sent).expect("what was received can be sent");
    sent.extend_from_slice(&seen.body);
    let again = Outcome::Request(Seen { manage_path_info: false, ..seen.clone() });
    assert_eq!(outcome([&sent[..]], limits), again);
}
