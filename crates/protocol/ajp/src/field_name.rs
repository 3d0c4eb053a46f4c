//! The codes of frequent field names. A name is either a code, 0xA001 and so on, or a string; its first byte tells which.

use crate::Violation;
use crate::data_types::{Reader, Writer};

/// Field names of requests: 0xA001, 0xA002 and so on.
pub(crate) const REQUEST: &[&[u8]] = &[
    b"accept",
    b"accept-charset",
    b"accept-encoding",
    b"accept-language",
    b"authorization",
    b"connection",
    b"content-type",
    b"content-length",
    b"cookie",
    b"cookie2",
    b"host",
    b"pragma",
    b"referer",
    b"user-agent",
];

/// Field names of responses: 0xA001, 0xA002 and so on.
pub(crate) const RESPONSE: &[&[u8]] = &[
    b"Content-Type",
    b"Content-Language",
    b"Content-Length",
    b"Date",
    b"Last-Modified",
    b"Location",
    b"Set-Cookie",
    b"Set-Cookie2",
    b"Servlet-Engine",
    b"Status",
    b"WWW-Authenticate",
];

const CODED: u16 = 0xA000;

/// Reads a field name. A string that is longer than 0x9FFF bytes could be mistaken for a code and is refused.
pub(crate) fn read<'a>(payload: &mut Reader<'a>, names: &[&'static [u8]]) -> Result<&'a [u8], Violation> {
    let length = payload.integer()?;
    if length & 0xFF00 == CODED {
        let index = usize::from(length & 0xFF).checked_sub(1).ok_or(Violation::FieldCode)?;
        return names.get(index).copied().ok_or(Violation::FieldCode);
    }
    if length > CODED {
        return Err(Violation::FieldName);
    }
    payload.text(length)
}

/// Writes a field name, as a code if it has one.
pub(crate) fn write(packet: &mut Writer<'_>, name: &[u8], names: &[&[u8]]) {
    match names.iter().position(|known| known.eq_ignore_ascii_case(name)) {
        Some(index) => packet.integer(CODED + 1 + index as u16),
        None => packet.string(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::TO_WEB_SERVER;

    #[test]
    fn a_code_or_a_string() {
        let name = |bytes: &'static [u8], names| read(&mut Reader::new(bytes), names);
        assert_eq!(name(b"\xa0\x01", REQUEST), Ok(&b"accept"[..]));
        assert_eq!(name(b"\xa0\x08", REQUEST), Ok(&b"content-length"[..]));
        assert_eq!(name(b"\xa0\x0e", REQUEST), Ok(&b"user-agent"[..]));
        assert_eq!(name(b"\xa0\x03", RESPONSE), Ok(&b"Content-Length"[..]));
        assert_eq!(name(b"\xa0\x0b", RESPONSE), Ok(&b"WWW-Authenticate"[..]));
        assert_eq!(name(b"\0\x03X-Y\0", REQUEST), Ok(&b"X-Y"[..]));
    }

    #[test]
    fn unknown_codes_and_null_names_are_refused() {
        let name = |bytes: &'static [u8], names| read(&mut Reader::new(bytes), names);
        assert_eq!(name(b"\xa0\x00", REQUEST), Err(Violation::FieldCode));
        assert_eq!(name(b"\xa0\x0f", REQUEST), Err(Violation::FieldCode));
        assert_eq!(name(b"\xa0\x0c", RESPONSE), Err(Violation::FieldCode));
        assert_eq!(name(b"\xa1\x01", REQUEST), Err(Violation::FieldName));
        assert_eq!(name(b"\xff\xff", REQUEST), Err(Violation::FieldName));
    }

    #[test]
    fn the_case_of_a_coded_name_does_not_matter() {
        let mut out = Vec::new();
        let mut packet = Writer::new(&mut out, TO_WEB_SERVER);
        write(&mut packet, b"set-COOKIE", RESPONSE);
        write(&mut packet, b"X-Y", RESPONSE);
        packet.finish(8_192).unwrap();
        assert_eq!(&out[4..], b"\xa0\x07\0\x03X-Y\0");
    }
}
