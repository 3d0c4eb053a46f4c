//! The rules once more, as plainly as possible: over the whole input, line by line, without a thought for speed or for
//! input that arrives in pieces. The decoder must agree with it on every input.
//!
//! It knows what is accepted, not why something is refused; and where a head or body has no end yet it only says so, while
//! the decoder may know already that the end would be in vain.

use millau_http1::Limits;

use crate::connection::{End, Outcome, Seen};

/// Panics where the decoder's outcome is not what the rules say.
pub(crate) fn assert_agrees(input: &[u8], limits: &Limits, outcome: &Outcome) {
    let (requests, end) = read(input, limits);
    assert_eq!(outcome.requests, requests);
    match (end, outcome.end) {
        (Rest::Idle, End::Idle) | (Rest::Closed, End::Closed) | (Rest::Wrong, End::Refused(_)) => {}
        (Rest::Cut, End::Cut(_) | End::Refused(_)) => {}
        (expected, end) => panic!("by the rules it ends {expected:?}, the decoder says {end:?}"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Idle,
    Closed,
    Wrong,
    Cut,
}

fn read(mut input: &[u8], limits: &Limits) -> (Vec<Seen>, Rest) {
    let mut requests = Vec::new();
    loop {
        if matches!(input, b"" | b"\r" | b"\r\n") {
            return (requests, Rest::Idle);
        }
        match request(input, limits) {
            Ok((seen, length)) => {
                input = &input[length..];
                let persistent = seen.persistent;
                requests.push(seen);
                if !persistent {
                    return (requests, Rest::Closed);
                }
            }
            Err(rest) => return (requests, rest),
        }
    }
}

/// One request from the beginning of the input, and its length.
fn request(input: &[u8], limits: &Limits) -> Result<(Seen, usize), Rest> {
    let before = if input.starts_with(b"\r\n") { 2 } else { 0 };
    let length = position(&input[before..], b"\r\n\r\n").ok_or(Rest::Cut)? + 4;
    let text = std::str::from_utf8(&input[before..before + length - 4]);
    // Latin-1 as text, so that the rules read easily: one character is one byte.
    let text: String = match text {
        Ok(text) if text.is_ascii() => text.to_owned(),
        _ => input[before..before + length - 4].iter().map(|byte| char::from(*byte)).collect(),
    };
    let (mut seen, framing) = head(&text, before + length, limits).ok_or(Rest::Wrong)?;
    let after = &input[before + length..];
    let body_length = match framing {
        Body::Length(length) => {
            let body = usize::try_from(length).ok().and_then(|length| after.get(..length)).ok_or(Rest::Cut)?;
            seen.body.extend_from_slice(body);
            body.len()
        }
        Body::Chunked => chunks(after, limits, &mut seen.body)?,
    };
    Ok((seen, before + length + body_length))
}

enum Body {
    Length(u64),
    Chunked,
}

/// A head without its last two line ends. `None`: refused.
fn head(text: &str, size: usize, limits: &Limits) -> Option<(Seen, Body)> {
    let mut lines = text.split("\r\n");
    let words: Vec<&str> = lines.next()?.split(' ').collect();
    let [method, target, version] = words[..] else { return None };
    let fields: Vec<(&str, &str)> = lines
        .map(|line| line.split_once(':').map(|(name, value)| (name, value.trim_matches([' ', '\t']))))
        .collect::<Option<_>>()?;
    let all = |wanted: &str| -> Vec<&str> {
        fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value).collect()
    };
    let list = |wanted: &str| -> Vec<String> {
        all(wanted).iter().flat_map(|value| value.split(',')).map(|item| trimmed(item).to_ascii_lowercase()).collect()
    };

    let minor = version.strip_prefix("HTTP/1.").filter(|minor| minor.len() == 1)?.parse::<u32>().ok()?;
    let is_http10 = minor == 0;
    let hosts = all("Host");
    let authority = authority(target)?;
    let fine = is_token(method)
        && method.len() <= 32
        && method != "CONNECT"
        && size <= limits.head_size
        && target.len() <= limits.target_size
        && fields.len() <= limits.fields
        && is_target(target)
        && (target != "*" || method == "OPTIONS")
        && fields.iter().all(|(name, value)| is_token(name) && value.chars().all(is_text))
        && hosts.len() <= 1
        && (hosts.len() == 1 || is_http10)
        && hosts.iter().all(|host| is_host(host) || (host.is_empty() && authority.is_none()))
        && authority.is_none_or(is_host)
        && !target.to_ascii_lowercase().starts_with("https:")
        && all("Content-Type").len() <= 1;
    if !fine {
        return None;
    }

    let lengths = all("Content-Length");
    let body = match (&all("Transfer-Encoding")[..], &lengths[..]) {
        ([], []) => Body::Length(0),
        ([], [length]) if !length.is_empty() && length.chars().all(|digit| digit.is_ascii_digit()) => {
            Body::Length(length.parse().ok().filter(|length| *length <= limits.body_size)?)
        }
        ([coding], []) if coding.eq_ignore_ascii_case("chunked") && !is_http10 => Body::Chunked,
        _ => return None,
    };
    let expectations: Vec<String> = list("Expect").into_iter().filter(|item| !item.is_empty()).collect();
    if !is_http10 && expectations.iter().any(|expectation| expectation != "100-continue") {
        return None;
    }
    let options = list("Connection");
    let has = |wanted: &str| options.iter().any(|option| option == wanted);
    let latin1 = |text: &str| text.chars().map(|character| character as u8).collect::<Vec<u8>>();
    let seen = Seen {
        method: latin1(method),
        target: latin1(target),
        version: if is_http10 { "HTTP/1.0" } else { "HTTP/1.1" },
        fields: fields.iter().map(|(name, value)| (latin1(name), latin1(value))).collect(),
        body: Vec::new(),
        persistent: !has("close") && (!is_http10 || has("keep-alive")),
        expects_continue: !is_http10 && !expectations.is_empty() && !matches!(body, Body::Length(0)),
    };
    Some((seen, body))
}

/// The authority of an absolute URI, if the target is one; `None`: it is neither that, nor a path, nor `*`.
fn authority(target: &str) -> Option<Option<&str>> {
    if target.starts_with('/') || target == "*" {
        return Some(None);
    }
    let (scheme, rest) = target.split_once("://")?;
    let is_http = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    is_http.then(|| Some(rest.split(['/', '?']).next().unwrap_or_default()))
}

/// Visible ASCII without a fragment, and a path in which each `%` has its two digits.
fn is_target(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    target.chars().all(|character| character.is_ascii_graphic() && character != '#') && is_percent_encoded(path)
}

fn is_percent_encoded(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|after| after.len() >= 2 && after.bytes().take(2).all(|digit| digit.is_ascii_hexdigit()))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

fn is_text(character: char) -> bool {
    character == '\t' || !character.is_ascii_control()
}

fn is_host(host: &str) -> bool {
    let in_name = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c);
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (host, ""),
    };
    if !port.is_empty() && (!port.chars().all(|c| c.is_ascii_digit()) || port.parse::<u16>().is_err()) {
        return false;
    }
    match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => {
            let future = address.strip_prefix(['v', 'V']).and_then(|rest| rest.split_once('.'));
            address.parse::<std::net::Ipv6Addr>().is_ok()
                || future.is_some_and(|(version, rest)| {
                    !version.is_empty()
                        && version.chars().all(|c| c.is_ascii_hexdigit())
                        && !rest.is_empty()
                        && rest.chars().all(|c| in_name(c) || c == ':')
                })
        }
        None => !name.is_empty() && name.chars().all(|c| in_name(c) || c == '%') && is_percent_encoded(name),
    }
}

