//! Writes the packet for a request.

use std::fmt::Write as _;

use millau_gateway::token::decimal;
use millau_gateway::{Peer, Request, Scheme, is_hop_by_hop, meta_variables};

use super::{CODE, variables};
use crate::attribute::Attribute;
use crate::data_types::Writer;
use crate::field_text::{is_token, is_value};
use crate::packet::TO_CONTAINER;
use crate::{EncodeError, field_name, method};

/// Writes the packet to the end of `out`: the target's path still encoded, the fields without those that belong to one
/// connection, what is known of the client, and `secret` if there is one.
///
/// If [`Request::content_length`] is above 0, the first packet of the body must follow at once; a body of unknown length
/// waits until the container asks for it.
///
/// # Errors
/// An [`EncodeError`]; `out` is then as it was before.
pub fn encode_forward_request(
    out: &mut Vec<u8>,
    request: &Request,
    packet_size: usize,
    secret: Option<&[u8]>,
) -> Result<(), EncodeError> {
    let target = request.target();
    let (path, query) = path_and_query(request);
    let is_clean = |(name, value): (&[u8], &[u8])| is_token(name) && is_value(value);
    if !is_value(target)
        || !is_token(&request.method)
        || !request.fields.iter().all(is_clean)
        || !is_front_clean(request)
    {
        return Err(EncodeError::ControlCharacter);
    }
    let method_code = method::code(&request.method);
    let mut packet = Writer::new(out, TO_CONTAINER);
    packet.byte(CODE);
    packet.byte(method_code);
    packet.string(request.version.name().as_bytes());
    packet.string(path);
    write_addresses(&mut packet, request);
    packet.byte((request.scheme == Scheme::Https).into());
    write_fields(&mut packet, request);
    if let Some(secret) = secret {
        Attribute::Secret(secret).write(&mut packet);
    }
    if let Some(query) = query {
        Attribute::QueryString(query).write(&mut packet);
    }
    if method_code == method::STORED {
        Attribute::StoredMethod(&request.method).write(&mut packet);
    }
    write_front(&mut packet, request);
    Attribute::write_end(&mut packet);
    packet.finish(packet_size)
}

/// Whether what another front server told can be told again: a variable may have line breaks, as a certificate has.
fn is_front_clean(request: &Request) -> bool {
    request.front.as_deref().is_none_or(|front| {
        let texts = [&front.remote_user, &front.auth_type, &front.remote_addr, &front.server_name];
        texts.into_iter().flatten().all(|text| is_value(text))
            && front.variables.iter().all(|(name, value)| !name.contains(&0) && !value.contains(&0))
    })
}

/// The path of the target, encoded, and its query, without the authority of a target in absolute form.
fn path_and_query(request: &Request) -> (&[u8], Option<&[u8]>) {
    let mut rest = request.target();
    if let Some(authority) = request.authority() {
        let scheme = rest.iter().position(|byte| *byte == b'/').map_or(0, |slash| slash + 2);
        rest = &rest[scheme + authority.len()..];
    }
    let (path, query) = match rest.iter().position(|byte| *byte == b'?') {
        Some(mark) => (&rest[..mark], Some(&rest[mark + 1..])),
        None => (rest, None),
    };
    (if path.is_empty() { b"/" } else { path }, query)
}

fn write_addresses(packet: &mut Writer<'_>, request: &Request) {
    let front = request.front.as_deref();
    match (front.and_then(|front| front.remote_addr.as_deref()), request.peer) {
        (Some(address), _) => packet.string(address),
        (None, Peer::Inet(address)) => packet.string(address.ip().to_canonical().to_string().as_bytes()),
        (None, Peer::Local) => packet.string(b""),
    }
    match variable(request, variables::REMOTE_HOST) {
        Some(host) if is_value(host) => packet.string(host),
        _ => packet.null_string(),
    }
    packet.string(meta_variables::server_name(request));
    packet.integer(meta_variables::server_port(request));
}

fn variable<'a>(request: &'a Request, name: &[u8]) -> Option<&'a [u8]> {
    let variables = &request.front.as_deref()?.variables;
    variables.iter().find(|(other, _)| other == name).map(|(_, value)| &value[..])
}

