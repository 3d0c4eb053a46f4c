//! The request target: its four forms (RFC 9112 §3.2) and the decoding of its path.

use std::fmt;
use std::ops::Range;

/// Why a request target cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// Neither a path, nor an absolute URI, nor `*`.
    Form,
    /// The authority of an absolute URI is empty or carries user information (RFC 9110 §4.2.4).
    Authority,
    /// It holds a fragment, which never travels (RFC 9112 §3.2).
    Fragment,
    /// A `%` without two hexadecimal digits (RFC 3986 §2.1).
    Escape,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "the request target is neither a path nor an absolute URI",
            Self::Authority => "the authority in the request target is empty or carries user information",
            Self::Fragment => "the request target holds a fragment (#)",
            Self::Escape => "the request target holds a % that is not followed by two hexadecimal digits",
        })
    }
}

impl std::error::Error for TargetError {}

/// The parts of a target, as ranges of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Host and port of an absolute URI.
    pub(crate) authority: Option<Range<usize>>,
    /// The path, still encoded. Empty for `*`.
    pub(crate) path: Range<usize>,
    /// What follows the first `?`.
    pub(crate) query: Range<usize>,
}

/// Takes a target apart: origin form, absolute form with scheme `http` or `https`, or `*`.
///
/// The authority form belongs to CONNECT alone, which fronts refuse before they come here.
pub(crate) fn split(target: &[u8]) -> Result<Parts, TargetError> {
    let end = target.len();
    if target.contains(&b'#') {
        return Err(TargetError::Fragment);
    }
    if target == b"*" {
        return Ok(Parts { authority: None, path: end..end, query: end..end });
    }
    let mut authority = None;
    let mut start = 0;
    if target.first() != Some(&b'/') {
        let after_scheme = scheme_length(target).ok_or(TargetError::Form)?;
        let length = target[after_scheme..].iter().position(|byte| matches!(byte, b'/' | b'?'));
        start = length.map_or(end, |length| after_scheme + length);
        let host = &target[after_scheme..start];
        if host.is_empty() || host[0] == b':' || host.contains(&b'@') {
            return Err(TargetError::Authority);
        }
        authority = Some(after_scheme..start);
    }
    let path_end = target[start..].iter().position(|byte| *byte == b'?').map_or(end, |length| start + length);
    let query = (path_end + 1).min(end)..end;
    Ok(Parts { authority, path: start..path_end, query })
}

fn scheme_length(target: &[u8]) -> Option<usize> {
    [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| target.len() >= scheme.len() && target[..scheme.len()].eq_ignore_ascii_case(scheme))
        .map(<[u8]>::len)
}

/// Appends `encoded` to `out` with every `%XX` replaced by its byte; `+` stays (it means a space only in a query).
pub(crate) fn decode_path(encoded: &[u8], out: &mut Vec<u8>) -> Result<(), TargetError> {
    let mut rest = encoded;
    while let Some(position) = rest.iter().position(|byte| *byte == b'%') {
        let digit = |index: usize| rest.get(index).and_then(|byte| (*byte as char).to_digit(16));
        let (high, low) = digit(position + 1).zip(digit(position + 2)).ok_or(TargetError::Escape)?;
        out.extend_from_slice(&rest[..position]);
        out.push((high * 16 + low) as u8);
        rest = &rest[position + 3..];
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// Without the slashes at its end.
pub(crate) fn trim_slashes(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    &path[..end]
}

/// Resolves `.` and `..` in a decoded path (RFC 3986 §5.2.4). Unlike there, `..` takes empty segments along with the one
/// before them: that is what front servers do, which merge slashes first, and their access rules must hold here too.
pub(crate) fn remove_dot_segments(path: &mut Vec<u8>) {
    if !path.windows(2).any(|pair| pair == b"/.") || path.first() != Some(&b'/') {
        return;
    }
    let mut out = Vec::with_capacity(path.len());
    let mut segments = path[1..].split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            b"." => {}
            b".." => {
                let kept = trim_slashes(&out).len();
                let parent = out[..kept].iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                out.truncate(parent);
            }
            _ => {
                out.push(b'/');
                out.extend_from_slice(segment);
                continue;
            }
        }
        if segments.peek().is_none() {
            out.push(b'/');
        }
    }
    *path = out;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(target: &str) -> (Option<&str>, &str, &str) {
        let parts = split(target.as_bytes()).unwrap();
        (parts.authority.map(|range| &target[range]), &target[parts.path], &target[parts.query])
    }

    #[test]
    fn knows_the_forms() {
        assert_eq!(parts("/a/b?x=1?y"), (None, "/a/b", "x=1?y"));
        assert_eq!(parts("/"), (None, "/", ""));
        assert_eq!(parts("/a?"), (None, "/a", ""));
        assert_eq!(parts("*"), (None, "", ""));
        assert_eq!(parts("HTTP://h:1/p?q"), (Some("h:1"), "/p", "q"));
        assert_eq!(parts("https://h?q"), (Some("h"), "", "q"));
        assert_eq!(parts("http://h"), (Some("h"), "", ""));
    }

    #[test]
    fn refuses_the_rest() {
        assert_eq!(split(b"a/b"), Err(TargetError::Form));
        assert_eq!(split(b""), Err(TargetError::Form));
        assert_eq!(split(b"ftp://h/"), Err(TargetError::Form));
        assert_eq!(split(b"http:///x"), Err(TargetError::Authority));
        assert_eq!(split(b"http://u@h/x"), Err(TargetError::Authority));
        assert_eq!(split(b"/x#y"), Err(TargetError::Fragment));
    }

    #[test]
    fn decodes_once() {
        let decoded = |text: &str| {
            let mut out = Vec::new();
            decode_path(text.as_bytes(), &mut out).map(|()| out)
        };
        assert_eq!(decoded("/a%20b+%2525").unwrap(), b"/a b+%25");
        assert_eq!(decoded("/%C3%a9/%00").unwrap(), b"/\xc3\xa9/\0");
        for bad in ["%", "%4", "%4g", "%+1", "/x%"] {
            assert_eq!(decoded(bad), Err(TargetError::Escape), "{bad}");
        }
    }

    #[test]
    fn dot_segments_are_resolved_and_empty_segments_kept() {
        for (path, resolved) in [
            ("/a/b", "/a/b"),
            ("/a//b/", "/a//b/"),
            ("/a/./b", "/a/b"),
            ("/a/.", "/a/"),
            ("/a/b/../c", "/a/c"),
            ("/a/b/..", "/a/"),
            ("/a/..", "/"),
            ("/../..", "/"),
            ("/m//../x", "/x"),
            ("/m/x//..//y", "/m//y"),
            ("/.a/..b/c.", "/.a/..b/c."),
        ] {
            let mut bytes = path.as_bytes().to_vec();
            remove_dot_segments(&mut bytes);
            assert_eq!(String::from_utf8_lossy(&bytes), resolved, "{path}");
        }
    }
}
