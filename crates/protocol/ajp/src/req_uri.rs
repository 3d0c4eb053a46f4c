//! Makes the request target of `req_uri` and the query string. Front servers do not agree whether `req_uri` is
//! percent-encoded: Apache encodes it, lighttpd sends the decoded path. Here it becomes an encoded target once, which
//! [`Request::set_target`] decodes once.

use millau_gateway::{Request, TargetError};

use crate::{ReqUri, Violation};

/// Sets the target of a request whose method is known.
pub(crate) fn set_target(
    request: &mut Request,
    req_uri: &[u8],
    query: Option<&[u8]>,
    form: ReqUri,
    limit: usize,
) -> Result<(), Violation> {
    if req_uri == b"*" && request.method != b"OPTIONS" {
        return Err(Violation::AsteriskForm);
    }
    // A host in the target would overrule the Host field; no front server sends one.
    if req_uri.first() != Some(&b'/') && req_uri != b"*" {
        return Err(Violation::Target(TargetError::Form));
    }
    if req_uri.iter().any(u8::is_ascii_control) || query.is_some_and(|query| !query.iter().all(u8::is_ascii_graphic)) {
        return Err(Violation::TargetByte);
    }
    let is_decoded = match form {
        ReqUri::Recognised => !is_encoded(req_uri),
        ReqUri::Encoded => false,
        ReqUri::Decoded => true,
    };
    let mut target = Vec::with_capacity(req_uri.len() + query.map_or(0, |query| query.len() + 1));
    if is_decoded {
        encode_path(req_uri, &mut target);
    } else if req_uri.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'?') {
        target.extend_from_slice(req_uri);
    } else {
        return Err(Violation::TargetByte);
    }
    if let Some(query) = query {
        target.push(b'?');
        target.extend_from_slice(query);
    }
    if target.len() > limit {
        return Err(Violation::TargetTooLong);
    }
    Ok(request.set_target(&target)?)
}

/// Whether a path can be percent-encoded. What RFC 3986 forbids in a path and clients send all the same (`|`, say) proves
/// nothing: with `nocanon`, Apache passes it on.
fn is_encoded(path: &[u8]) -> bool {
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            (b'%' | b'?' | b'#', _) => return false,
            (byte, _) if !byte.is_ascii_graphic() => return false,
            _ => after,
        };
    }
    true
}

/// Encodes what may not stand in a path (RFC 3986 §3.3).
fn encode_path(path: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in path {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Target and decoded path.
    fn target(req_uri: &[u8], query: Option<&[u8]>, form: ReqUri) -> Result<(String, Vec<u8>), Violation> {
        let mut request = Request::default();
        request.method.extend_from_slice(b"GET");
        set_target(&mut request, req_uri, query, form, 100)?;
        Ok((String::from_utf8(request.target().to_vec()).unwrap(), request.path().to_vec()))
    }

    #[test]
    fn an_encoded_path_is_decoded_once() {
        for form in [ReqUri::Recognised, ReqUri::Encoded] {
            let (target, path) = target(b"/a%20b/c/d;e/%2561|x", Some(b"x=1%26"), form).unwrap();
            assert_eq!((&target[..], &path[..]), ("/a%20b/c/d;e/%2561|x?x=1%26", &b"/a b/c/d;e/%61|x"[..]));
        }
    }

    #[test]
    fn a_decoded_path_stays_as_it_is() {
        for decoded in [&b"/a b/c/d;e/x"[..], b"/\xc3\xa9", b"/100%", b"/100% of %41", b"/%4", b"/what?", b"/a#b"] {
            for form in [ReqUri::Recognised, ReqUri::Decoded] {
                let (target, path) = target(decoded, Some(b"q"), form).unwrap();
                assert_eq!(path, decoded);
                assert!(target.is_ascii() && target.ends_with("?q"), "{target}");
            }
        }
        assert_eq!(target(b"/a b%\xe9", None, ReqUri::Recognised).unwrap().0, "/a%20b%25%E9");
        // The one case that nobody can recognise.
        assert_eq!(target(b"/%61", None, ReqUri::Decoded).unwrap().1, b"/%61");
        assert_eq!(target(b"/%61", None, ReqUri::Recognised).unwrap().1, b"/a");
    }

    #[test]
    fn an_encoded_path_holds_only_what_it_may() {
        for wrong in [&b"/a b"[..], b"/\xe9", b"/a?b"] {
            assert_eq!(target(wrong, None, ReqUri::Encoded), Err(Violation::TargetByte), "{wrong:?}");
        }
        assert_eq!(target(b"/%zz", None, ReqUri::Encoded), Err(Violation::Target(TargetError::Escape)));
        assert_eq!(target(b"/a#b", None, ReqUri::Encoded), Err(Violation::Target(TargetError::Fragment)));
    }

    #[test]
    fn control_characters_are_refused_in_any_form() {
        for form in [ReqUri::Recognised, ReqUri::Encoded, ReqUri::Decoded] {
            for wrong in [&b"/a\0b"[..], b"/a\r\nb", b"/\x7f"] {
                assert_eq!(target(wrong, None, form), Err(Violation::TargetByte), "{wrong:?}");
            }
            for wrong in [&b"a b"[..], b"a\0", b"\xe9"] {
                assert_eq!(target(b"/", Some(wrong), form), Err(Violation::TargetByte), "{wrong:?}");
            }
        }
    }

    #[test]
    fn a_target_is_a_path_or_an_asterisk() {
        for wrong in [&b""[..], b"http://other/", b"a", b"**", b"//"] {
            let expected = if wrong == b"//" { Ok(b"//".to_vec()) } else { Err(Violation::Target(TargetError::Form)) };
            assert_eq!(target(wrong, None, ReqUri::Recognised).map(|(_, path)| path), expected, "{wrong:?}");
        }
        assert_eq!(target(b"*", None, ReqUri::Recognised), Err(Violation::AsteriskForm));
        let mut request = Request::default();
        request.method.extend_from_slice(b"OPTIONS");
        for form in [ReqUri::Recognised, ReqUri::Encoded, ReqUri::Decoded] {
            assert_eq!(set_target(&mut request, b"*", None, form, 100), Ok(()));
        }
        assert_eq!((request.target(), request.path()), (&b"*"[..], &b""[..]));
    }

    #[test]
    fn the_limit_counts_path_and_query() {
        let long = [&b"/"[..], &[b'a'; 99]].concat();
        assert!(target(&long, None, ReqUri::Recognised).is_ok());
        assert_eq!(target(&long, Some(b""), ReqUri::Recognised), Err(Violation::TargetTooLong));
    }
}