/// The fields, but for those of the connection; the framing, not the field, says how long the body is, and a host in the
/// target overrules the field.
fn write_fields(packet: &mut Writer<'_>, request: &Request) {
    let authority = request.authority();
    let stays_behind = |name: &[u8]| {
        is_hop_by_hop(name)
            || name.eq_ignore_ascii_case(b"connection")
            || name.eq_ignore_ascii_case(b"content-length")
            || (authority.is_some() && name.eq_ignore_ascii_case(b"host"))
    };
    let passed_on = || request.fields.iter().filter(|(name, _)| !stays_behind(name));
    let has_framing = request.streamed_body || request.content_length.is_some();
    let number = passed_on().count() + usize::from(has_framing) + usize::from(authority.is_some());
    // More do not fit in a packet, which is found at its end.
    packet.integer(number.try_into().unwrap_or(u16::MAX));
    if let Some(authority) = authority {
        field_name::write(packet, b"host", field_name::REQUEST);
        packet.string(authority);
    }
    for (name, value) in passed_on() {
        field_name::write(packet, name, field_name::REQUEST);
        packet.string(value);
    }
    if request.streamed_body {
        packet.string(b"transfer-encoding");
        packet.string(b"chunked");
    } else if let Some(length) = request.content_length {
        field_name::write(packet, b"content-length", field_name::REQUEST);
        packet.string(itoa::Buffer::new().format(length).as_bytes());
    }
}

/// What the gateway knows of the client beyond its address.
fn write_front(packet: &mut Writer<'_>, request: &Request) {
    let front = request.front.as_deref();
    let port = match (front.and_then(|front| front.remote_port), request.peer) {
        (Some(port), _) => Some(port),
        (None, Peer::Inet(address)) => Some(address.port()),
        (None, Peer::Local) => None,
    };
    if let Some(port) = port {
        let mut value = String::new();
        let _ = write!(value, "{port}");
        Attribute::Request { name: variables::AJP_REMOTE_PORT, value: value.as_bytes() }.write(packet);
    }
    let Some(front) = front else { return };
    if let Some(user) = &front.remote_user {
        Attribute::RemoteUser(user).write(packet);
    }
    if let Some(auth_type) = &front.auth_type {
        Attribute::AuthType(auth_type).write(packet);
    }
    for (index, (name, value)) in front.variables.iter().enumerate() {
        // An attribute that is there twice would be refused.
        if front.variables[..index].iter().any(|(earlier, _)| earlier == name) {
            continue;
        }
        let attribute = match &name[..] {
            variables::REMOTE_HOST if is_value(value) => continue,
            variables::SERVER_ADDR => Attribute::Request { name: variables::AJP_LOCAL_ADDR, value },
            variables::SSL_PROTOCOL => Attribute::Request { name: variables::AJP_SSL_PROTOCOL, value },
            variables::SSL_CLIENT_CERT => Attribute::SslCert(value),
            variables::SSL_CIPHER => Attribute::SslCipher(value),
            variables::SSL_SESSION_ID => Attribute::SslSession(value),
            variables::SSL_CIPHER_USEKEYSIZE => match key_size(value) {
                Some(size) => Attribute::SslKeySize(size),
                None => Attribute::Request { name, value },
            },
            name => Attribute::Request { name, value },
        };
        attribute.write(packet);
    }
}

/// A key's size, if it is written as we would write it.
fn key_size(value: &[u8]) -> Option<u16> {
    let size = decimal(value).and_then(|size| u16::try_from(size).ok())?;
    (itoa::Buffer::new().format(size).as_bytes() == value).then_some(size)
}

#[cfg(test)]
mod tests {
    use millau_gateway::Front;

    use super::*;

