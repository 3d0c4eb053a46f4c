//! The attributes of a request: a code and a value, until the code 0xFF.

use crate::Violation;
use crate::data_types::{Reader, Writer};

const CONTEXT: u8 = 0x01;
const SERVLET_PATH: u8 = 0x02;
const REMOTE_USER: u8 = 0x03;
const AUTH_TYPE: u8 = 0x04;
const QUERY_STRING: u8 = 0x05;
const ROUTE: u8 = 0x06;
const SSL_CERT: u8 = 0x07;
const SSL_CIPHER: u8 = 0x08;
const SSL_SESSION: u8 = 0x09;
const REQUEST_ATTRIBUTE: u8 = 0x0A;
const SSL_KEY_SIZE: u8 = 0x0B;
const SECRET: u8 = 0x0C;
const STORED_METHOD: u8 = 0x0D;
const ARE_DONE: u8 = 0xFF;

/// One attribute. A null string is an empty one: lighttpd writes every empty string so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute<'a> {
    /// `context`, `servlet_path` and `route`: they say something about a container of servlets.
    Ignored(u8),
    RemoteUser(&'a [u8]),
    AuthType(&'a [u8]),
    QueryString(&'a [u8]),
    /// The client's certificate.
    SslCert(&'a [u8]),
    SslCipher(&'a [u8]),
    SslSession(&'a [u8]),
    SslKeySize(u16),
    Secret(&'a [u8]),
    /// The method, where it has no code.
    StoredMethod(&'a [u8]),
    /// `req_attribute`: any other, by its name.
    Request {
        name: &'a [u8],
        value: &'a [u8],
    },
}

impl<'a> Attribute<'a> {
    /// Reads one attribute; `None` where the attributes end.
    pub(crate) fn read(payload: &mut Reader<'a>) -> Result<Option<Self>, Violation> {
        let code = payload.byte()?;
        if code == SSL_KEY_SIZE {
            return Ok(Some(Self::SslKeySize(payload.integer()?)));
        }
        let mut string = || payload.string().map(Option::unwrap_or_default);
        Ok(Some(match code {
            CONTEXT | SERVLET_PATH | ROUTE => {
                string()?;
                Self::Ignored(code)
            }
            REMOTE_USER => Self::RemoteUser(string()?),
            AUTH_TYPE => Self::AuthType(string()?),
            QUERY_STRING => Self::QueryString(string()?),
            SSL_CERT => Self::SslCert(string()?),
            SSL_CIPHER => Self::SslCipher(string()?),
            SSL_SESSION => Self::SslSession(string()?),
            REQUEST_ATTRIBUTE => Self::Request { name: string()?, value: string()? },
            SECRET => Self::Secret(string()?),
            STORED_METHOD => Self::StoredMethod(string()?),
            ARE_DONE => return Ok(None),
            _ => return Err(Violation::AttributeCode),
        }))
    }

    /// Writes the attribute.
    pub(crate) fn write(self, packet: &mut Writer<'_>) {
        packet.byte(self.code());
        match self {
            Self::Ignored(_) => packet.null_string(),
            Self::RemoteUser(value)
            | Self::AuthType(value)
            | Self::QueryString(value)
            | Self::SslCert(value)
            | Self::SslCipher(value)
            | Self::SslSession(value)
            | Self::Secret(value)
            | Self::StoredMethod(value) => packet.string(value),
            Self::SslKeySize(size) => packet.integer(size),
            Self::Request { name, value } => {
                packet.string(name);
                packet.string(value);
            }
        }
    }

    /// Ends the attributes.
    pub(crate) fn write_end(packet: &mut Writer<'_>) {
        packet.byte(ARE_DONE);
    }

    /// Its code, which also tells the kinds of attribute apart.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Ignored(code) => code,
            Self::RemoteUser(_) => REMOTE_USER,
            Self::AuthType(_) => AUTH_TYPE,
            Self::QueryString(_) => QUERY_STRING,
            Self::SslCert(_) => SSL_CERT,
            Self::SslCipher(_) => SSL_CIPHER,
            Self::SslSession(_) => SSL_SESSION,
            Self::SslKeySize(_) => SSL_KEY_SIZE,
            Self::Secret(_) => SECRET,
            Self::StoredMethod(_) => STORED_METHOD,
            Self::Request { .. } => REQUEST_ATTRIBUTE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::TO_CONTAINER;

    fn read(bytes: &[u8]) -> Result<Option<Attribute<'_>>, Violation> {
        Attribute::read(&mut Reader::new(bytes))
    }

    #[test]
    fn attributes_are_read_and_written() {
        for (bytes, attribute) in [
            (&b"\x03\0\x03ann\0"[..], Attribute::RemoteUser(b"ann")),
            (b"\x04\0\x05Basic\0", Attribute::AuthType(b"Basic")),
            (b"\x05\0\x03a=b\0", Attribute::QueryString(b"a=b")),
            (b"\x07\0\x01c\0", Attribute::SslCert(b"c")),
            (b"\x08\0\x01d\0", Attribute::SslCipher(b"d")),
            (b"\x09\0\x01e\0", Attribute::SslSession(b"e")),
            (b"\x0a\0\x01n\0\0\x01v\0", Attribute::Request { name: b"n", value: b"v" }),
            (b"\x0b\x01\x00", Attribute::SslKeySize(256)),
            (b"\x0c\0\x01s\0", Attribute::Secret(b"s")),
            (b"\x0d\0\x05PATCH\0", Attribute::StoredMethod(b"PATCH")),
        ] {
            assert_eq!(read(bytes), Ok(Some(attribute)));
            let mut out = Vec::new();
            let mut packet = Writer::new(&mut out, TO_CONTAINER);
            attribute.write(&mut packet);
            packet.finish(8_192).unwrap();
            assert_eq!(&out[4..], bytes);
        }
    }

    #[test]
    fn a_null_string_is_empty() {
        assert_eq!(read(b"\x03\xff\xff"), Ok(Some(Attribute::RemoteUser(b""))));
        assert_eq!(read(b"\x06\xff\xff"), Ok(Some(Attribute::Ignored(6))));
    }

    #[test]
    fn they_end_with_their_own_code() {
        assert_eq!(read(b"\xff"), Ok(None));
        assert_eq!(read(b""), Err(Violation::PacketCut));
        for code in [0x00, 0x0e, 0x0f, 0x32, 0xfe] {
            assert_eq!(read(&[code, 0, 0, 0]), Err(Violation::AttributeCode), "{code}");
        }
    }
}
