//! What one side writes, the other one reads.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code)] // The corpus uses the rest.
mod connection;
#[allow(dead_code)]
mod response_connection;

use connection::{Answer, End, Seen, outcome};
use millau_fastcgi::{
    BeginRequest, EndRequest, Limits, ProtocolStatus, RequestDecoder, RequestId, ResponseDecoder, ResponseEvent,
    ResponseViolation, Role, encode_abort_request, encode_begin_request, encode_end_request, encode_get_values,
    encode_params, encode_stderr, encode_stderr_end, encode_stdin, encode_stdin_end, encode_stdout, encode_stdout_end,
};
use response_connection::{ResponseEnd, SeenResponse, Told, response_outcome};

const ID: RequestId = RequestId::MIN;

#[test]
fn a_request_comes_through() {
    let params = [(&b"HTTP_COOKIE"[..], &[b'c'; 70_000][..]), (b"CONTENT_LENGTH", b"200000")];
    let body = vec![b'b'; 200_000];
    let mut wire = Vec::new();
    encode_begin_request(&mut wire, ID, BeginRequest { role: Role::Responder, keep_conn: true });
    encode_params(&mut wire, ID, params).unwrap();
    encode_stdin(&mut wire, ID, &body);
    encode_stdin_end(&mut wire, ID);
    let seen = Seen {
        id: 1,
        keep_conn: true,
        params: params.map(|(name, value)| (name.to_vec(), value.to_vec())).to_vec(),
        stdin: body,
        whole: true,
        aborted: false,
    };
    let outcome = outcome(wire.chunks(1000), &Limits::default(), Answer::AtEnd);
    assert_eq!((outcome.requests, outcome.end), (vec![seen], End::Idle));
}

#[test]
fn an_abort_comes_through() {
    let mut wire = Vec::new();
    encode_begin_request(&mut wire, ID, BeginRequest { role: Role::Responder, keep_conn: false });
    encode_params(&mut wire, ID, []).unwrap();
    encode_abort_request(&mut wire, ID);
    let outcome = outcome([&wire[..]], &Limits::default(), Answer::AtEnd);
    assert!(outcome.requests[0].aborted);
    assert_eq!(outcome.end, End::Closed);
}

#[test]
fn a_response_comes_through() {
    let body = vec![b'b'; 200_000];
    let mut wire = Vec::new();
    encode_stderr(&mut wire, ID, b"a warning");
    encode_stdout(&mut wire, ID, &body);
    encode_stderr_end(&mut wire, ID);
    encode_stdout_end(&mut wire, ID);
    encode_end_request(&mut wire, ID, 3, ProtocolStatus::RequestComplete);
    let seen = SeenResponse {
        stdout: body,
        stdout_ended: true,
        stderr: b"a warning".to_vec(),
        end: Some(EndRequest { app_status: 3, protocol_status: ProtocolStatus::RequestComplete }),
    };
    let outcome = response_outcome(wire.chunks(1000), 1);
    assert_eq!((outcome.responses, outcome.end), (vec![seen], ResponseEnd::Idle));
}

#[test]
fn variables_come_through() {
    let (mut asked, mut told) = (Vec::new(), Vec::new());
    encode_get_values(&mut asked);
    let limits = Limits { connections: 7, requests: 8, ..Limits::default() };
    RequestDecoder::new().receive(&asked, &limits, &mut told).unwrap();
    let pair = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let values = vec![pair("FCGI_MAX_CONNS", "7"), pair("FCGI_MAX_REQS", "8"), pair("FCGI_MPXS_CONNS", "0")];
    assert_eq!(response_outcome([&told[..]], 0).told, [Told::Values(values)]);
}

#[test]
fn a_refusal_comes_through_and_the_next_request_may_begin() {
    let mut wire = Vec::new();
    encode_end_request(&mut wire, ID, 0, ProtocolStatus::Overloaded);
    let mut decoder = ResponseDecoder::new();
    assert!(decoder.is_idle());
    decoder.begin(ID);
    assert!(!decoder.is_idle());
    let end = EndRequest { app_status: 0, protocol_status: ProtocolStatus::Overloaded };
    assert_eq!(decoder.receive(&wire).unwrap().event, ResponseEvent::End(end));
    assert!(decoder.is_idle());
    let second = RequestId::new(2).unwrap();
    decoder.begin(second);
    assert_eq!(decoder.receive(&wire), Err(ResponseViolation::RequestId(1)));
}

#[test]
fn output_without_a_request_is_refused_whatever_its_id() {
    for id in [0, 1] {
        let refused = ResponseDecoder::new().receive(&[1, 6, 0, id, 0, 1, 0, 0, b'x']);
        assert_eq!(refused, Err(ResponseViolation::RequestId(id.into())));
    }
}

#[test]
fn padding_is_consumed_with_the_event_before_it() {
    let mut decoder = ResponseDecoder::new();
    decoder.begin(ID);
    let received = decoder.receive(b"\x01\x06\0\x01\0\x01\x03\0x\0\0\0").unwrap();
    assert_eq!((received.consumed, received.event), (12, ResponseEvent::Stdout(8..9)));
}
