//! Any bytes on a connection from an application: the decoder does not panic, consumes no more than there is, comes to the
//! same result however the bytes are split, and agrees with a plain reading of the rules. And any streams that one side
//! writes come out the same on the other.

#![no_main]

#[path = "../../crates/protocol/fastcgi/tests/connection/mod.rs"]
#[allow(dead_code)]
mod connection;
#[path = "../../crates/protocol/fastcgi/tests/reference/mod.rs"]
#[allow(dead_code, unused_imports)] // Half of it is for requests.
mod reference;
#[path = "../../crates/protocol/fastcgi/tests/response_connection/mod.rs"]
mod response_connection;

use connection::{Answer, End, outcome};
use libfuzzer_sys::{Corpus, fuzz_target};
use millau_fastcgi::{
    BeginRequest, EndRequest, Limits, ProtocolStatus, RequestId, Role, encode_begin_request, encode_end_request,
    encode_params, encode_stderr, encode_stdin, encode_stdin_end, encode_stdout, encode_stdout_end,
};
use response_connection::{ResponseEnd, response_outcome};

fuzz_target!(|input: &[u8]| -> Corpus {
    if input.len() > 4096 {
        return Corpus::Reject;
    }
    for requests in [0, 1, 3] {
        let whole = response_outcome([input], requests);
        reference::assert_agrees_on_responses(input, requests, &whole);
        assert_eq!(response_outcome(input.chunks(1), requests), whole, "byte by byte");
        assert_eq!(response_outcome(input.chunks(7), requests), whole, "in pieces of 7");
    }
    both_ways(input);
    Corpus::Keep
});

fn both_ways(input: &[u8]) {
    let Some((choices, text)) = input.split_first_chunk::<2>() else { return };
    let id = RequestId::MIN;
    let pieces: Vec<&[u8]> = text.split(|byte| *byte == choices[0]).collect();
    // Now and then a value that fills records.
    let long = vec![choices[0]; usize::from(choices[1]) * 600];

    let mut wire = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index % 3 == 2 { encode_stderr(&mut wire, id, piece) } else { encode_stdout(&mut wire, id, piece) }
    }
    encode_stdout(&mut wire, id, &long);
    encode_stdout_end(&mut wire, id);
    encode_end_request(&mut wire, id, choices[1].into(), ProtocolStatus::RequestComplete);
    let seen = response_outcome([&wire[..]], 1);
    let of = |wanted: bool| -> Vec<u8> {
        let pieces = pieces.iter().enumerate().filter(|(index, _)| (index % 3 == 2) == wanted);
        pieces.flat_map(|(_, piece)| piece.to_vec()).collect()
    };
    assert_eq!(seen.end, ResponseEnd::Idle);
    assert_eq!(seen.responses[0].stdout, [of(false), long.clone()].concat());
    assert_eq!(seen.responses[0].stderr, of(true));
    let end = EndRequest { app_status: choices[1].into(), protocol_status: ProtocolStatus::RequestComplete };
    assert_eq!(seen.responses[0].end, Some(end));

    let mut params: Vec<(&[u8], &[u8])> = pieces.windows(2).map(|pair| (pair[0], pair[1])).take(200).collect();
    params.insert(params.len() / 2, (text, &long));
    let limits = Limits { params_size: 1 << 24, ..Limits::default() };
    wire.clear();
    encode_begin_request(&mut wire, id, BeginRequest { role: Role::Responder, keep_conn: true });
    encode_params(&mut wire, id, params.iter().copied()).expect("short pairs");
    encode_stdin(&mut wire, id, text);
    encode_stdin_end(&mut wire, id);
    let seen = outcome([&wire[..]], &limits, Answer::AtEnd);
    assert_eq!((seen.end, seen.requests.len()), (End::Idle, 1));
    assert_eq!(seen.requests[0].stdin, text);
    let found = seen.requests[0].params.iter().map(|(name, value)| (&name[..], &value[..]));
    assert!(found.eq(params), "other parameters");
}
