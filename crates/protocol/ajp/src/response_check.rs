//! What no application may set in a response, whatever the protocol.

use millau_gateway::{Response, is_hop_by_hop};

use crate::EncodeError;
use crate::field_text::{decimal, is_value};

/// Whether a field goes on the wire: the connection is the server's own, and the length is written apart.
pub(crate) fn is_sent(name: &[u8]) -> bool {
    !name.eq_ignore_ascii_case(b"connection") && !name.eq_ignore_ascii_case(b"content-length")
}

/// Checks status, reason phrase and fields. Returns what Content-Length says.
pub(crate) fn check(response: &Response) -> Result<Option<u64>, EncodeError> {
    if !(200..=999).contains(&response.status) {
        return Err(EncodeError::Status(response.status));
    }
    if !is_value(&response.reason) {
        return Err(EncodeError::ControlCharacter);
    }
    let mut content_length = None;
    for (name, value) in response.fields.iter() {
        if !is_value(name) || !is_value(value) {
            return Err(EncodeError::ControlCharacter);
        }
        if is_hop_by_hop(name) || (name.eq_ignore_ascii_case(b"connection") && !is_close_or_keep_alive(value)) {
            return Err(EncodeError::HopByHop);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = decimal(value).ok_or(EncodeError::ContentLength)?;
            if content_length.replace(length).is_some_and(|before| before != length) {
                return Err(EncodeError::ContentLength);
            }
        }
    }
    Ok(content_length)
}

/// An application may wish for the end of the client's connection, which is the front server's to decide.
fn is_close_or_keep_alive(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).all(|option| {
        option.is_empty() || option.eq_ignore_ascii_case(b"close") || option.eq_ignore_ascii_case(b"keep-alive")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(fields: &[(&str, &str)]) -> Result<Option<u64>, EncodeError> {
        let mut response = Response::new(200);
        fields.iter().for_each(|(name, value)| response.fields.push(name.as_bytes(), value.as_bytes()));
        check(&response)
    }

    #[test]
    fn the_length_is_one_number() {
        assert_eq!(checked(&[]), Ok(None));
        assert_eq!(checked(&[("Content-Length", "3"), ("content-length", "03")]), Ok(Some(3)));
        for lengths in [&["1", "2"][..], &["-1"], &["1, 1"], &[""], &["18446744073709551616"]] {
            let fields: Vec<_> = lengths.iter().map(|length| ("Content-Length", *length)).collect();
            assert_eq!(checked(&fields), Err(EncodeError::ContentLength), "{lengths:?}");
        }
    }

    #[test]
    fn what_belongs_to_the_connection_is_refused() {
        for name in ["Transfer-Encoding", "keep-alive", "TE", "Trailer", "UPGRADE", "Proxy-Authenticate"] {
            assert_eq!(checked(&[(name, "x")]), Err(EncodeError::HopByHop), "{name}");
        }
        assert_eq!(checked(&[("Connection", "Close, keep-alive")]), Ok(None));
        assert_eq!(checked(&[("Connection", "close, Upgrade")]), Err(EncodeError::HopByHop));
    }

    #[test]
    fn control_characters_are_refused() {
        for bad in ["a\r\nSet-Cookie: b", "a\nb", "a\0b", "a\u{1b}b", "a\u{7f}"] {
            assert_eq!(checked(&[("X", bad)]), Err(EncodeError::ControlCharacter), "{bad:?}");
            assert_eq!(checked(&[(bad, "x")]), Err(EncodeError::ControlCharacter), "{bad:?}");
            let response = Response { status: 200, reason: bad.as_bytes().to_vec(), ..Response::default() };
            assert_eq!(check(&response), Err(EncodeError::ControlCharacter), "{bad:?}");
        }
        assert_eq!(checked(&[("X", "a\tb \u{e9}")]), Ok(None));
    }

    #[test]
    fn the_status_is_final() {
        for status in [0, 99, 100, 199, 1000] {
            assert_eq!(check(&Response::new(status)), Err(EncodeError::Status(status)));
        }
        assert_eq!(check(&Response::new(999)), Ok(None));
    }
}
