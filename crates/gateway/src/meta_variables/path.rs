//! Which path a front server means: SCRIPT_NAME, PATH_INFO, REQUEST_URI and DOCUMENT_URI, which seldom agree, made one.
//!
//! Two things are known about a request: what the client asked for (REQUEST_URI, raw), and what the front server made of
//! it (the rest, decoded, with dot segments resolved and slashes merged, perhaps rewritten). Where both are the same
//! path, the client's words count, because they still hold the empty segments; where they are not, the front server has
//! decided on another path, and its decision counts: it is what its access rules were applied to. Pure functions.

use crate::target::{self, remove_dot_segments, trim_slashes};

/// What a front server says about the path. `None`: it does not say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told<'a> {
    pub(super) script_name: Option<&'a [u8]>,
    pub(super) path_info: Option<&'a [u8]>,
    /// nginx: the path after rewriting.
    pub(super) document_uri: Option<&'a [u8]>,
    pub(super) script_filename: Option<&'a [u8]>,
    /// Apache: the path before rewriting, for requests that were rewritten and not for error documents.
    pub(super) rewritten_from: Option<&'a [u8]>,
    /// IIS puts the whole path into both SCRIPT_NAME and PATH_INFO.
    pub(super) is_iis: bool,
    /// The front server starts a program for each path, so that SCRIPT_NAME always names one.
    pub(super) is_program: bool,
}

/// The path as everybody behind the front sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    /// Script name and path info together.
    pub(super) path: Vec<u8>,
    pub(super) script_name_length: usize,
    /// The front server did not say so: that it has stripped the script name is only seen from REQUEST_URI.
    pub(super) is_inferred: bool,
}

impl Settled {
    fn whole(path: &[u8]) -> Self {
        Self { path: path.to_vec(), script_name_length: 0, is_inferred: false }
    }

    fn split(script_name: &[u8], path_info: &[u8]) -> Self {
        Self { path: [script_name, path_info].concat(), script_name_length: script_name.len(), is_inferred: false }
    }
}

/// Where the script name ends in `asked`, the decoded path of REQUEST_URI, if SCRIPT_NAME and PATH_INFO are exactly that path
/// and nothing about them needs to be settled: most requests are such. [`settle`] would come to the same.
pub(super) fn agreed(told: &Told, asked: &[u8]) -> Option<usize> {
    let script_name = told.script_name.unwrap_or_default();
    let rest = asked.strip_prefix(script_name)?;
    let is_plain = told.path_info == Some(rest)
        && rest.first() == Some(&b'/')
        && (script_name.is_empty() || script_name.first() == Some(&b'/') && script_name.last() != Some(&b'/'))
        && !script_name.windows(2).any(|pair| pair == b"//")
        && !asked.windows(2).any(|pair| pair == b"/.");
    is_plain.then_some(script_name.len())
}

/// Finds the path that is meant. `asked` is the path of REQUEST_URI, still encoded, if there is one.
pub(super) fn settle(told: &Told, asked: Option<&[u8]>) -> Settled {
    let mut settled = find(told, asked);
    // Script name and path info each begin with a slash or are empty (PEP 3333).
    if settled.path.first().is_some_and(|byte| *byte != b'/') {
        settled.path.insert(0, b'/');
        settled.script_name_length = 0;
    }
    if settled.path.get(settled.script_name_length).is_some_and(|byte| *byte != b'/') {
        settled.script_name_length = 0;
    }
    settled
}

fn find(told: &Told, asked: Option<&[u8]>) -> Settled {
    let mut asked_path = Vec::new();
    let asked = asked.filter(|raw| !raw.is_empty()).and_then(|raw| {
        target::decode_path(raw, &mut asked_path).ok()?;
        remove_dot_segments(&mut asked_path);
        Some(asked_path.as_slice())
    });
    // A script name never ends in a slash (PEP 3333): the slash is the path info's.
    let script_name = told.script_name.unwrap_or_default();
    let path_info = told.path_info.unwrap_or_default();
    let script = trim_slashes(script_name);

    let Some(asked) = asked else {
        return match told.document_uri {
            Some(path) if path_info.is_empty() && (script_name.is_empty() || same(script_name, path)) => {
                Settled::whole(path)
            }
            _ => Settled::split(script, &[&script_name[script.len()..], path_info].concat()),
        };
    };
    if script_name.is_empty() && path_info.is_empty() {
        return match told.document_uri {
            Some(path) if !same(path, asked) => rewritten(path, asked),
            _ => Settled::whole(asked),
        };
    }
    let joined = [script_name, path_info].concat();
    // Apache's uwsgi sends "/" as the path info of the mount itself, with or without a slash behind it.
    let only_slash = path_info == b"/" && same(script_name, asked);
    if same(&joined, asked) || only_slash {
        let names_program = !path_info.is_empty() || is_program(told, script_name);
        return match after(asked, script) {
            Some(rest) if names_program && !script.is_empty() => Settled::split(&merged(script), rest),
            _ => Settled::whole(asked),
        };
    }
    // nginx with its stock uwsgi_params and a SCRIPT_NAME of the operator's besides.
    if same(path_info, asked) {
        return match after(asked, script) {
            Some(rest) if !script.is_empty() && !told.is_iis => Settled::split(&merged(script), rest),
            _ => Settled::whole(asked),
        };
    }
    mended(told, script, path_info, asked).unwrap_or_else(|| {
        if script.is_empty() || path_info.is_empty() && !is_program(told, script_name) {
            rewritten(&joined, asked)
        } else {
            Settled::split(script, &[&script_name[script.len()..], path_info].concat())
        }
    })
}

