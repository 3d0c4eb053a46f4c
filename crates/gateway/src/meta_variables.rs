//! The CGI meta-variables (RFC 3875 §4.1), once and both ways: from a [`Request`] to variables, and from the variables
//! that a front server sends to a [`Request`].
//!
//! `environ`, the environment of a CGI program and the parameters of FastCGI, SCGI and uwsgi all come from here.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::{Peer, Request, Scheme};

mod fill;
mod nph;
mod path;

pub use fill::{VariableError, fill, fill_program, is_process_variable};
pub use nph::is_nph;

/// What becomes of a field on its way to an application (RFC 3875 §4.1.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldRule {
    /// It becomes `CONTENT_TYPE`.
    ContentType,
    /// It becomes `CONTENT_LENGTH`, in the front's words: the framing, not the field, decides.
    ContentLength,
    /// It becomes `HTTP_` and its name.
    Http,
    /// The application never sees it.
    Withheld,
}

/// Decides what becomes of a field, by its name.
///
/// Withheld are: `Proxy`, which would become `HTTP_PROXY` and redirect the application's own requests; a name with an
/// underscore, which would pose as another field; `Transfer-Encoding`, which the front has already undone.
pub fn field_rule(name: &[u8]) -> FieldRule {
    match name.len() {
        5 if name.eq_ignore_ascii_case(b"proxy") => FieldRule::Withheld,
        12 if name.eq_ignore_ascii_case(b"content-type") => FieldRule::ContentType,
        14 if name.eq_ignore_ascii_case(b"content-length") => FieldRule::ContentLength,
        17 if name.eq_ignore_ascii_case(b"transfer-encoding") => FieldRule::Withheld,
        _ if name.contains(&b'_') => FieldRule::Withheld,
        _ => FieldRule::Http,
    }
}

/// The variable's name for a field whose rule is [`FieldRule::Http`].
///
/// ```
/// assert_eq!(millau_gateway::meta_variables::http_name(b"Accept-Language"), "HTTP_ACCEPT_LANGUAGE");
/// ```
pub fn http_name(field_name: &[u8]) -> String {
    let mut name = String::with_capacity(5 + field_name.len());
    name.push_str("HTTP_");
    name.extend(field_name.iter().map(|byte| match byte {
        b'-' => '_',
        byte => byte.to_ascii_uppercase() as char,
    }));
    name
}

/// What stands between the values of a field that is repeated (RFC 9110 §5.3; for cookies RFC 6265 §4.2.1).
pub fn separator(field_name: &[u8]) -> &'static [u8] {
    if field_name.eq_ignore_ascii_case(b"cookie") { b"; " } else { b", " }
}

/// All values of a field as one, and whether the occurrence at `index` is the first (later ones are part of the first).
pub fn joined<'a>(request: &'a Request, index: usize, name: &'a [u8], value: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let mut all = request.fields.get_all(name);
    if all.nth(1).is_none() {
        return Some(Cow::Borrowed(value));
    }
    let first = request.fields.iter().position(|(other, _)| other.eq_ignore_ascii_case(name));
    if first != Some(index) {
        return None;
    }
    Some(Cow::Owned(request.fields.get_all(name).collect::<Vec<_>>().join(separator(name))))
}

/// Host and port of a Host field or an authority; IPv6 addresses keep their brackets.
///
/// ```
/// use millau_gateway::meta_variables::split_host;
/// assert_eq!(split_host(b"[::1]:80"), (&b"[::1]"[..], Some(80)));
/// assert_eq!(split_host(b"example.org"), (&b"example.org"[..], None));
/// ```
pub fn split_host(host: &[u8]) -> (&[u8], Option<u16>) {
    let name_end = match host.first() {
        Some(b'[') => host.iter().position(|byte| *byte == b']').map_or(host.len(), |end| end + 1),
        _ => host.iter().position(|byte| *byte == b':').unwrap_or(host.len()),
    };
    let (name, rest) = host.split_at(name_end);
    let port =
        rest.strip_prefix(b":").and_then(|port| std::str::from_utf8(port).ok()).and_then(|port| port.parse().ok());
    (name, port)
}

/// `SERVER_NAME` (RFC 3875 §4.1.14): the host that the client asked for, else the listener's. Never empty.
pub fn server_name(request: &Request) -> &[u8] {
    let told = request.front.as_ref().and_then(|front| front.server_name.as_deref()).filter(|name| !name.is_empty());
    let asked = || request.host().map(|host| split_host(host).0).filter(|name| !name.is_empty());
    told.or_else(asked).unwrap_or(request.local.name.as_bytes())
}

/// `SERVER_PORT` (RFC 3875 §4.1.15): the port that the request came in at.
pub fn server_port(request: &Request) -> u16 {
    request.front.as_ref().and_then(|front| front.server_port).unwrap_or(request.local.port)
}

/// `REMOTE_ADDR` and `REMOTE_PORT` (RFC 3875 §4.1.8): the client as the front server names it, else the other end of the
/// connection. The address is empty where there is none.
pub fn remote(request: &Request) -> (Cow<'_, [u8]>, Option<u16>) {
    if let Some((front, address)) =
        request.front.as_deref().and_then(|front| Some((front, front.remote_addr.as_ref()?)))
    {
        return (Cow::Borrowed(address), front.remote_port);
    }
    match request.peer {
        Peer::Inet(address) => (Cow::Owned(address.ip().to_canonical().to_string().into_bytes()), Some(address.port())),
        Peer::Local => (Cow::Borrowed(b""), None),
    }
}

