//! What implementations in use get wrong, or differ in: what this one must do. The bytes of each case are written out.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code)] // The corpus uses the rest.
mod connection;

use connection::{Answer, End, Outcome, outcome};
use millau_fastcgi::{
    Event, Limits, OtherProtocol, ProtocolStatus, Received, RequestDecoder, Violation, encode_end_request,
    encode_stderr, encode_stdout, encode_stdout_end, encode_stdout_header,
};

/// BEGIN_REQUEST, id 1, responder, FCGI_KEEP_CONN.
const BEGIN: &[u8] = b"\x01\x01\0\x01\0\x08\0\0\0\x01\x01\0\0\0\0\0";
/// The same with the id 2.
const BEGIN_2: &[u8] = b"\x01\x01\0\x02\0\x08\0\0\0\x01\x01\0\0\0\0\0";
const PARAMS_END: &[u8] = b"\x01\x04\0\x01\0\0\0\0";
const STDIN_END: &[u8] = b"\x01\x05\0\x01\0\0\0\0";
/// A whole request with the parameter A=1 and without a body.
const REQUEST: &[&[u8]] = &[BEGIN, b"\x01\x04\0\x01\0\x04\0\0\x01\x01A1", PARAMS_END, STDIN_END];

fn run(records: &[&[u8]]) -> Outcome {
    let input = records.concat();
    let whole = outcome([&input[..]], &Limits::default(), Answer::AtEnd);
    assert_eq!(outcome(input.chunks(1), &Limits::default(), Answer::AtEnd), whole, "byte by byte");
    whole
}

/// The outcome that is a violation.
fn violation(records: &[&[u8]]) -> Violation {
    match run(records).end {
        End::Refused(violation) => violation,
        end => panic!("{end:?}"),
    }
}

#[test]
fn with_keep_conn_the_connection_stays_for_a_second_request() {
    let outcome = run(&[REQUEST, REQUEST].concat());
    assert_eq!((outcome.requests.len(), outcome.end), (2, End::Idle));
    assert_eq!(outcome.requests[0], outcome.requests[1]);
}

#[test]
fn without_keep_conn_the_connection_is_over_after_the_request() {
    let begin = b"\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0";
    let outcome = run(&[begin, PARAMS_END, STDIN_END, b"\x01\x01\0\x01"]);
    assert_eq!((outcome.requests.len(), outcome.end), (1, End::Closed));
}

#[test]
fn the_end_of_the_body_is_seen_before_it_is_taken() {
    let mut decoder = RequestDecoder::new();
    let begun = [BEGIN, PARAMS_END, b"\x01\x05\0\x01\0\x02\x01\0abp"].concat();
    let mut rest = &begun[..];
    while !rest.is_empty() {
        assert!(!decoder.is_stdin_end_next(STDIN_END) || rest == b"\x01\x05\0\x01\0\x02\x01\0abp");
        rest = &rest[decoder.receive(rest, &Limits::default(), &mut Vec::new()).unwrap().consumed..];
    }
    assert!(decoder.is_stdin_end_next(&[STDIN_END, BEGIN].concat()));
    let of_another = b"\x01\x05\0\x02\0\0\0\0";
    let more = b"\x01\x05\0\x01\0\x01\0\0x";
    let other_version = b"\x02\x05\0\x01\0\0\0\0";
    for other in [&of_another[..], more, other_version, BEGIN, PARAMS_END, &STDIN_END[..7], b""] {
        assert!(!decoder.is_stdin_end_next(other), "{other:?}");
    }
    let received = decoder.receive(STDIN_END, &Limits::default(), &mut Vec::new()).unwrap();
    assert_eq!((received.consumed, received.event), (8, Event::StdinEnd));
    assert!(!decoder.is_stdin_end_next(STDIN_END), "it has been taken");
    decoder.request_ended();
    assert!(!decoder.is_stdin_end_next(STDIN_END), "there is no request");
}

#[test]
fn a_second_request_before_the_first_answer_is_served_after_it() {
    let mut decoder = RequestDecoder::new();
    let input = [REQUEST, REQUEST].concat().concat();
    let mut rest = &input[..];
    let mut next = |decoder: &mut RequestDecoder| {
        let Received { consumed, event } = decoder.receive(rest, &Limits::default(), &mut Vec::new()).unwrap();
        rest = &rest[consumed..];
        event
    };
    assert_eq!(next(&mut decoder), Event::Params);
    assert_eq!(next(&mut decoder), Event::StdinEnd);
    assert_eq!(next(&mut decoder), Event::NextRequest);
    assert_eq!(next(&mut decoder), Event::NextRequest, "nothing is consumed before the first one has ended");
    assert_eq!(decoder.params().count(), 1);
    decoder.request_ended();
    assert_eq!(decoder.params().count(), 0);
    assert_eq!(next(&mut decoder), Event::Params);
    assert_eq!(next(&mut decoder), Event::StdinEnd);
    assert_eq!(next(&mut decoder), Event::Pending);
}

