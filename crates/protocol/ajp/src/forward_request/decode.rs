//! Fills a request from the packet.

use millau_gateway::token::decimal;
use millau_gateway::{Front, Request, Scheme, Version};

use super::{Framing, variables};
use crate::attribute::Attribute;
use crate::data_types::Reader;
use crate::field_text::{is_token, is_value};
use crate::secret::is_secret;
use crate::{Limits, Options, Violation, field_name, method, req_uri};

/// Fills `request`, which is clear, from a payload without its code. Field names and values are checked, but none is left
/// out: what an application may see is decided where the variables are made.
pub(crate) fn decode_forward_request(
    payload: &[u8],
    options: &Options,
    request: &mut Request,
) -> Result<Framing, Violation> {
    let mut payload = Reader::new(payload);
    let method_code = payload.byte()?;
    let protocol = payload.string()?.ok_or(Violation::Protocol)?;
    let req_uri = payload.string()?.unwrap_or_default();
    let mut front = Front { remote_addr: text(payload.string()?)?, ..Front::default() };
    let remote_host = text(payload.string()?)?;
    front.server_name = text(payload.string()?)?;
    front.server_port = Some(payload.integer()?).filter(|port| *port != 0);
    let is_ssl = payload.boolean()?;
    let mut fields = BodyFields::default();
    read_fields(&mut payload, &options.limits, request, &mut fields)?;
    let told = read_attributes(&mut payload, &options.limits, &mut front)?;
    payload.end()?;

    if let Some(secret) = &options.secret {
        let given = told.secret.ok_or(Violation::Secret)?;
        if !is_secret(secret, given) {
            return Err(Violation::Secret);
        }
    }
    let method = match (method_code, told.stored_method) {
        (method::STORED, Some(stored)) => stored,
        (method::STORED, None) | (_, Some(_)) => return Err(Violation::StoredMethod),
        (code, None) => method::method(code).ok_or(Violation::MethodCode)?,
    };
    if !is_token(method) {
        return Err(Violation::Method);
    }
    if method == b"CONNECT" {
        return Err(Violation::Connect);
    }
    request.method.extend_from_slice(method);
    request.version = version(protocol);
    request.scheme = if is_ssl { Scheme::Https } else { Scheme::Http };
    req_uri::set_target(request, req_uri, told.query, options.req_uri, options.limits.target_size)?;
    if remote_host.is_some() && remote_host != front.remote_addr {
        add_variable(&mut front, variables::REMOTE_HOST, remote_host.unwrap_or_default());
    }
    request.front = Some(Box::new(front));

    let framing = fields.framing(&options.limits)?;
    request.content_length = fields.content_length;
    request.streamed_body = framing == Framing::UntilEmptyPacket;
    Ok(framing)
}

/// The client's version. mod_proxy_ajp says `INCLUDED` for a request that another one has made.
fn version(protocol: &[u8]) -> Version {
    match protocol {
        b"HTTP/0.9" | b"HTTP/1.0" => Version::Http10,
        b"HTTP/2" | b"HTTP/2.0" => Version::Http2,
        _ => Version::Http11,
    }
}

/// A name or an address; `None` if it is empty.
fn text(string: Option<&[u8]>) -> Result<Option<Vec<u8>>, Violation> {
    match string {
        Some(text) if !is_value(text) => Err(Violation::AttributeValue),
        Some(text) if !text.is_empty() => Ok(Some(text.to_vec())),
        _ => Ok(None),
    }
}

/// What the fields say about the body.
///
/// The front server has undone a transfer coding and passes on its field all the same; that is the only sign of such a body.
/// A message with both lengths is refused as over HTTP: the front server and we might believe different ones, and the bytes
/// between the two would be taken for packets.
#[derive(Debug, Default)]
struct BodyFields {
    content_length: Option<u64>,
    is_chunked: bool,
    has_host: bool,
    has_content_type: bool,
}