/// Calls `each` with every meta-variable of the request, the fields' own included, in a fixed order.
///
/// Variables without a value that the RFC lets be absent are absent; the body's length stands in `CONTENT_LENGTH` only
/// when it is known.
pub fn for_each(request: &Request, each: &mut dyn FnMut(&str, &[u8])) {
    let mut number = String::new();
    let mut decimal = |each: &mut dyn FnMut(&str, &[u8]), name: &str, value: u64| {
        number.clear();
        let _ = write!(number, "{value}");
        each(name, number.as_bytes());
    };
    each("GATEWAY_INTERFACE", b"CGI/1.1");
    each("REQUEST_METHOD", &request.method);
    each("SCRIPT_NAME", request.script_name());
    each("PATH_INFO", request.path_info());
    each("QUERY_STRING", request.query());
    each("REQUEST_URI", request.target());
    each("SERVER_PROTOCOL", request.version.name().as_bytes());
    each("SERVER_SOFTWARE", b"Millau");
    each("SERVER_NAME", server_name(request));
    decimal(each, "SERVER_PORT", server_port(request).into());
    each("REQUEST_SCHEME", request.scheme.name().as_bytes());
    if request.scheme == Scheme::Https {
        each("HTTPS", b"on");
    }
    let (address, port) = remote(request);
    each("REMOTE_ADDR", &address);
    if let Some(port) = port {
        decimal(each, "REMOTE_PORT", port.into());
    }
    if let Some(length) = request.content_length {
        decimal(each, "CONTENT_LENGTH", length);
    }
    for (index, (name, value)) in request.fields.iter().enumerate() {
        match field_rule(name) {
            FieldRule::ContentType => each("CONTENT_TYPE", value),
            FieldRule::Http => {
                if let Some(value) = joined(request, index, name, value) {
                    each(&http_name(name), &value);
                }
            }
            FieldRule::ContentLength | FieldRule::Withheld => {}
        }
    }
    if let Some(front) = request.front.as_deref() {
        let told = [
            ("REMOTE_USER", &front.remote_user),
            ("AUTH_TYPE", &front.auth_type),
            ("DOCUMENT_ROOT", &front.document_root),
        ];
        for (name, value) in told {
            if let Some(value) = value {
                each(name, value);
            }
        }
        for (name, value) in &front.variables {
            if let Ok(name) = std::str::from_utf8(name) {
                each(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn variables(request: &Request) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for_each(request, &mut |name, value| {
            let before = all.insert(name.to_owned(), String::from_utf8_lossy(value).into_owned());
            assert!(before.is_none(), "{name} twice");
        });
        all
    }

    fn request() -> Request {
        let mut request = Request::default();
        request.peer = Peer::Inet("[::ffff:192.0.2.7]:4711".parse().unwrap());
        request.method.extend_from_slice(b"POST");
        request.set_target(b"/m/a%20b?x=%20").unwrap();
        request.set_script_name_length(2);
        request
    }

    #[test]
    fn a_request_becomes_variables() {
        let mut request = request();
        request.content_length = Some(12);
        for (name, value) in [
            ("Host", "example.org:81"),
            ("Content-Type", "text/plain"),
            ("Content-Length", "12"),
            ("Proxy", "http://evil"),
            ("X_Real", "1"),
            ("Transfer-Encoding", "chunked"),
            ("Accept", "a"),
            ("Cookie", "a=1"),
            ("accept", "b"),
            ("Cookie", "b=2"),
        ] {
            request.fields.push(name.as_bytes(), value.as_bytes());
        }
        let all = variables(&request);
        let expected = [
            ("CONTENT_LENGTH", "12"),
            ("CONTENT_TYPE", "text/plain"),
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("HTTP_ACCEPT", "a, b"),
            ("HTTP_COOKIE", "a=1; b=2"),
            ("HTTP_HOST", "example.org:81"),
            ("PATH_INFO", "/a b"),
            ("QUERY_STRING", "x=%20"),
            ("REMOTE_ADDR", "192.0.2.7"),
            ("REMOTE_PORT", "4711"),
            ("REQUEST_METHOD", "POST"),
            ("REQUEST_SCHEME", "http"),
            ("REQUEST_URI", "/m/a%20b?x=%20"),
            ("SCRIPT_NAME", "/m"),
            ("SERVER_NAME", "example.org"),
            ("SERVER_PORT", "80"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("SERVER_SOFTWARE", "Millau"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(all, BTreeMap::from(expected));
    }

    #[test]
    fn variables_become_the_same_request_again() {
        let mut first = request();
        first.fields.push(b"accept-language", b"en");
        first.fields.push(b"host", b"example.org");
        let sent = variables(&first);
        let mut second = Request::default();
        fill(&mut second, sent.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))).unwrap();
        assert_eq!(second.path_info(), first.path_info());
        assert_eq!(second.script_name(), first.script_name());
        let again = variables(&second);
        assert_eq!(again, sent);
    }
}
