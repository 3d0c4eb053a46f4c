//! Says what is wrong with a head that the tokenizer did not accept: the first defect in the order of the bytes.
//!
//! Off the hot path; a head that is accepted never comes here.

use memchr::memchr;
use millau_gateway::token::{is_token_byte, is_value_byte};

use crate::head_end::{hopeless, target_length};
use crate::{HeadEnd, Limits, Refusal};

/// The first thing that is wrong with the head at the beginning of `input`.
#[cold]
pub(crate) fn diagnose(input: &[u8], limits: &Limits) -> Refusal {
    let end = HeadEnd::default().find(input);
    let head = &input[..end.unwrap_or(input.len())];
    if let Some(refusal) = hopeless(head) {
        return refusal;
    }
    if target_length(head) > limits.target_size {
        return Refusal::TargetTooLong;
    }
    if head.len() > limits.head_size || (end.is_none() && head.len() == limits.head_size) {
        return Refusal::HeadTooLarge;
    }
    let mut rest = head.strip_prefix(b"\r\n").unwrap_or(head);
    let mut number = 0;
    while let Some(line_feed) = memchr(b'\n', rest) {
        let (line, after) = (&rest[..line_feed], &rest[line_feed + 1..]);
        rest = after;
        let text = line.strip_suffix(b"\r");
        let refusal = match (number, text.unwrap_or(line)) {
            (0, line) => request_line_refusal(line),
            (_, []) => None,
            (1, [b' ' | b'\t', ..]) => Some(Refusal::SpaceBeforeFields),
            (_, line) => field_line_refusal(line),
        };
        if let Some(refusal) = refusal {
            return refusal;
        }
        if text.is_none() {
            return Refusal::BareLineFeed;
        }
        number += 1;
        // The request line and the empty line at the end are no fields.
        if number > limits.fields + 1 && text != Some(b"") {
            return Refusal::TooManyFields;
        }
    }
    Refusal::Incomplete
}

fn request_line_refusal(line: &[u8]) -> Option<Refusal> {
    if line.contains(&b'\r') {
        return Some(Refusal::BareCarriageReturn);
    }
    let parts: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [_method, target, version] = parts[..] else {
        let has_version = parts.last().is_some_and(|last| last.starts_with(b"HTTP/"));
        return Some(if parts.len() == 2 && !has_version { Refusal::MissingVersion } else { Refusal::RequestLine });
    };
    if target.is_empty() {
        return Some(Refusal::RequestLine);
    }
    if !target.iter().all(|byte| byte.is_ascii_graphic()) {
        return Some(Refusal::TargetByte);
    }
    match version {
        [] => Some(Refusal::MissingVersion),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9'] => None,
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => Some(Refusal::VersionNotSupported),
        _ => Some(Refusal::Version),
    }
}

fn field_line_refusal(line: &[u8]) -> Option<Refusal> {
    if line.contains(&b'\r') {
        return Some(Refusal::BareCarriageReturn);
    }
    if matches!(line, [b' ' | b'\t', ..]) {
        return Some(Refusal::LineFolding);
    }
    let Some(colon) = memchr(b':', line) else { return Some(Refusal::MissingColon) };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if name.is_empty() || !name.iter().all(|byte| is_token_byte(*byte)) {
        let is_spaced = matches!(name, [.., b' ' | b'\t']);
        return Some(if is_spaced { Refusal::SpaceBeforeColon } else { Refusal::FieldName });
    }
    (!value.iter().all(|byte| is_value_byte(*byte))).then_some(Refusal::FieldValue)
}