impl BodyFields {
    fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), Violation> {
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") && std::mem::replace(&mut self.has_host, true) => {
                Err(Violation::RepeatedHost)
            }
            12 if name.eq_ignore_ascii_case(b"content-type") && std::mem::replace(&mut self.has_content_type, true) => {
                Err(Violation::RepeatedContentType)
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let length = decimal(value).ok_or(Violation::ContentLength)?;
                if self.content_length.replace(length).is_some() {
                    return Err(Violation::RepeatedContentLength);
                }
                Ok(())
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if !value.eq_ignore_ascii_case(b"chunked") || std::mem::replace(&mut self.is_chunked, true) {
                    return Err(Violation::Coding);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn framing(&self, limits: &Limits) -> Result<Framing, Violation> {
        match (self.is_chunked, self.content_length) {
            (true, Some(_)) => Err(Violation::CodingAndLength),
            (true, None) => Ok(Framing::UntilEmptyPacket),
            (false, None | Some(0)) => Ok(Framing::None),
            (false, Some(length)) if length > limits.body_size => Err(Violation::BodyTooLarge),
            (false, Some(length)) => Ok(Framing::Length(length)),
        }
    }
}

fn read_fields(
    payload: &mut Reader<'_>,
    limits: &Limits,
    request: &mut Request,
    body: &mut BodyFields,
) -> Result<(), Violation> {
    let number = payload.integer()?;
    if usize::from(number) > limits.fields {
        return Err(Violation::TooManyFields);
    }
    for _ in 0..number {
        let name = field_name::read(payload, field_name::REQUEST)?;
        // lighttpd writes an empty value as a null string.
        let value = payload.string()?.unwrap_or_default();
        if !is_token(name) {
            return Err(Violation::FieldName);
        }
        if !is_value(value) {
            return Err(Violation::FieldValue);
        }
        body.add(name, value)?;
        request.fields.push(name, value);
    }
    Ok(())
}

/// The attributes that do not go into the `Front`.
#[derive(Debug, Default)]
struct Told<'a> {
    query: Option<&'a [u8]>,
    secret: Option<&'a [u8]>,
    stored_method: Option<&'a [u8]>,
}

fn read_attributes<'a>(payload: &mut Reader<'a>, limits: &Limits, front: &mut Front) -> Result<Told<'a>, Violation> {
    let mut told = Told::default();
    let mut seen = 0u16;
    let mut number = 0;
    while let Some(attribute) = Attribute::read(payload)? {
        number += 1;
        if number > limits.attributes {
            return Err(Violation::TooManyAttributes);
        }
        if !matches!(attribute, Attribute::Request { .. }) {
            let bit = 1 << attribute.code();
            if seen & bit != 0 {
                return Err(Violation::RepeatedAttribute);
            }
            seen |= bit;
        }
        match attribute {
            Attribute::Ignored(_) => {}
            Attribute::RemoteUser(user) => front.remote_user = text(Some(user))?,
            Attribute::AuthType(auth_type) => front.auth_type = text(Some(auth_type))?,
            Attribute::QueryString(query) => told.query = Some(query),
            Attribute::SslCert(value) => variable(front, variables::SSL_CLIENT_CERT, value)?,
            Attribute::SslCipher(value) => variable(front, variables::SSL_CIPHER, value)?,
            Attribute::SslSession(value) => variable(front, variables::SSL_SESSION_ID, value)?,
            Attribute::SslKeySize(size) => {
                let value = itoa::Buffer::new().format(size).as_bytes().to_vec();
                add_variable(front, variables::SSL_CIPHER_USEKEYSIZE, value);
            }
            Attribute::Secret(secret) => told.secret = Some(secret),
            Attribute::StoredMethod(method) => told.stored_method = Some(method),
            Attribute::Request { name, value } => request_attribute(front, name, value)?,
        }
    }
    Ok(told)
}

fn request_attribute(front: &mut Front, name: &[u8], value: &[u8]) -> Result<(), Violation> {
    match name {
        variables::AJP_REMOTE_PORT => {
            // The server's own comes before what its configuration adds. One that is no port says nothing.
            let port = decimal(value).and_then(|port| u16::try_from(port).ok());
            front.remote_port = front.remote_port.or(port);
            Ok(())
        }
        variables::AJP_LOCAL_ADDR => variable(front, variables::SERVER_ADDR, value),
        variables::AJP_SSL_PROTOCOL => variable(front, variables::SSL_PROTOCOL, value),
        name if variables::may_be_variable(name) => variable(front, name, value),
        _ => Ok(()),
    }
}

