//! One JSON object per line (RFC 8259).

use std::io::Write;

use millau_gateway::Peer;

use crate::{Record, ip_address, stamp};

/// Adds a line.
pub(crate) fn append(out: &mut Vec<u8>, record: &Record<'_>) {
    out.extend_from_slice(b"{\"time\":\"");
    stamp::rfc3339(record.time, out);
    out.extend_from_slice(b"\",\"remote_addr\":");
    match (record.remote_addr, record.peer) {
        (None | Some([]), Peer::Local) => out.extend_from_slice(b"null"),
        (None | Some([]), Peer::Inet(address)) => {
            out.push(b'"');
            ip_address::append(out, address.ip());
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
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\');
    // To the end in any case, because such a loop looks at many bytes at once.
    if value.iter().fold(true, |plain, byte| plain & is_plain(*byte)) {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::Outcome;
    use crate::record::sample;

    use super::*;

    fn line(record: &Record<'_>) -> String {
        let mut out = Vec::new();
        append(&mut out, record);
        String::from_utf8(out).unwrap()
    }

    fn object(record: &Record<'_>) -> Value {
        let line = line(record);
        assert_eq!(line.find('\n'), Some(line.len() - 1), "{line}");
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn writes_one_object_with_its_keys_in_order() {
        assert_eq!(
            line(&sample()),
            concat!(
                r#"{"time":"2026-11-22T20:10:00.123Z","remote_addr":"203.0.113.7","user":null,"method":"GET","#,
                r#""target":"/a?b=c","protocol":"HTTP/1.1","status":200,"bytes":13,"duration_us":1234,"#,
                r#""referer":"http://example.org/","user_agent":"curl/8","host":"example.org","outcome":"complete"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn what_is_missing_is_null() {
        let record = Record {
            peer: Peer::Local,
            method: b"",
            target: b"",
            referer: None,
            user_agent: None,
            host: None,
            outcome: Outcome::TimedOut,
            ..sample()
        };
        let object = object(&record);
        for key in ["remote_addr", "user", "method", "target", "protocol", "referer", "user_agent", "host"] {
            assert_eq!(object[key], Value::Null, "{key}");
        }
        assert_eq!(object["outcome"], "timed-out");
    }

    #[test]
    fn what_is_there_and_empty_is_empty() {
        let object = object(&Record { referer: Some(b""), target: b"", ..sample() });
        assert_eq!((&object["referer"], &object["target"]), (&json!(""), &json!("")));
    }

    #[test]
    fn the_front_servers_word_replaces_the_peer() {
        let record = Record { remote_addr: Some(b"unix:\"x\""), user: Some("j\u{f6}rg".as_bytes()), ..sample() };
        assert_eq!(object(&record)["remote_addr"], "unix:\"x\"");
        assert_eq!(object(&record)["user"], "j\u{f6}rg");
    }

    #[test]
    fn every_byte_comes_through_as_utf_8_or_as_iso_8859_1() {
        for byte in 0..=255_u8 {
            let as_sent = [b'a', byte, b'z'];
            let expected = match std::str::from_utf8(&as_sent) {
                Ok(text) => text.to_owned(),
                Err(_) => as_sent.iter().copied().map(char::from).collect(),
            };
            assert_eq!(object(&Record { user_agent: Some(&as_sent), ..sample() })["user_agent"], *expected, "{byte}");
        }
        let text = "ä€😀\u{2028}\u{2029}\u{85}\u{7f}";
        assert_eq!(object(&Record { user_agent: Some(text.as_bytes()), ..sample() })["user_agent"], text);
    }

    #[test]
    fn no_reader_sees_two_lines_and_no_terminal_an_order() {
        let text = "a\n\r\u{b}\u{c}\u{1c}\u{1b}[2J\u{85}\u{9b}\u{2028}\u{2029}\"},{\"";
        let line = line(&Record { target: text.as_bytes(), user: Some(text.as_bytes()), ..sample() });
        let odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        assert!(!line.trim_end_matches('\n').contains(odd), "{line:?}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["target"], text);
    }
}