    fn encoded(request: &Request, secret: Option<&[u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        encode_forward_request(&mut out, request, 8_192, secret).unwrap();
        out
    }

    fn request(method: &[u8], target: &[u8]) -> Request {
        let mut request = Request::default();
        request.method.extend_from_slice(method);
        request.set_target(target).unwrap();
        request
    }

    #[test]
    fn a_small_request() {
        let mut request = request(b"GET", b"/a%20b?x=1");
        request.peer = Peer::Inet("192.0.2.7:4711".parse().unwrap());
        request.fields.push(b"Host", b"example.org");
        request.fields.push(b"X-Y", b"z");
        assert_eq!(
            encoded(&request, Some(b"open")),
            b"\x12\x34\x00\x7b\x02\x02\0\x08HTTP/1.1\0\0\x06/a%20b\0\0\x09192.0.2.7\0\xff\xff\0\x0bexample.org\0\0\x50\0\
              \0\x02\xa0\x0b\0\x0bexample.org\0\0\x03X-Y\0\0\x01z\0\
              \x0c\0\x04open\0\x05\0\x03x=1\0\x0a\0\x0fAJP_REMOTE_PORT\0\0\x044711\0\xff"
        );
    }

    #[test]
    fn what_belongs_to_the_connection_stays_behind() {
        let mut request = request(b"PATCH", b"/");
        for name in ["Connection", "Keep-Alive", "TE", "Upgrade", "Transfer-Encoding", "Content-Length", "Cookie"] {
            request.fields.push(name.as_bytes(), b"x");
        }
        request.streamed_body = true;
        let packet = encoded(&request, None);
        let expected = b"\0\0\x02\xa0\x09\0\x01x\0\0\x11transfer-encoding\0\0\x07chunked\0\x0d\0\x05PATCH\0\xff";
        assert!(packet.ends_with(expected), "{packet:?}");
        assert_eq!(packet[5], 0xff);
        request.streamed_body = false;
        request.content_length = Some(9);
        assert!(encoded(&request, None).ends_with(b"\0\0\x02\xa0\x09\0\x01x\0\xa0\x08\0\x019\0\x0d\0\x05PATCH\0\xff"));
    }

    #[test]
    fn the_absolute_form_becomes_path_and_host() {
        let mut request = request(b"OPTIONS", b"http://h:8?q");
        request.fields.push(b"Host", b"other");
        let packet = encoded(&request, None);
        assert!(packet.windows(4).any(|window| window == b"\0\x01/\0"));
        assert!(packet.ends_with(b"\0\x01h\0\0\x50\0\0\x01\xa0\x0b\0\x03h:8\0\x05\0\x01q\0\xff"), "{packet:?}");
    }

    #[test]
    fn what_the_front_told_is_told_again() {
        let mut request = request(b"GET", b"/");
        let variable = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        request.front = Some(Box::new(Front {
            remote_user: Some(b"ann".to_vec()),
            auth_type: Some(b"Basic".to_vec()),
            remote_addr: Some(b"192.0.2.9".to_vec()),
            variables: vec![
                variable("SERVER_ADDR", "192.0.2.1"),
                variable("SSL_CIPHER_USEKEYSIZE", "256"),
                variable("REMOTE_HOST", "client"),
                variable("A", "b"),
            ],
            ..Front::default()
        }));
        let packet = encoded(&request, None);
        assert!(packet.windows(22).any(|window| window == b"\0\x09192.0.2.9\0\0\x06client\0\0"));
        assert!(packet.ends_with(
            b"\x03\0\x03ann\0\x04\0\x05Basic\0\x0a\0\x0eAJP_LOCAL_ADDR\0\0\x09192.0.2.1\0\x0b\x01\x00\x0a\0\x01A\0\0\x01b\0\xff"
        ));
    }

    #[test]
    fn what_could_not_be_told_again_is_refused_or_left_out() {
        let with = |variables: &[(&str, &str)], user: Option<&[u8]>| {
            let mut request = request(b"GET", b"/");
            let variables = variables.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
            let (remote_user, variables) = (user.map(<[u8]>::to_vec), variables.collect());
            request.front = Some(Box::new(Front { remote_user, variables, ..Front::default() }));
            let mut out = Vec::new();
            encode_forward_request(&mut out, &request, 8_192, None).map(|()| out)
        };
        let twice = with(&[("SSL_CIPHER", "A"), ("SSL_CIPHER", "B")], None).unwrap();
        assert!(twice.ends_with(b"\0\0\x08\0\x01A\0\xff"), "{twice:?}");
        let odd = with(&[("SSL_CIPHER_USEKEYSIZE", "0256"), ("REMOTE_HOST", "a\nb")], None).unwrap();
        assert!(
            odd.ends_with(b"SSL_CIPHER_USEKEYSIZE\0\0\x040256\0\x0a\0\x0bREMOTE_HOST\0\0\x03a\nb\0\xff"),
            "{odd:?}"
        );
        assert_eq!(with(&[("A", "b\0c")], None), Err(EncodeError::ControlCharacter));
        assert_eq!(with(&[], Some(b"a\nb")), Err(EncodeError::ControlCharacter));
    }

    #[test]
    fn a_head_that_does_not_fit_is_refused() {
        let mut request = request(b"GET", b"/");
        request.fields.push(b"X", &[b'a'; 8_192]);
        let mut out = b"before".to_vec();
        assert_eq!(encode_forward_request(&mut out, &request, 8_192, None), Err(EncodeError::PacketTooLarge));
        assert_eq!(out, b"before");
        assert_eq!(encode_forward_request(&mut out, &request, 16_384, None), Ok(()));
        request.fields.push(b"X", b"a\nb");
        assert_eq!(encode_forward_request(&mut out, &request, 16_384, None), Err(EncodeError::ControlCharacter));
    }
}