#[test]
fn get_values_tells_all_three_variables() {
    let mut replies = Vec::new();
    let limits = Limits { connections: 512, requests: 40, ..Limits::default() };
    let input = b"\x01\x09\0\0\0\x30\0\0\x0e\0FCGI_MAX_CONNS\x0d\0FCGI_MAX_REQS\x0f\0FCGI_MPXS_CONNS";
    RequestDecoder::new().receive(input, &limits, &mut replies).unwrap();
    let told = b"\x01\x0a\0\0\0\x36\0\0\x0e\x03FCGI_MAX_CONNS512\x0d\x02FCGI_MAX_REQS40\x0f\x01FCGI_MPXS_CONNS0";
    assert_eq!(replies, told);
}

#[test]
fn an_unknown_management_type_is_answered_with_unknown_type() {
    let outcome = run(&[b"\x01\x63\0\0\0\x03\x01\0abc\0"]);
    assert_eq!(outcome.replies, b"\x01\x0b\0\0\0\x08\0\0\x63\0\0\0\0\0\0\0");
    assert_eq!(outcome.end, End::Idle);
}

#[test]
fn a_role_other_than_responder_is_answered_with_unknown_role() {
    for role in [0, 2, 3, 99] {
        let outcome = run(&[&[1, 1, 0, 1, 0, 8, 0, 0, 0, role, 1, 0, 0, 0, 0, 0], PARAMS_END, STDIN_END]);
        assert_eq!(outcome.requests, [], "role {role}");
        assert_eq!(outcome.replies, [1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0], "role {role}");
        assert_eq!(outcome.end, End::Idle, "role {role}");
    }
}