/// The chunks from the beginning of the input, and their length.
fn chunks(input: &[u8], limits: &Limits, body: &mut Vec<u8>) -> Result<usize, Rest> {
    let mut rest = input;
    let mut extensions = 0;
    loop {
        let (line, after) = line(rest)?;
        let digits = line.chars().take_while(char::is_ascii_hexdigit).count();
        let (size, extension) = line.split_at(digits);
        if digits == 0 || digits > 16 || bytes_in(&line) > limits.chunk_line || !is_extension(extension) {
            return Err(Rest::Wrong);
        }
        extensions += bytes_in(extension);
        let size = u64::from_str_radix(size, 16).map_err(|_| Rest::Wrong)?;
        let total = (body.len() as u64).checked_add(size).ok_or(Rest::Wrong)?;
        if extensions > limits.chunk_extensions || total > limits.body_size {
            return Err(Rest::Wrong);
        }
        rest = after;
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).map_err(|_| Rest::Cut)?;
        body.extend_from_slice(rest.get(..size).ok_or(Rest::Cut)?);
        rest = &rest[size..];
        if !rest.starts_with(b"\r\n") {
            return Err(if rest.is_empty() || rest == b"\r" { Rest::Cut } else { Rest::Wrong });
        }
        rest = &rest[2..];
    }
    let mut size = 0;
    loop {
        let (trailer, after) = line(rest)?;
        rest = after;
        if trailer.is_empty() {
            return Ok(input.len() - rest.len());
        }
        size += bytes_in(&trailer) + 2;
        let is_field =
            trailer.split_once(':').is_some_and(|(name, value)| is_token(name) && value.chars().all(is_text));
        if !is_field || size > limits.trailer_size {
            return Err(Rest::Wrong);
        }
    }
}

/// `*( BWS ";" BWS name [ BWS "=" BWS value ] )`, taken off the front piece by piece.
fn is_extension(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let Some(after) = skip_space(rest).strip_prefix(';') else { return false };
        let Some(after) = skip_token(skip_space(after)) else { return false };
        rest = after;
        if let Some(value) = skip_space(rest).strip_prefix('=') {
            let value = skip_space(value);
            let Some(after) = skip_quoted(value).or_else(|| skip_token(value)) else { return false };
            rest = after;
        }
    }
    true
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn skip_token(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !is_token(c.encode_utf8(&mut [0; 4]))).unwrap_or(text.len());
    (end > 0).then(|| &text[end..])
}

fn skip_quoted(text: &str) -> Option<&str> {
    let mut characters = text.strip_prefix('"')?.chars();
    loop {
        match characters.next()? {
            '"' => return Some(characters.as_str()),
            '\\' => drop(characters.next().filter(|c| is_text(*c))?),
            c if is_text(c) => {}
            _ => return None,
        }
    }
}

/// One character is one byte of the wire.
fn bytes_in(text: &str) -> usize {
    text.chars().count()
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The text up to the first CRLF, and what follows. A line with a LF or CR of its own is wrong.
fn line(input: &[u8]) -> Result<(String, &[u8]), Rest> {
    let end = position(input, b"\r\n").ok_or(Rest::Cut)?;
    let line: String = input[..end].iter().map(|byte| char::from(*byte)).collect();
    if line.contains(['\r', '\n']) { Err(Rest::Wrong) } else { Ok((line, &input[end + 2..])) }
}

fn position(input: &[u8], wanted: &[u8]) -> Option<usize> {
    input.windows(wanted.len()).position(|window| window == wanted)
}
