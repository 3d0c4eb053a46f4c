//! Changes to the bytes of a script, and the replacement of the file.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::script::Content;

/// A script that is larger is none. Limits what is read into memory.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Replaces the content of a file by what `change` makes of it. `false`: that is the same.
pub(super) fn rewrite(path: &Path, change: impl FnOnce(&[u8]) -> io::Result<Cow<'_, [u8]>>) -> io::Result<bool> {
    // A link stays a link: what it leads to is changed.
    let path = path.canonicalize()?;
    let file = File::open(&path)?;
    let facts = file.metadata()?;
    let mut before = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut before)?;
    if before.len() as u64 > LARGEST {
        return Err(io::Error::other("the file is too large for a script"));
    }
    // Whatever was found in it: it may have become something else meanwhile.
    if Content::of(&before) != Content::Text {
        return Err(io::Error::other("the file is no text"));
    }
    let after = change(&before)?;
    if *after == *before {
        return Ok(false);
    }
    let directory = path.parent().ok_or_else(|| io::Error::other("the file is in no directory"))?;
    let mut fresh = tempfile::Builder::new().prefix(".millau-doctor").tempfile_in(directory)?;
    fresh.write_all(&after)?;
    let as_before = fresh.as_file();
    let now = as_before.metadata()?;
    if (now.uid(), now.gid()) != (facts.uid(), facts.gid()) {
        std::os::unix::fs::fchown(as_before, Some(facts.uid()), Some(facts.gid())).map_err(|error| {
            io::Error::new(error.kind(), format!("the owner of the file cannot be kept ({error}): do it as the owner"))
        })?;
    }
    // After the owner: a change of owner clears the set-user-id bits.
    as_before.set_permissions(facts.permissions())?;
    as_before.sync_all()?;
    fresh.persist(&path).map_err(|error| error.error)?;
    Ok(true)
}

pub(super) fn without_carriage_returns(text: &[u8]) -> io::Result<Cow<'_, [u8]>> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(content) => {
                out.extend_from_slice(content);
                out.push(b'\n');
            }
            // sed takes the last line for one, even without an end.
            None => out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line)),
        }
    }
    Ok(out.into())
}

pub(super) fn carriage_returns_to_line_feeds(text: &[u8]) -> io::Result<Cow<'_, [u8]>> {
    Ok(text.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect())
}

pub(super) fn without_byte_order_mark(text: &[u8]) -> io::Result<Cow<'_, [u8]>> {
    Ok(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).into())
}

pub(super) fn from_utf16(text: &[u8]) -> io::Result<Cow<'_, [u8]>> {
    let (order, rest): (fn([u8; 2]) -> u16, _) = match text {
        [0xff, 0xfe, rest @ ..] => (u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => (u16::from_be_bytes, rest),
        _ => return Ok(text.into()),
    };
    let pairs = rest.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(io::Error::other("the file is cut: UTF-16 has an even number of bytes"));
    }
    let units = pairs.map(|pair| order([pair[0], pair[1]]));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map(|text| text.into_bytes().into()).map_err(io::Error::other)
}

pub(super) fn without_leading_space(text: &[u8]) -> io::Result<Cow<'_, [u8]>> {
    let trimmed = text.trim_ascii_start();
    if !trimmed.starts_with(b"#!") {
        return Err(io::Error::other("more than blanks stands before the '#!'"));
    }
    Ok(trimmed.into())
}

pub(super) fn with_first_line<'a>(text: &'a [u8], line: &str) -> io::Result<Cow<'a, [u8]>> {
    let end = end_of_shebang(text)?;
    Ok([line.as_bytes(), b"\n", &text[end..]].concat().into())
}

pub(super) fn with_line_in_front<'a>(text: &'a [u8], line: &str) -> io::Result<Cow<'a, [u8]>> {
    if text.starts_with(b"#!") {
        return Ok(text.into());
    }
    Ok([line.as_bytes(), b"\n", text].concat().into())
}

pub(super) fn with_coding_line<'a>(text: &'a [u8], line: &str) -> io::Result<Cow<'a, [u8]>> {
    let (shebang, rest) = text.split_at(end_of_shebang(text)?);
    Ok([shebang, line.as_bytes(), b"\n", rest].concat().into())
}

/// Where the second line begins.
fn end_of_shebang(text: &[u8]) -> io::Result<usize> {
    if !text.starts_with(b"#!") {
        return Err(io::Error::other("the file does not begin with '#!', which must be mended first"));
    }
    Ok(text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1))
}