/// Adds a variable; a certificate has line breaks, so that only NUL is refused.
fn variable(front: &mut Front, name: &[u8], value: &[u8]) -> Result<(), Violation> {
    if value.contains(&0) {
        return Err(Violation::AttributeValue);
    }
    if !value.is_empty() {
        add_variable(front, name, value.to_vec());
    }
    Ok(())
}

/// The first of a name counts: names must not occur twice.
fn add_variable(front: &mut Front, name: &[u8], value: Vec<u8>) {
    if !front.variables.iter().any(|(other, _)| other == name) {
        front.variables.push((name.to_vec(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A GET of `/` with these fields and attributes, as they are on the wire.
    fn payload(fields: &[&[u8]], attributes: &[&[u8]]) -> Vec<u8> {
        let start = b"\x02\0\x08HTTP/1.1\0\0\x01/\0\0\x09192.0.2.7\0\xff\xff\0\x01h\0\0\x50\0\0";
        let number = [fields.len() as u8];
        [&start[..], &number, &fields.concat(), &attributes.concat(), b"\xff"].concat()
    }

    fn decode(payload: &[u8], options: &Options) -> Result<(Framing, Request), Violation> {
        let mut request = Request::default();
        decode_forward_request(payload, options, &mut request).map(|framing| (framing, request))
    }

    fn decoded(fields: &[&[u8]], attributes: &[&[u8]]) -> Result<(Framing, Request), Violation> {
        decode(&payload(fields, attributes), &Options::default())
    }

    #[test]
    fn a_whole_request() {
        let payload = b"\x04\0\x08HTTP/1.0\0\0\x06/a%20b\0\0\x09192.0.2.7\0\0\x06client\0\0\x07example\0\x1f\x90\x01\
            \0\x03\xa0\x0b\0\x03h:1\0\xa0\x08\0\x019\0\0\x07X_Under\0\0\x011\0\
            \x03\0\x03ann\0\x04\0\x05Basic\0\x05\0\x03a=b\0\x06\0\x01r\0\x07\0\x03-\n-\0\x08\0\x03AES\0\x09\0\x02id\0\
            \x0a\0\x0fAJP_REMOTE_PORT\0\0\x0547111\0\x0a\0\x0eAJP_LOCAL_ADDR\0\0\x09192.0.2.1\0\
            \x0a\0\x10AJP_SSL_PROTOCOL\0\0\x07TLSv1.3\0\x0a\0\x04COLO\0\0\x04blue\0\x0a\0\x0awsgi.input\0\0\x01x\0\
            \x0b\x01\x00\x0c\0\x04open\0\xff";
        let options = Options { secret: Some(b"open".to_vec()), ..Options::default() };
        let (framing, request) = decode(payload, &options).unwrap();
        assert_eq!(framing, Framing::Length(9));
        assert_eq!(
            (&request.method[..], request.version, request.scheme),
            (&b"POST"[..], Version::Http10, Scheme::Https)
        );
        assert_eq!((request.target(), request.path()), (&b"/a%20b?a=b"[..], &b"/a b"[..]));
        assert_eq!((request.content_length, request.streamed_body), (Some(9), false));
        let fields: Vec<_> = request.fields.iter().collect();
        assert_eq!(fields, [(&b"host"[..], &b"h:1"[..]), (b"content-length", b"9"), (b"X_Under", b"1")]);
        let owned = |text: &[u8]| Some(text.to_vec());
        let variable = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        assert_eq!(
            **request.front.as_ref().unwrap(),
            Front {
                remote_user: owned(b"ann"),
                auth_type: owned(b"Basic"),
                document_root: None,
                server_name: owned(b"example"),
                server_port: Some(8_080),
                remote_addr: owned(b"192.0.2.7"),
                remote_port: Some(47_111),
                variables: vec![
                    variable("SSL_CLIENT_CERT", "-\n-"),
                    variable("SSL_CIPHER", "AES"),
                    variable("SSL_SESSION_ID", "id"),
                    variable("SERVER_ADDR", "192.0.2.1"),
                    variable("SSL_PROTOCOL", "TLSv1.3"),
                    variable("COLO", "blue"),
                    variable("SSL_CIPHER_USEKEYSIZE", "256"),
                    variable("REMOTE_HOST", "client"),
                ],
                ..Front::default()
            }
        );
    }

    #[test]
    fn every_cut_is_refused() {
        let whole = payload(&[b"\xa0\x0b\0\x01h\0"], &[b"\x05\0\x01q\0", b"\x0b\x01\x00"]);
        assert!(decode(&whole, &Options::default()).is_ok());
        for length in 0..whole.len() {
            assert_eq!(decode(&whole[..length], &Options::default()).unwrap_err(), Violation::PacketCut, "{length}");
        }
        let longer = [&whole[..], b"\0"].concat();
        assert_eq!(decode(&longer, &Options::default()).unwrap_err(), Violation::ExcessBytes);
    }

    #[test]
    fn the_fields_decide_about_the_body() {
        let framing = |fields: &[&[u8]]| decoded(fields, &[]).map(|(framing, _)| framing);
        let (nine, zero) = (&b"\xa0\x08\0\x019\0"[..], &b"\xa0\x08\0\x010\0"[..]);
        let chunked = b"\0\x11Transfer-Encoding\0\0\x07Chunked\0";
        assert_eq!(framing(&[]), Ok(Framing::None));
        assert_eq!(framing(&[zero]), Ok(Framing::None));
        assert_eq!(framing(&[nine]), Ok(Framing::Length(9)));
        assert_eq!(framing(&[chunked]), Ok(Framing::UntilEmptyPacket));
        assert_eq!(framing(&[nine, nine]), Err(Violation::RepeatedContentLength));
        assert_eq!(framing(&[nine, b"\0\x0eContent-Length\0\0\x019\0"]), Err(Violation::RepeatedContentLength));
        assert_eq!(framing(&[nine, chunked]), Err(Violation::CodingAndLength));
        assert_eq!(framing(&[chunked, zero]), Err(Violation::CodingAndLength));
        assert_eq!(framing(&[chunked, chunked]), Err(Violation::Coding));
        assert_eq!(framing(&[b"\0\x11Transfer-Encoding\0\0\x0dgzip, chunked\0"]), Err(Violation::Coding));
        assert_eq!(framing(&[b"\xa0\x08\0\x02+9\0"]), Err(Violation::ContentLength));
        assert_eq!(framing(&[b"\xa0\x08\xff\xff"]), Err(Violation::ContentLength));
    }

    #[test]
    fn fields_are_checked() {
        let refused = |field: &[u8]| decoded(&[field], &[]).unwrap_err();
        assert_eq!(refused(b"\0\0\0\0\x01x\0"), Violation::FieldName);
        assert_eq!(refused(b"\0\x03a b\0\0\x01x\0"), Violation::FieldName);
        assert_eq!(refused(b"\0\x01a\0\0\x03b\rc\0"), Violation::FieldValue);
        assert_eq!(refused(b"\0\x01a\0\0\x03b\0c\0"), Violation::FieldValue);
        let (host, content_type) = (&b"\xa0\x0b\0\x01h\0"[..], &b"\xa0\x07\0\x01t\0"[..]);
        assert_eq!(decoded(&[host, host], &[]).unwrap_err(), Violation::RepeatedHost);
        assert_eq!(decoded(&[content_type, content_type], &[]).unwrap_err(), Violation::RepeatedContentType);
    }

    #[test]
    fn a_null_value_is_empty() {
        let (_, request) = decoded(&[b"\0\x05Empty\0\xff\xff"], &[b"\x03\xff\xff"]).unwrap();
        assert_eq!(request.fields.get(b"empty"), Some(&b""[..]));
        assert_eq!(request.front.unwrap().remote_user, None);
    }

    #[test]
    fn the_secret_must_be_right_where_there_is_one() {
        let options = Options { secret: Some(b"open".to_vec()), ..Options::default() };
        let with = |attributes: &[&[u8]], options| decode(&payload(&[], attributes), options).map(|_| ());
        assert_eq!(with(&[b"\x0c\0\x04open\0"], &options), Ok(()));
        assert_eq!(with(&[b"\x0c\0\x04opem\0"], &options), Err(Violation::Secret));
        assert_eq!(with(&[b"\x0c\xff\xff"], &options), Err(Violation::Secret));
        assert_eq!(with(&[], &options), Err(Violation::Secret));
        assert_eq!(with(&[b"\x0c\0\x04opem\0"], &Options::default()), Ok(()));
    }

    #[test]
    fn a_method_has_a_code_or_is_stored() {
        let with_method = |code: u8, attributes: &[&[u8]]| {
            let mut payload = payload(&[], attributes);
            payload[0] = code;
            decode(&payload, &Options::default()).map(|(_, request)| request.method)
        };
        assert_eq!(with_method(13, &[]), Ok(b"LOCK".to_vec()));
        assert_eq!(with_method(0xff, &[b"\x0d\0\x03FOO\0"]), Ok(b"FOO".to_vec()));
        assert_eq!(with_method(0xff, &[]), Err(Violation::StoredMethod));
        assert_eq!(with_method(2, &[b"\x0d\0\x03FOO\0"]), Err(Violation::StoredMethod));
        assert_eq!(with_method(0xff, &[b"\x0d\0\x03F O\0"]), Err(Violation::Method));
        assert_eq!(with_method(0xff, &[b"\x0d\xff\xff"]), Err(Violation::Method));
        assert_eq!(with_method(0xff, &[b"\x0d\0\x07CONNECT\0"]), Err(Violation::Connect));
        assert_eq!(
            (with_method(0, &[]), with_method(28, &[])),
            (Err(Violation::MethodCode), Err(Violation::MethodCode))
        );
    }

    #[test]
    fn attributes_are_checked() {
        let refused = |attributes: &[&[u8]]| decoded(&[], attributes).unwrap_err();
        assert_eq!(refused(&[b"\x05\0\x01a\0", b"\x05\0\x01a\0"]), Violation::RepeatedAttribute);
        assert_eq!(refused(&[b"\x03\0\x03a\nb\0"]), Violation::AttributeValue);
        assert_eq!(refused(&[b"\x07\0\x03a\0b\0"]), Violation::AttributeValue);
        assert_eq!(refused(&[b"\x0e\0\x01a\0"]), Violation::AttributeCode);
    }

    #[test]
    fn numbers_are_limited() {
        let limits = Limits { fields: 2, attributes: 2, body_size: 9, ..Limits::default() };
        let options = Options { limits, ..Options::default() };
        let (field, attribute) = (&b"\0\x01a\0\0\x01b\0"[..], &b"\x0a\0\x01a\0\0\x01b\0"[..]);
        let with = |fields: &[&[u8]], attributes: &[&[u8]]| decode(&payload(fields, attributes), &options).map(|_| ());
        assert_eq!(with(&[field; 2], &[attribute; 2]), Ok(()));
        assert_eq!(with(&[field; 3], &[]), Err(Violation::TooManyFields));
        assert_eq!(with(&[], &[attribute; 3]), Err(Violation::TooManyAttributes));
        assert_eq!(with(&[b"\xa0\x08\0\x0210\0"], &[]), Err(Violation::BodyTooLarge));
    }

    #[test]
    fn the_first_of_two_variables_counts() {
        let port = |value: &[u8]| [b"\x0a\0\x0fAJP_REMOTE_PORT\0\0\x02", value, b"\0"].concat();
        let (one, two, no) = (port(b"81"), port(b"82"), port(b"8x"));
        let (_, request) =
            decoded(&[], &[&no, &one, &two, b"\x0a\0\x01A\0\0\x01b\0", b"\x0a\0\x01A\0\0\x01c\0"]).unwrap();
        let front = request.front.unwrap();
        assert_eq!((front.remote_port, front.variables), (Some(81), vec![(b"A".to_vec(), b"b".to_vec())]));
    }
}
