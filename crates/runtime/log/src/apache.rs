//! The common and the combined log format, as Apache writes them.
//!
//! `%h %l %u %t "%r" %>s %b`, and `"%{Referer}i" "%{User-Agent}i"` after it.

use std::io::Write;

use millau_gateway::Peer;

use crate::Record;
use crate::stamp;

/// Adds a line; `combined`: with Referer and User-Agent.
pub(crate) fn append(out: &mut Vec<u8>, record: &Record<'_>, combined: bool) {
    client(out, record);
    out.extend_from_slice(b" - ");
    match record.user {
        None | Some([]) => out.push(b'-'),
        // A user who calls himself so is not nobody.
        Some(b"-") => out.extend_from_slice(b"\\x2d"),
        Some(user) => escape(out, user, Place::Column),
    }
    out.extend_from_slice(b" [");
    stamp::common(record.time, out);
    out.extend_from_slice(b"] \"");
    if record.method.is_empty() {
        out.push(b'-');
    } else {
        escape(out, record.method, Place::Column);
        out.push(b' ');
        escape(out, record.target, Place::Column);
        out.push(b' ');
        out.extend_from_slice(record.version.name().as_bytes());
    }
    out.extend_from_slice(b"\" ");
    number(out, record.status.into());
    out.push(b' ');
    number(out, record.bytes_sent);
    if combined {
        for field in [record.referer, record.user_agent] {
            out.extend_from_slice(b" \"");
            match field {
                None => out.push(b'-'),
                Some(value) => escape(out, value, Place::Quotes),
            }
            out.push(b'"');
        }
    }
    out.push(b'\n');
}

fn client(out: &mut Vec<u8>, record: &Record<'_>) {
    match (record.remote_addr, record.peer) {
        (None | Some([]), Peer::Local) => out.push(b'-'),
        (None | Some([]), Peer::Inet(address)) => crate::access_log::ip(out, address.ip()),
        (Some(address), _) => escape(out, address, Place::Column),
    }
}

/// 0 is written as `-`, as the Common Log Format has it for "no bytes".
fn number(out: &mut Vec<u8>, number: u64) {
    match number {
        0 => out.push(b'-'),
        _ => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
    }
}

/// Where a text stands in the line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between quotes, where spaces are harmless.
    Quotes,
    /// Between spaces.
    Column,
}

/// Nothing that comes out of this ends a line, a column or a quotation.
fn escape(out: &mut Vec<u8>, text: &[u8], place: Place) {
    let is_plain = |byte: u8| matches!(byte, b'!'..=b'~' if byte != b'"' && byte != b'\\') || (byte == b' ' && place == Place::Quotes);
    let mut rest = text;
    loop {
        let plain = rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..plain]);
        let Some(byte) = rest.get(plain) else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
        rest = &rest[plain + 1..];
    }
}
