//! The bytes of a script before any language is known: byte order marks, line ends, and where the `#!` is.

use std::borrow::Cow;
use std::path::Path;

use crate::{Finding, Mend, Place, Problem, SafeMend};

/// Finds what is wrong with the bytes, and gives them as they will be when that is mended, so that the rest can be
/// looked at as well.
pub(super) fn examine<'a>(path: &Path, bytes: &'a [u8], is_python: bool, findings: &mut Vec<Finding>) -> Cow<'a, [u8]> {
    let mut text = Cow::Borrowed(bytes);
    if let Some(decoded) = utf16(bytes) {
        findings.push(Finding::error(
            Problem::Utf16,
            Place::Line(path.to_owned(), 1),
            "the file is UTF-16 (what Windows' Notepad calls Unicode)",
            "the kernel looks for the two bytes '#!' at the very start, and interpreters expect ASCII or UTF-8",
            Mend::Safe(SafeMend::Utf16(path.to_owned())),
        ));
        text = Cow::Owned(decoded);
    } else if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        findings.push(Finding::error(
            Problem::ByteOrderMark,
            Place::Line(path.to_owned(), 1),
            "the file begins with a byte order mark (the bytes EF BB BF)",
            "the kernel looks for the two bytes '#!' at the very start, finds the mark there and does not know how to start \
             the file ('Exec format error'); Windows editors put the mark there when they save as 'UTF-8'",
            Mend::Safe(SafeMend::ByteOrderMark(path.to_owned())),
        ));
        text = Cow::Borrowed(rest);
    }
    if let Some(mended) = line_ends(path, &text, is_python, findings) {
        text = Cow::Owned(mended);
    }
    if let Some(mended) = leading(path, &text, findings) {
        text = Cow::Owned(mended);
    }
    text
}

fn utf16(bytes: &[u8]) -> Option<Vec<u8>> {
    let (order, rest): (fn([u8; 2]) -> u16, _) = match bytes {
        [0xff, 0xfe, rest @ ..] => (u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => (u16::from_be_bytes, rest),
        _ => return None,
    };
    let units = rest.chunks_exact(2).map(|pair| order([pair[0], pair[1]]));
    Some(char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect::<String>().into_bytes())
}

fn line_ends(path: &Path, text: &[u8], is_python: bool, findings: &mut Vec<Finding>) -> Option<Vec<u8>> {
    if !text.contains(&b'\r') {
        return None;
    }
    if !text.contains(&b'\n') {
        findings.push(Finding::error(
            Problem::LoneCarriageReturns,
            Place::Line(path.to_owned(), 1),
            "lines end with a carriage return alone (as on a Macintosh before 2001)",
            "the kernel takes the whole file for the first line, and so for the name of the interpreter",
            Mend::Safe(SafeMend::LoneCarriageReturns(path.to_owned())),
        ));
        return Some(text.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect());
    }
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').enumerate();
    let (index, _) = lines.find(|(_, line)| line.ends_with(b"\r\n"))?;
    let count = 1 + lines.filter(|(_, line)| line.ends_with(b"\r\n")).count();
    let what = format!("{count} {} with CR LF, as on Windows", if count == 1 { "line ends" } else { "lines end" });
    let mend = Mend::Safe(SafeMend::LineEndings(path.to_owned()));
    let place = Place::Line(path.to_owned(), index + 1);
    findings.push(if index == 0 && text.starts_with(b"#!") {
        Finding::error(
            Problem::CarriageReturns,
            place,
            what,
            "the kernel takes the carriage return for a part of the interpreter's name and finds no such file \
             ('python3\\r: No such file or directory'); an FTP client in text mode, or the editor, can keep it away",
            mend,
        )
    } else if is_python {
        Finding::warning(
            Problem::CarriageReturns,
            place,
            what,
            "Python reads such lines, but a text in triple quotes is not what other programs see, and the first line must \
             never become one of them",
            mend,
        )
    } else {
        Finding::error(
            Problem::CarriageReturns,
            place,
            what,
            "shells and other interpreters take the carriage return for a part of the last word",
            mend,
        )
    });
    let mut mended = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(content) => mended.extend_from_slice(&[content, b"\n"].concat()),
            None => mended.extend_from_slice(line),
        }
    }
    Some(mended)
}

/// A `#!` that stands behind nothing but blanks was meant to be the first thing.
fn leading(path: &Path, text: &[u8], findings: &mut Vec<Finding>) -> Option<Vec<u8>> {
    let trimmed = text.trim_ascii_start();
    if trimmed.len() == text.len() || !trimmed.starts_with(b"#!") {
        return None;
    }
    let line = 1 + text[..text.len() - trimmed.len()].iter().filter(|byte| **byte == b'\n').count();
    findings.push(Finding::error(
        Problem::ShebangNotFirst,
        Place::Line(path.to_owned(), line),
        "the '#!' comes after empty lines or blanks",
        "the kernel looks for it in the first two bytes of the file and nowhere else",
        Mend::Safe(SafeMend::Leading(path.to_owned())),
    ));
    Some(trimmed.to_owned())
}