/// The cases in which script name and path info do not add up, though the front server has rewritten nothing itself.
fn mended(told: &Told, script: &[u8], path_info: &[u8], asked: &[u8]) -> Option<Settled> {
    // Apache with AllowEncodedSlashes NoDecode, or with a PATH_INFO that the operator has cut from REQUEST_URI.
    let decoded = decoded(path_info);
    let decoded_script = self::decoded(script);
    if !script.is_empty() && same(&[&decoded_script[..], &decoded].concat(), asked) {
        let names_program = !decoded.is_empty() || is_program(told, script);
        return match after(asked, &decoded_script) {
            Some(rest) if names_program => Some(Settled::split(&merged(&decoded_script), rest)),
            _ => Some(Settled::whole(asked)),
        };
    }
    if is_proxied(told) {
        // Apache with proxy-scgi-pathinfo: the script name is cut at the wrong place, the path info at the right one.
        if let Some(border) = before(asked, &decoded).filter(|_| !decoded.is_empty()) {
            return Some(Settled::split(&asked[..border], &asked[border..]));
        }
        // Apache with ProxyPassMatch: the path info is that of a file.
        return after(asked, script).filter(|_| !script.is_empty()).map(|rest| Settled::split(&merged(script), rest));
    }
    // Apache with a rule that puts a script before every path: what the client sees has no script name.
    let border = before(told.rewritten_from.filter(|from| same(from, asked)).map(|_| asked)?, path_info)?;
    (!path_info.is_empty()).then(|| Settled::split(&asked[..border], &asked[border..]))
}

/// A path that may still be encoded; as it is, if it cannot be decoded.
fn decoded(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if target::decode_path(path, &mut out).is_err() {
        out.clear();
        out.extend_from_slice(path);
    }
    remove_dot_segments(&mut out);
    out
}

/// The front server asks for `path` where the client asked for `asked`. Where it has only taken the beginning away, that
/// is the script name.
fn rewritten(path: &[u8], asked: &[u8]) -> Settled {
    match before(asked, path) {
        Some(border) if border > 0 => Settled { path: asked.to_vec(), script_name_length: border, is_inferred: true },
        _ => Settled::whole(path),
    }
}

/// True when a SCRIPT_NAME without a PATH_INFO names the program, and not just the whole path for want of anything else.
fn is_program(told: &Told, script_name: &[u8]) -> bool {
    if told.is_program {
        return true;
    }
    if told.document_uri.is_some_and(|uri| same(uri, script_name)) && told.path_info.is_none() {
        return false;
    }
    if is_proxied(told) {
        return false;
    }
    let Some(file) = told.script_filename else { return told.path_info.is_some() };
    let mut decoded = Vec::new();
    if target::decode_path(file, &mut decoded).is_err() {
        return true;
    }
    // Apache with ProxyFCGIBackendType GENERIC: the end of the URL in place of a file.
    told.path_info.is_some() || before(script_name, &decoded).is_none() && !trim_slashes(&decoded).is_empty()
}

/// True when Apache passes the request on to an address: then SCRIPT_FILENAME names no file.
pub(super) fn is_proxied(told: &Told) -> bool {
    told.script_filename.is_some_and(|file| file.starts_with(b"proxy:"))
}

/// With runs of slashes made one.
fn merged(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for byte in path {
        if *byte != b'/' || out.last() != Some(&b'/') {
            out.push(*byte);
        }
    }
    out
}

/// True when two decoded paths are the same but for merged slashes and resolved dot segments.
fn same(a: &[u8], b: &[u8]) -> bool {
    let canonical = |path: &[u8]| {
        let mut path = merged(path);
        remove_dot_segments(&mut path);
        path
    };
    a == b || canonical(a) == canonical(b)
}

/// What of `path` comes after `prefix`, which ends where a segment does; slashes compare merged.
fn after<'a>(path: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let mut rest = path;
    for byte in merged(prefix) {
        rest = rest.strip_prefix(&[byte])?;
        if byte == b'/' {
            let slashes = rest.iter().take_while(|byte| **byte == b'/').count();
            rest = &rest[slashes..];
        }
    }
    matches!(rest.first(), None | Some(b'/')).then_some(rest)
}

/// Where in `path` the `tail` begins, which itself begins with a slash; slashes compare merged.
fn before(path: &[u8], tail: &[u8]) -> Option<usize> {
    if tail.first() != Some(&b'/') {
        return None;
    }
    let mut rest = path;
    for byte in merged(tail).iter().rev() {
        rest = rest.strip_suffix(&[*byte])?;
        if *byte == b'/' {
            rest = trim_slashes(rest);
        }
    }
    Some(rest.len())
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
