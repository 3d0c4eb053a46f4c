//! SEND_HEADERS: status, reason phrase and fields of a response, in one packet.

use millau_gateway::{
    BodyExtent, BodyLength, Response, ResponseError, ResponseFields, check_status, control_characters, is_hop_by_hop,
};

use crate::data_types::{Reader, Writer};
use crate::field_text::{is_token, is_value};
use crate::packet::TO_WEB_SERVER;
use crate::{EncodeError, Limits, Violation, field_name};

/// The code of the packet.
pub(crate) const CODE: u8 = 4;

/// What a SEND_HEADERS is made from.
#[derive(Clone, Copy, Debug)]
pub struct SendHeaders<'a> {
    /// The application's response.
    pub response: &'a Response,
    /// What is known of the body's length apart from the fields.
    pub length: BodyLength,
    /// Whether the method was HEAD: the response has a GET's head and no body.
    pub head_request: bool,
    /// See [`Limits::packet_size`].
    pub packet_size: usize,
}

/// Writes the packet to the end of `out`. Date and Server are left to the web server, which has its own.
///
/// # Errors
/// An [`EncodeError`]; `out` is then as it was before.
pub fn encode_send_headers(out: &mut Vec<u8>, head: &SendHeaders<'_>) -> Result<BodyExtent, EncodeError> {
    let start = out.len();
    let result = encode(out, head);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn encode(out: &mut Vec<u8>, head: &SendHeaders<'_>) -> Result<BodyExtent, EncodeError> {
    let response = head.response;
    check_status(response.status)?;
    let mut packet = Writer::new(out, TO_WEB_SERVER);
    packet.byte(CODE);
    packet.integer(response.status);
    // Never a null string: mod_jk fails on one.
    clean_string(&mut packet, &response.reason)?;
    let number_at = packet.integer_later();
    let mut number = 0usize;
    let mut said = ResponseFields::default();
    for (name, value) in response.fields.iter() {
        // A wish for the end of the connection is about the client's, which is the web server's to decide.
        if said.admit(name, value)? {
            if control_characters(name) > 0 {
                return Err(ResponseError::ControlCharacter.into());
            }
            field_name::write(&mut packet, name, field_name::RESPONSE);
            clean_string(&mut packet, value)?;
            number += 1;
        }
    }
    let (extent, announced) = said.body(response, head.length, head.head_request)?;
    if let Some(length) = announced {
        field_name::write(&mut packet, b"content-length", field_name::RESPONSE);
        packet.string(itoa::Buffer::new().format(length).as_bytes());
        number += 1;
    }
    // More do not fit in a packet, which is found at its end.
    packet.fill_in(number_at, number.try_into().unwrap_or(u16::MAX));
    packet.finish(head.packet_size)?;
    Ok(extent)
}

/// Whoever made the response has promised that it is clean; here is the last place where a broken promise can be seen. The
/// web server makes lines of it, which CR or LF would split (RFC 9112 §11.1).
fn clean_string(packet: &mut Writer<'_>, text: &[u8]) -> Result<(), EncodeError> {
    if control_characters(text) > 0 {
        return Err(ResponseError::ControlCharacter.into());
    }
    packet.string(text);
    Ok(())
}

/// Fills a response, which is clear, from a payload without its code. Fields that belong to the connection are left out.
pub(crate) fn decode_send_headers(payload: &[u8], limits: &Limits, response: &mut Response) -> Result<(), Violation> {
    let mut payload = Reader::new(payload);
    response.status = payload.integer()?;
    if !(200..=999).contains(&response.status) {
        return Err(Violation::Status);
    }
    let reason = payload.string()?.unwrap_or_default();
    if !is_value(reason) {
        return Err(Violation::Reason);
    }
    response.reason.extend_from_slice(reason);
    let number = payload.integer()?;
    if usize::from(number) > limits.fields {
        return Err(Violation::TooManyFields);
    }
    let mut has_length = false;
    for _ in 0..number {
        let name = field_name::read(&mut payload, field_name::RESPONSE)?;
        let value = payload.string()?.unwrap_or_default();
        if !is_token(name) {
            return Err(Violation::FieldName);
        }
        if !is_value(value) {
            return Err(Violation::FieldValue);
        }
        if name.eq_ignore_ascii_case(b"content-length") && std::mem::replace(&mut has_length, true) {
            return Err(Violation::RepeatedContentLength);
        }
        if !is_hop_by_hop(name) && !name.eq_ignore_ascii_case(b"connection") {
            response.fields.push(name, value);
        }
    }
    payload.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(
        status: u16,
        fields: &[(&str, &str)],
        change: impl FnOnce(&mut SendHeaders<'_>),
    ) -> Result<(Vec<u8>, BodyExtent), EncodeError> {
        let mut response = Response::new(status);
        fields.iter().for_each(|(name, value)| response.fields.push(name.as_bytes(), value.as_bytes()));
        let length = BodyLength::Unknown;
        let mut head = SendHeaders { response: &response, length, head_request: false, packet_size: 8_192 };
        change(&mut head);
        let mut out = b"before".to_vec();
        let result = encode_send_headers(&mut out, &head);
        assert!(result.is_ok() || out == b"before", "something is left of a refused response");
        result.map(|extent| (out[6..].to_vec(), extent))
    }

    #[test]
    fn a_whole_head() {
        let fields = [
            ("Content-Type", "text/plain"),
            ("content-length", "13"),
            ("Set-Cookie", "a"),
            ("set-cookie", "b"),
            ("X-Y", "z"),
            ("Connection", "close"),
        ];
        let (packet, extent) = encoded(200, &fields, |_| {}).unwrap();
        assert_eq!(
            packet,
            b"AB\0\x36\x04\0\xc8\0\x02OK\0\0\x05\xa0\x01\0\x0atext/plain\0\xa0\x07\0\x01a\0\xa0\x07\0\x01b\0\
              \0\x03X-Y\0\0\x01z\0\xa0\x03\0\x0213\0"
        );
        assert_eq!(extent, BodyExtent::Length(13));
    }

    #[test]
    fn a_head_without_fields() {
        let (packet, extent) = encoded(404, &[], |_| {}).unwrap();
        assert_eq!((&packet[..], extent), (&b"AB\0\x11\x04\x01\x94\0\x09Not Found\0\0\0"[..], BodyExtent::Open));
        let mut response = Response::new(200);
        response.reason.clear();
        let length = BodyLength::Known(0);
        let head = SendHeaders { response: &response, length, head_request: false, packet_size: 8_192 };
        let mut out = Vec::new();
        assert_eq!(encode_send_headers(&mut out, &head), Ok(BodyExtent::Length(0)));
        assert_eq!(out, b"AB\0\x0e\x04\0\xc8\0\0\0\0\x01\xa0\x03\0\x010\0");
    }

    #[test]
    fn statuses_without_a_body() {
        let known = |head: &mut SendHeaders<'_>| head.length = BodyLength::Known(5);
        let (packet, extent) = encoded(204, &[("Content-Length", "5")], known).unwrap();
        assert_eq!((&packet[..], extent), (&b"AB\0\x12\x04\0\xcc\0\x0aNo Content\0\0\0"[..], BodyExtent::None));
        let (packet, extent) = encoded(304, &[("Content-Length", "5")], known).unwrap();
        assert_eq!(extent, BodyExtent::None);
        assert!(packet.ends_with(b"\0\x01\xa0\x03\0\x015\0"));
        let (packet, _) = encoded(304, &[], known).unwrap();
        assert!(packet.ends_with(b"Not Modified\0\0\0"));
    }

    #[test]
    fn head_keeps_the_length_of_get_and_has_no_body() {
        let ends = |fields: &[(&str, &str)], length, end: &[u8]| {
            let head = |head: &mut SendHeaders<'_>| {
                head.head_request = true;
                head.length = length;
            };
            let (packet, extent) = encoded(200, fields, head).unwrap();
            assert_eq!(extent, BodyExtent::None);
            assert!(packet.ends_with(end), "{packet:?}");
        };
        ends(&[("Content-Length", "7")], BodyLength::Known(0), b"\0\x01\xa0\x03\0\x017\0");
        ends(&[], BodyLength::Known(7), b"\0\x01\xa0\x03\0\x017\0");
        ends(&[], BodyLength::Known(0), b"OK\0\0\0");
        ends(&[], BodyLength::Unknown, b"OK\0\0\0");
    }

    #[test]
    fn what_no_response_may_have_is_refused() {
        assert_eq!(encoded(200, &[("X", "a\nb")], |_| {}).unwrap_err(), ResponseError::ControlCharacter.into());
        assert_eq!(encoded(200, &[("Upgrade", "h2c")], |_| {}).unwrap_err(), ResponseError::HopByHop("Upgrade").into());
        assert_eq!(encoded(99, &[], |_| {}).unwrap_err(), ResponseError::Status(99).into());
        let long = "a".repeat(8_192);
        assert_eq!(encoded(200, &[("X", &long)], |_| {}).unwrap_err(), EncodeError::PacketTooLarge);
        assert!(encoded(200, &[("X", &long)], |head| head.packet_size = 16_384).is_ok());
        assert_eq!(
            encoded(200, &[("X", &long.repeat(8))], |head| head.packet_size = 65_536).unwrap_err(),
            EncodeError::PacketTooLarge
        );
    }

    fn decoded(payload: &[u8]) -> Result<Response, Violation> {
        let mut response = Response::default();
        decode_send_headers(payload, &Limits { fields: 3, ..Limits::default() }, &mut response).map(|()| response)
    }

    #[test]
    fn a_head_is_read_back_without_what_belongs_to_the_connection() {
        let payload = b"\0\xc8\0\x02OK\0\0\x03\xa0\x07\0\x01a\0\0\x03X-Y\0\xff\xff\0\x0aConnection\0\0\x05close\0";
        let response = decoded(payload).unwrap();
        assert_eq!((response.status, &response.reason[..]), (200, &b"OK"[..]));
        let fields: Vec<_> = response.fields.iter().collect();
        assert_eq!(fields, [(&b"Set-Cookie"[..], &b"a"[..]), (b"X-Y", b"")]);
        for length in 0..payload.len() {
            assert_eq!(decoded(&payload[..length]), Err(Violation::PacketCut), "{length}");
        }
    }

    #[test]
    fn a_head_that_is_none_is_refused() {
        for (payload, violation) in [
            (&b"\0\x64\0\0\0\0\0"[..], Violation::Status),
            (b"\x03\xe8\0\0\0\0\0", Violation::Status),
            (b"\0\xc8\0\x01\r\0\0\0", Violation::Reason),
            (b"\0\xc8\xff\xff\0\x04", Violation::TooManyFields),
            (b"\0\xc8\xff\xff\0\x01\xa0\x0c\0\0\0", Violation::FieldCode),
            (b"\0\xc8\xff\xff\0\x01\0\x01:\0\0\0\0", Violation::FieldName),
            (b"\0\xc8\xff\xff\0\x01\xa0\x01\0\x01\n\0", Violation::FieldValue),
            (b"\0\xc8\xff\xff\0\x02\xa0\x03\0\x011\0\xa0\x03\0\x011\0", Violation::RepeatedContentLength),
            (b"\0\xc8\xff\xff\0\0\0", Violation::ExcessBytes),
        ] {
            assert_eq!(decoded(payload), Err(violation), "{payload:?}");
        }
    }
}
