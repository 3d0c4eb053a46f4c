//! Any response of an application: what is written is one head that a parser reads back, field for field, and whose
//! framing is the one that was announced; or nothing is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use millau_gateway::{BodyLength, Response, ResponseError, Version};
use millau_http1::{BodyEncoding, ResponseHead, encode_response_head};

fuzz_target!(|input: &[u8]| {
    let Some((choices, text)) = input.split_first_chunk::<4>() else { return };
    let [status, length, flags, _] = *choices;
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
    let head = ResponseHead {
        response: &response,
        length: if flags & 1 == 0 { BodyLength::Unknown } else { BodyLength::Known(length.into()) },
        request_version: if flags & 2 == 0 { Version::Http11 } else { Version::Http10 },
        head_request: flags & 4 != 0,
        persistent: flags & 8 != 0,
        date: b"Sun, 06 Nov 1994 08:49:37 GMT",
        server: if flags & 16 == 0 { b"Millau" } else { b"" },
    };
    let mut out = b"before".to_vec();
    match encode_response_head(&mut out, &head) {
        Ok((body, persistent)) => check(&out[6..], &head, body, persistent),
        Err(error) => {
            assert_eq!(out, b"before");
            if error == ResponseError::ControlCharacter {
                let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
                assert!(text.iter().any(is_control), "refused for a control character that is not there");
            }
        }
    }
});

fn check(written: &[u8], head: &ResponseHead<'_>, body: BodyEncoding, persistent: bool) {
    let text: String = written.iter().map(|byte| char::from(*byte)).collect();
    let (lines, rest) = text.split_once("\r\n\r\n").expect("a head ends");
    assert_eq!(rest, "", "something follows the head");
    let mut lines = lines.split("\r\n");
    let status_line = lines.next().expect("a status line");
    assert!(status_line.starts_with(&format!("HTTP/1.1 {} ", head.response.status)));
    let fields: Vec<(&str, &str)> = lines.map(|line| line.split_once(": ").expect("a field")).collect();
    assert!(!text.replace("\r\n", "").contains(|character: char| character.is_ascii_control() && character != '\t'));

    let all = |wanted: &str| -> Vec<&str> {
        fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value).collect()
    };
    let (lengths, codings) = (all("content-length"), all("transfer-encoding"));
    assert!(lengths.len() <= 1 && (codings.is_empty() || (codings == ["chunked"] && lengths.is_empty())));
    match body {
        BodyEncoding::Length(length) => assert_eq!(lengths, [length.to_string()]),
        BodyEncoding::Chunked => assert!(codings == ["chunked"] && head.request_version == Version::Http11),
        BodyEncoding::UntilClose => assert!(lengths.is_empty() && codings.is_empty() && !persistent),
        BodyEncoding::None => {
            assert!(codings.is_empty() && (head.head_request || head.response.forbids_body()));
            assert!(head.response.status != 204 || lengths.is_empty());
        }
    }
    let connection = match (persistent, head.request_version) {
        (false, _) => &["close"][..],
        (true, Version::Http10) => &["keep-alive"],
        (true, _) => &[],
    };
    assert_eq!(all("connection"), connection);
    assert!(!persistent || head.persistent, "more persistent than wanted");
    assert!(!all("date").is_empty() && (head.server.is_empty() || !all("server").is_empty()));
}