#[test]
fn of_two_interleaved_requests_the_second_is_answered_with_cant_mpx_conn_and_never_confused() {
    let outcome = run(&[
        BEGIN,
        BEGIN_2,
        b"\x01\x04\0\x02\0\x04\0\0\x01\x01B2",
        b"\x01\x04\0\x01\0\x04\0\0\x01\x01A1",
        b"\x01\x04\0\x02\0\0\0\0",
        PARAMS_END,
        b"\x01\x05\0\x02\0\x03\0\0two",
        b"\x01\x05\0\x01\0\x03\0\0one",
        b"\x01\x05\0\x02\0\0\0\0",
        STDIN_END,
        b"\x01\x05\0\x02\0\x03\0\0two",
    ]);
    assert_eq!(outcome.replies, [1, 3, 0, 2, 0, 8, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(outcome.requests.len(), 1);
    assert_eq!(outcome.requests[0].params, [(b"A".to_vec(), b"1".to_vec())]);
    assert_eq!(outcome.requests[0].stdin, b"one");
    assert_eq!(outcome.end, End::Idle);
}

#[test]
fn four_byte_lengths_and_padding_everywhere_are_read() {
    let outcome = run(&[
        b"\x01\x01\0\x01\0\x08\x03\0\0\x01\x01\0\0\0\0\0\xff\xff\xff",
        b"\x01\x04\0\x01\0\x0a\x01\0\x80\0\0\x01\x80\0\0\x01A1\xff",
        b"\x01\x04\0\x01\0\0\x02\0\xff\xff",
        b"\x01\x05\0\x01\0\x01\x04\0x\xff\xff\xff\xff",
        b"\x01\x05\0\x01\0\0\x01\0\xff",
    ]);
    assert_eq!(outcome.requests[0].params, [(b"A".to_vec(), b"1".to_vec())]);
    assert_eq!((&outcome.requests[0].stdin[..], outcome.end), (&b"x"[..], End::Idle));
}

#[test]
fn params_split_within_a_pair_are_put_together() {
    let long = [&b"\x04\x80\0\0\x82LONG"[..], &[b'v'; 130]].concat();
    for size in [1, 5] {
        let mut records = vec![BEGIN.to_vec()];
        for piece in long.chunks(size) {
            records.push([&[1, 4, 0, 1, 0, piece.len() as u8, 0, 0], piece].concat());
        }
        records.extend([PARAMS_END.to_vec(), STDIN_END.to_vec()]);
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let outcome = run(&records);
        assert_eq!(outcome.requests[0].params, [(b"LONG".to_vec(), vec![b'v'; 130])], "in records of {size} bytes");
    }
}

#[test]
fn a_param_of_100_kb_is_read() {
    let value = vec![b'v'; 102_400];
    let stream = [&b"\x01\x80\x01\x90\0A"[..], &value].concat();
    let (first, second) = stream.split_at(65_535);
    let length = (second.len() as u16).to_be_bytes();
    let outcome = run(&[
        BEGIN,
        &[b"\x01\x04\0\x01\xff\xff\0\0", first].concat(),
        &[&[1, 4, 0, 1, length[0], length[1], 0, 0], second].concat(),
        PARAMS_END,
        STDIN_END,
    ]);
    assert_eq!(outcome.requests[0].params, [(b"A".to_vec(), value)]);
}

#[test]
fn params_beyond_the_limit_can_still_be_answered_with_431() {
    let limits = Limits { params_size: 1000, ..Limits::default() };
    let mut decoder = RequestDecoder::new();
    let input = [BEGIN, b"\x01\x04\0\x01\xff\xff\0\0\x01\x80\x01\x90\0A"].concat();
    let violation = decoder.receive(&input, &limits, &mut Vec::new()).unwrap_err();
    assert_eq!((violation, violation.status()), (Violation::ParamsTooLarge, 431));
    let request = decoder.request().expect("who is to be answered");

    let mut out = Vec::new();
    encode_stdout(&mut out, request.id, b"Status: 431\r\n\r\n");
    encode_stdout_end(&mut out, request.id);
    encode_end_request(&mut out, request.id, 0, ProtocolStatus::RequestComplete);
    let end = b"\x01\x06\0\x01\0\0\0\0\x01\x03\0\x01\0\x08\0\0\0\0\0\0\0\0\0\0";
    assert_eq!(out, [&b"\x01\x06\0\x01\0\x0f\0\0Status: 431\r\n\r\n"[..], end].concat());
}

#[test]
fn a_body_shorter_than_content_length_is_told_as_it_is() {
    let outcome = run(&[
        BEGIN,
        b"\x01\x04\0\x01\0\x11\0\0\x0e\x01CONTENT_LENGTH5",
        PARAMS_END,
        b"\x01\x05\0\x01\0\x02\0\0he",
        STDIN_END,
    ]);
    assert_eq!((&outcome.requests[0].stdin[..], outcome.requests[0].whole), (&b"he"[..], true));
}

#[test]
fn an_empty_content_length_comes_through() {
    let outcome = run(&[BEGIN, b"\x01\x04\0\x01\0\x10\0\0\x0e\0CONTENT_LENGTH", PARAMS_END, STDIN_END]);
    assert_eq!(outcome.requests[0].params, [(b"CONTENT_LENGTH".to_vec(), vec![])]);
}

#[test]
fn repeated_params_are_all_there() {
    let outcome = run(&[BEGIN, b"\x01\x04\0\x01\0\x08\0\0\x01\x01A1\x01\x01A2", PARAMS_END, STDIN_END]);
    assert_eq!(outcome.requests[0].params, [(b"A".to_vec(), b"1".to_vec()), (b"A".to_vec(), b"2".to_vec())]);
}

#[test]
fn the_application_can_start_before_the_body_has_ended() {
    let mut decoder = RequestDecoder::new();
    let mut receive = |input: &[u8]| decoder.receive(input, &Limits::default(), &mut Vec::new()).unwrap();
    receive(BEGIN);
    assert_eq!(receive(PARAMS_END).event, Event::Params);
    assert_eq!(receive(b"\x01\x05\0\x01\0\x05\0\0he").event, Event::Stdin(8..10));
    assert_eq!(receive(b"llo").event, Event::Stdin(0..3));
    assert_eq!(receive(STDIN_END).event, Event::StdinEnd);
}

#[test]
fn an_abort_within_the_body_is_told() {
    let outcome = run(&[BEGIN, PARAMS_END, b"\x01\x05\0\x01\0\x02\0\0he", b"\x01\x02\0\x01\0\0\0\0"]);
    assert!(outcome.requests[0].aborted && !outcome.requests[0].whole);
    assert_eq!((&outcome.replies[..], outcome.end), (&b""[..], End::Idle));
}

#[test]
fn an_abort_before_the_params_have_ended_is_answered_at_once() {
    let outcome = run(&[BEGIN, b"\x01\x02\0\x01\0\0\0\0"]);
    assert_eq!(outcome.requests, []);
    assert_eq!(outcome.replies, [1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(outcome.end, End::Idle);
}

#[test]
fn records_after_the_answer_are_ignored() {
    let late: &[&[u8]] =
        &[b"\x01\x05\0\x01\0\x02\0\0he", b"\x01\x02\0\x01\0\0\0\0", b"\x01\x08\0\x01\0\x01\0\0x", STDIN_END];
    let outcome = run(&[REQUEST, late, REQUEST].concat());
    assert_eq!((outcome.requests.len(), outcome.end), (2, End::Idle));
    assert_eq!(outcome.requests[1].stdin, b"");
}

#[test]
fn the_rest_of_a_record_is_ignored_when_the_answer_came_in_its_middle() {
    let (mut decoder, limits, mut replies) = (RequestDecoder::new(), Limits::default(), Vec::new());
    for (input, event) in
        [(BEGIN, Event::Pending), (PARAMS_END, Event::Params), (b"\x01\x05\0\x01\0\x05\x02\0he", Event::Stdin(8..10))]
    {
        assert_eq!(decoder.receive(input, &limits, &mut replies).unwrap().event, event);
    }
    decoder.request_ended();
    let rest = [b"llo\0\0", BEGIN, PARAMS_END].concat();
    let received = decoder.receive(&rest, &limits, &mut replies).unwrap();
    assert_eq!(received, Received { consumed: rest.len(), event: Event::Params });
}

#[test]
fn padding_is_consumed_with_the_event_before_it() {
    let (mut decoder, limits, mut replies) = (RequestDecoder::new(), Limits::default(), Vec::new());
    decoder.receive(&[BEGIN, PARAMS_END].concat(), &limits, &mut replies).unwrap();
    let input = b"\x01\x05\0\x01\0\x01\x03\0x\0\0\0\x01\x05\0\x01\0\0\x02\0\0\0";
    let received = decoder.receive(input, &limits, &mut replies).unwrap();
    assert_eq!(received, Received { consumed: 12, event: Event::Stdin(8..9) });
    let received = decoder.receive(&input[12..], &limits, &mut replies).unwrap();
    assert_eq!(received, Received { consumed: 10, event: Event::StdinEnd });
}

#[test]
fn what_follows_a_refusal_that_closes_the_connection_is_ignored() {
    let (mut decoder, limits, mut replies) = (RequestDecoder::new(), Limits::default(), Vec::new());
    let begin = b"\x01\x01\0\x01\0\x08\0\0\0\x63\0\0\0\0\0\0";
    assert_eq!(decoder.receive(begin, &limits, &mut replies).unwrap().event, Event::Close);
    let ignored = Received { consumed: 3, event: Event::Pending };
    assert_eq!(decoder.receive(b"\xff\xff\xff", &limits, &mut replies), Ok(ignored));
}

#[test]
fn version_2_is_refused_at_its_first_byte() {
    assert_eq!(violation(&[b"\x02"]), Violation::Version(2));
    assert_eq!(violation(&[BEGIN, b"\x02"]), Violation::Version(2));
}

#[test]
fn a_corrupt_length_is_refused_before_anything_waits_for_it() {
    assert_eq!(violation(&[BEGIN, b"\x01\x04\0\x01\0\x09\0\0\x01\xff\xff\xff\xff"]), Violation::ParamsTooLarge);
}

#[test]
fn http_is_recognised_at_its_first_byte() {
    let mut decoder = RequestDecoder::new();
    let refused = decoder.receive(b"G", &Limits::default(), &mut Vec::new());
    assert_eq!(refused, Err(Violation::NotFastCgi(OtherProtocol::Http)));
    assert!(refused.unwrap_err().to_string().contains("HTTP"));
}

#[test]
fn a_peer_that_asks_and_does_not_read_is_refused() {
    let limits = Limits { replies_size: 32, ..Limits::default() };
    let (mut decoder, mut replies) = (RequestDecoder::new(), Vec::new());
    let unknown = b"\x01\x63\0\0\0\0\0\0";
    for _ in 0..100 {
        decoder.receive(unknown, &limits, &mut replies).unwrap();
        replies.clear();
    }
    for _ in 0..2 {
        decoder.receive(unknown, &limits, &mut replies).unwrap();
    }
    assert_eq!(decoder.receive(unknown, &limits, &mut replies), Err(Violation::TooManyReplies));
    assert_eq!(replies.len(), 32);
}

#[test]
fn long_stderr_is_cut_into_records_between_those_of_stdout() {
    let mut decoder = RequestDecoder::new();
    decoder.receive(&[BEGIN, PARAMS_END].concat(), &Limits::default(), &mut Vec::new()).unwrap();
    let id = decoder.request().expect("a request").id;
    let mut out = Vec::new();
    encode_stdout_header(&mut out, id, 2);
    out.extend_from_slice(b"he");
    encode_stderr(&mut out, id, &vec![b'e'; 70_000]);
    encode_stdout(&mut out, id, b"llo");
    assert_eq!(out[..18], *b"\x01\x06\0\x01\0\x02\0\0he\x01\x07\0\x01\xff\xf8\0\0");
    assert_eq!(out[10 + 8 + 65_528..][..8], *b"\x01\x07\0\x01\x11\x78\0\0");
    assert_eq!(out[out.len() - 11..], *b"\x01\x06\0\x01\0\x03\0\0llo");
}
