//! The host of a Host field or of a target in absolute form (RFC 9110 §7.2, RFC 3986 §3.2.2).

use std::net::Ipv6Addr;

use millau_gateway::token::table;

/// True for `uri-host [ ":" port ]` with a host that is not empty. User information is not part of it, and so refused.
pub(crate) fn is_host(text: &[u8]) -> bool {
    // Nearly every host consists of such bytes alone, so the first other byte is the end of the name.
    let end = text.iter().position(|byte| !is_name_byte(*byte)).unwrap_or(text.len());
    match &text[end..] {
        [] => end > 0,
        [b':', port @ ..] => end > 0 && is_port(port),
        _ => is_unusual_host(text),
    }
}

/// A host with brackets or with percent-encoded bytes, or none.
#[cold]
fn is_unusual_host(text: &[u8]) -> bool {
    let (host_is_valid, rest) = match text {
        [b'[', inside @ ..] => {
            let Some(end) = inside.iter().position(|byte| *byte == b']') else { return false };
            (is_ip_literal(&inside[..end]), &inside[end + 1..])
        }
        _ => {
            let end = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
            (is_registered_name(&text[..end]), &text[end..])
        }
    };
    host_is_valid && (rest.is_empty() || rest.strip_prefix(b":").is_some_and(is_port))
}

/// `reg-name = *( unreserved / pct-encoded / sub-delims )`, which covers IPv4 addresses; here it may not be empty.
fn is_registered_name(name: &[u8]) -> bool {
    let mut rest = name;
    while let [byte, after @ ..] = rest {
        rest = match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            (byte, after) if is_name_byte(*byte) => after,
            _ => return false,
        };
    }
    !name.is_empty()
}

/// What stands between the brackets: `IPv6address / IPvFuture`.
fn is_ip_literal(text: &[u8]) -> bool {
    if let [b'v' | b'V', future @ ..] = text {
        let mut halves = future.splitn(2, |byte| *byte == b'.');
        let (version, address) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
        return !version.is_empty()
            && version.iter().all(u8::is_ascii_hexdigit)
            && !address.is_empty()
            && address.iter().all(|byte| *byte == b':' || is_name_byte(*byte));
    }
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// `port = *DIGIT`, and a number that a port can have.
fn is_port(digits: &[u8]) -> bool {
    let number = digits.iter().try_fold(0u16, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    });
    number.is_some()
}

/// `unreserved / sub-delims`
fn is_name_byte(byte: u8) -> bool {
    const NAME: [bool; 256] = table(b"-._~!$&'()*+,;=");
    NAME[byte as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_the_grammar_accepts() {
        for host in
            ["a", "example.org:80", "a_b", "h:", "127.0.0.1:65535", "[::1]", "[::ffff:1.2.3.4]:8", "%41b", "[v1.a:b]"]
        {
            assert!(is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for host in [
            "",
            ":80",
            "u@h",
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "h:8x",
            "h:65536",
            "h:80:80",
            "::1",
            "[::1",
            "[::1]x",
            "[]",
            "[fe80::1%25eth0]",
            "%4",
            "%zz",
            "a\u{e9}",
            "a\\b",
            "\"a\"",
            "[v.a]",
            "[v1.]",
            "[1.2.3.4]",
            "h:+1",
            "<a>",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}
