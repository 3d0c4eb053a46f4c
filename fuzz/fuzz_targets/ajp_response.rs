//! Responses of AJP, both ways. Any bytes on a connection to the web server: the decoder does not panic, consumes no more
//! than there is, and comes to the same result however the bytes are split. Any response of an application: what is written
//! is read back, field for field, or nothing is written.

#![no_main]

#[path = "../../crates/protocol/ajp/tests/connection/mod.rs"]
mod connection;

use connection::{End, response_outcome};
use libfuzzer_sys::{Corpus, fuzz_target};
use millau_ajp::{
    BODY_CHUNK_END, EncodeError, FLUSH, Limits, SendHeaders, encode_body_chunk_prefix, encode_send_headers,
    end_response, max_body_chunk,
};
use millau_gateway::{BodyExtent, BodyLength, Response, ResponseError};

fuzz_target!(|input: &[u8]| -> Corpus {
    // Longer input shows nothing that the narrow limits do not, and takes long.
    if input.len() > 4096 {
        return Corpus::Reject;
    }
    let narrow = Limits { packet_size: 64, fields: 3, ..Limits::default() };
    for limits in [Limits::default(), narrow] {
        let whole = response_outcome([input], &limits);
        assert_eq!(response_outcome(input.chunks(1), &limits), whole, "byte by byte");
        assert_eq!(response_outcome(input.chunks(7), &limits), whole, "in pieces");
    }
    write_and_read(input);
    Corpus::Keep
});

fn write_and_read(input: &[u8]) {
    let Some((choices, text)) = input.split_first_chunk::<4>() else { return };
    let [status, length, flags, piece] = *choices;
    let mut response = Response::new(u16::from(status) * 4);
    let mut lines = text.split(|byte| *byte == b'|');
    response.reason = lines.next().unwrap_or_default().to_vec();
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        // Names are tokens: that is the promise of whoever makes a response.
        if !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') {
            response.fields.push(name, value);
        }
    }
    let packet_size = if flags & 1 == 0 { 8_192 } else { 64 + usize::from(piece) };
    let head = SendHeaders {
        response: &response,
        length: if flags & 2 == 0 { BodyLength::Unknown } else { BodyLength::Known(length.into()) },
        head_request: flags & 4 != 0,
        packet_size,
    };
    let mut out = b"before".to_vec();
    let follows = match encode_send_headers(&mut out, &head) {
        Ok(follows) => follows,
        Err(error) => {
            assert_eq!(out, b"before");
            if error == EncodeError::Response(ResponseError::ControlCharacter) {
                let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
                assert!(text.iter().any(is_control), "refused for a control character that is not there");
            }
            return;
        }
    };
    assert!(out.len() - 6 <= packet_size, "larger than a packet");
    let body = if follows == BodyExtent::None { &[] } else { text };
    for data in body.chunks((1 + usize::from(piece)).min(max_body_chunk(packet_size))) {
        let start = out.len();
        encode_body_chunk_prefix(&mut out, data.len());
        out.extend_from_slice(data);
        out.extend_from_slice(BODY_CHUNK_END);
        assert!(out.len() - start <= packet_size, "larger than a packet");
        out.extend_from_slice(FLUSH);
    }
    out.extend_from_slice(end_response(flags & 8 != 0));

    let limits = Limits { packet_size, fields: 65_535, ..Limits::default() };
    let outcome = response_outcome([&out[6..]], &limits);
    assert_eq!((outcome.end, outcome.responses.len()), (End::Idle, 1));
    let read = &outcome.responses[0];
    assert_eq!((read.status, &read.reason, &read.body[..]), (response.status, &response.reason, body));
    assert_eq!(read.reuse, flags & 8 != 0);

    let lower = |name: &[u8]| name.to_ascii_lowercase();
    let is_own =
        |name: &[u8]| !name.eq_ignore_ascii_case(b"connection") && !name.eq_ignore_ascii_case(b"content-length");
    let sent =
        response.fields.iter().filter(|(name, _)| is_own(name)).map(|(name, value)| (lower(name), value.to_vec()));
    let fields = || read.fields.iter().map(|(name, value)| (lower(name), value.clone()));
    assert!(fields().filter(|(name, _)| is_own(name)).eq(sent), "the fields are not those that were sent");
    let lengths: Vec<_> = fields().filter(|(name, _)| name == b"content-length").map(|(_, value)| value).collect();
    match follows {
        BodyExtent::Length(length) => assert_eq!(lengths, [length.to_string().into_bytes()]),
        BodyExtent::Open => assert!(lengths.is_empty()),
        BodyExtent::None => assert!(lengths.len() <= 1 && (response.status != 204 || lengths.is_empty())),
    }
}
