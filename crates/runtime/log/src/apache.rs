//! The common and the combined log format, as Apache writes them.
//!
//! `%h %l %u %t "%r" %>s %b`, and `"%{Referer}i" "%{User-Agent}i"` after it.

use std::io::Write;

use millau_gateway::Peer;

use crate::{Record, ip_address, stamp};

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
        (None | Some([]), Peer::Inet(address)) => ip_address::append(out, address.ip()),
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
#[derive(Clone, Copy)]
enum Place {
    /// Between quotes, where spaces are harmless.
    Quotes,
    /// Between spaces.
    Column,
}

impl Place {
    fn lets_through(self, byte: u8) -> bool {
        let first = match self {
            Self::Quotes => b' ',
            Self::Column => b'!',
        };
        (byte >= first) & (byte <= b'~') & (byte != b'"') & (byte != b'\\')
    }
}

/// Nothing that comes out of this ends a line, a column or a quotation.
fn escape(out: &mut Vec<u8>, text: &[u8], place: Place) {
    // To the end in any case, because such a loop looks at many bytes at once.
    if text.iter().fold(true, |plain, byte| plain & place.lets_through(*byte)) {
        return out.extend_from_slice(text);
    }
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte if place.lets_through(*byte) => out.push(*byte),
            byte => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::record::sample;

    use super::*;

    fn line(record: &Record<'_>, combined: bool) -> String {
        let mut out = Vec::new();
        append(&mut out, record, combined);
        String::from_utf8(out).unwrap()
    }

    /// The columns of a combined line, as a log analyser would take it apart.
    fn columns(line: &str) -> Vec<String> {
        let mut columns = vec![String::new()];
        let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
        for character in line.strip_suffix('\n').unwrap().chars() {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quoted = !quoted,
                '[' if !quoted => bracketed = true,
                ']' if !quoted => bracketed = false,
                ' ' if !quoted && !bracketed => {
                    columns.push(String::new());
                    continue;
                }
                _ => {}
            }
            columns.last_mut().unwrap().push(character);
        }
        assert!(!quoted && !bracketed && !escaped, "{line}");
        columns
    }

    #[test]
    fn writes_the_common_format() {
        assert_eq!(
            line(&sample(), false),
            "203.0.113.7 - - [22/Nov/2026:20:10:00 +0000] \"GET /a?b=c HTTP/1.1\" 200 13\n"
        );
    }

    #[test]
    fn writes_the_combined_format() {
        assert_eq!(
            line(&sample(), true),
            "203.0.113.7 - - [22/Nov/2026:20:10:00 +0000] \"GET /a?b=c HTTP/1.1\" 200 13 \"http://example.org/\" \"curl/8\"\n"
        );
    }

    #[test]
    fn what_is_missing_is_a_hyphen() {
        let record = Record {
            peer: Peer::Local,
            method: b"",
            target: b"",
            status: 0,
            bytes_sent: 0,
            referer: None,
            user_agent: None,
            ..sample()
        };
        assert_eq!(line(&record, true), "- - - [22/Nov/2026:20:10:00 +0000] \"-\" - - \"-\" \"-\"\n");
        let nobody = Record { user: Some(b""), remote_addr: Some(b""), ..sample() };
        assert_eq!(line(&nobody, false), line(&sample(), false));
    }

    #[test]
    fn the_front_servers_word_replaces_the_peer() {
        let record = Record { remote_addr: Some(b"198.51.100.1"), user: Some(b"frank"), ..sample() };
        assert!(line(&record, false).starts_with("198.51.100.1 - frank ["));
    }

    #[test]
    fn escapes_as_apache_does() {
        let record = Record { user_agent: Some(b"a\"b\\c\nd\re\tf\x01g\x7fh\xc3\xa4i j"), ..sample() };
        assert!(line(&record, true).ends_with(" \"a\\\"b\\\\c\\nd\\re\\tf\\x01g\\x7fh\\xc3\\xa4i j\"\n"));
    }

    #[test]
    fn a_user_named_hyphen_is_not_nobody() {
        let record = Record { user: Some(b"-"), ..sample() };
        assert!(line(&record, false).starts_with("203.0.113.7 - \\x2d ["));
    }

    #[test]
    fn nothing_that_is_sent_can_forge_a_column_or_a_line() {
        let every_byte: Vec<u8> = (0..=255).collect();
        let attempts: [&[u8]; 6] = [
            b"x\" 200 5 \"-\" \"-\"\n1.2.3.4 - admin [22/Nov/2026:20:10:00 +0000] \"GET / HTTP/1.1\" 200 5",
            b"frank [01/Jan/2000:00:00:00 +0000] \"GET",
            b"trailing backslash\\",
            b"\\\"",
            b"\r\n",
            &every_byte,
        ];
        for attempt in attempts {
            let forged = Record {
                remote_addr: Some(attempt),
                user: Some(attempt),
                method: attempt,
                target: attempt,
                referer: Some(attempt),
                user_agent: Some(attempt),
                ..sample()
            };
            let line = line(&forged, true);
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert!(line.trim_end_matches('\n').bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line}");
            let columns = columns(&line);
            assert_eq!(columns.len(), 9, "{columns:#?}");
            assert_eq!(columns[3], "[22/Nov/2026:20:10:00 +0000]");
            assert_eq!(columns[4].split(' ').count(), 3, "{}", columns[4]);
            assert_eq!(columns[5..7], ["200", "13"]);
        }
    }
}
