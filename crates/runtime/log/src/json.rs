//! One JSON object per line (RFC 8259).

use std::io::Write;

use millau_gateway::Peer;

use crate::{Record, stamp};

/// Adds a line.
pub(crate) fn append(out: &mut Vec<u8>, record: &Record<'_>) {
    out.extend_from_slice(b"{\"time\":\"");
    stamp::rfc3339(record.time, out);
    out.extend_from_slice(b"\",\"remote_addr\":");
    match (record.remote_addr, record.peer) {
        (None | Some([]), Peer::Local) => out.extend_from_slice(b"null"),
        (None | Some([]), Peer::Inet(address)) => {
            out.push(b'"');
            crate::access_log::ip(out, address.ip());
            out.push(b'"');
        }
        (Some(address), _) => string(out, address),
    }
    text(out, "user", record.user.filter(|user| !user.is_empty()));
    text(out, "method", Some(record.method).filter(|method| !method.is_empty()));
    text(out, "target", Some(record.target).filter(|_| !record.method.is_empty()));
    text(out, "protocol", Some(record.version.name().as_bytes()).filter(|_| !record.method.is_empty()));
    number(out, "status", record.status.into());
    number(out, "bytes", record.bytes_sent);
    number(out, "duration_us", u64::try_from(record.duration.as_micros()).unwrap_or(u64::MAX));
    text(out, "referer", record.referer);
    text(out, "user_agent", record.user_agent);
    text(out, "host", record.host);
    text(out, "outcome", Some(record.outcome.name().as_bytes()));
    out.extend_from_slice(b"}\n");
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn number(out: &mut Vec<u8>, name: &str, number: u64) {
    key(out, name);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn text(out: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    key(out, name);
    match value {
        None => out.extend_from_slice(b"null"),
        Some(value) => string(out, value),
    }
}

/// As text where the bytes are UTF-8. Else as ISO 8859-1, which is what HTTP once took fields for (RFC 9110 §5.5): every
/// byte becomes the character of that number, so the line is valid whatever was sent, and nothing is lost.
fn string(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    if value.iter().all(|byte| matches!(byte, b' '..=b'~' if *byte != b'"' && *byte != b'\\')) {
        out.extend_from_slice(value);
    } else if let Ok(text) = std::str::from_utf8(value) {
        text.chars().for_each(|character| escape(out, character));
    } else {
        value.iter().for_each(|byte| escape(out, char::from(*byte)));
    }
    out.push(b'"');
}

/// Beyond what JSON demands, everything is escaped that some reader takes for the end of a line, or a terminal for an
/// order.
fn escape(out: &mut Vec<u8>, character: char) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\u{2028}' | '\u{2029}' => {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        }
        _ if character.is_control() => {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        }
        _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}
