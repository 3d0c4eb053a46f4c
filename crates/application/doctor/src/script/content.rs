//! Whether the bytes of a file are text, a program or something else. Knows no language.

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Lines, in whatever encoding. Only these may be edited.
    Text,
    /// What the kernel starts by itself, without an interpreter (binfmt_elf and its relatives).
    Program,
    /// A `#!` with data behind it, as a zipapp or a self-extracting archive: its offsets count.
    Bundle,
    /// Nothing that can be started, with a name for it.
    Data(&'static str),
}

const SIGNATURES: &[(&[u8], &str)] = &[
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\x1f\x8b", "a file compressed with gzip"),
    (b"SQLite format 3\0", "an SQLite database"),
];

impl Content {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(b"\x7fELF") || bytes.starts_with(b"\0asm") {
            return Self::Program;
        }
        if let Some((_, name)) = SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature)) {
            return Self::Data(name);
        }
        if is_utf16(bytes) {
            return Self::Text;
        }
        if bytes.contains(&0) {
            return match bytes {
                [b'#', b'!', ..] => Self::Bundle,
                // The magic number of every Python ends so (importlib.util.MAGIC_NUMBER).
                [_, _, b'\r', b'\n', ..] => Self::Data("a module that Python has compiled"),
                [b'M', b'Z', ..] => Self::Data("a program of Windows"),
                _ => Self::Data("data with NUL bytes, which no text has"),
            };
        }
        // Some scripts hold a control character as it is, to print it; every tenth of random bytes is one.
        let odd = bytes.iter().filter(|byte| matches!(byte, 0..=6 | 14..=25 | 28..=31 | 127)).count();
        if odd > 1 && odd * 50 > bytes.len() { Self::Data("data with bytes that no text has") } else { Self::Text }
    }
}

/// Two bytes for a mark can begin anything: what follows must be text as well.
fn is_utf16(bytes: &[u8]) -> bool {
    let order: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return false,
    };
    let units = bytes.chunks_exact(2).map(|pair| order([pair[0], pair[1]]));
    char::decode_utf16(units).all(|unit| unit.is_ok_and(|unit| unit != '\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_in_every_encoding() {
        let utf16: Vec<u8> = "\u{feff}#!/bin/sh\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let russian = b"# \xf0\xf2\xe8\xe2\xe5\xf2, \xec\xe8\xf0: \xfd\xf2\xee cp1251\n";
        let texts: [&[u8]; 6] = [b"", b"print 1\r\n\x1a", b"echo '\x1b[1m\x07'", &utf16, russian, b"#!/bin/sh\n\x01"];
        for text in texts {
            assert_eq!(Content::of(text), Content::Text, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_text_has_a_name() {
        let cases: [(&[u8], &str); 8] = [
            (b"GIF89a\x01\x00", "a GIF image"),
            (b"\x89PNG\r\n\x1a\n", "a PNG image"),
            (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG image"),
            (b"%PDF-1.7\n", "a PDF document"),
            (b"\xa7\r\r\n\0\0\0\0", "a module that Python has compiled"),
            (b"\xff\xfe\0\0x", "data with NUL bytes, which no text has"),
            (b"print 1\n\0\0\0", "data with NUL bytes, which no text has"),
            (b"x\x01\x02\x0e\xa4y", "data with bytes that no text has"),
        ];
        for (bytes, name) in cases {
            assert_eq!(Content::of(bytes), Content::Data(name), "{bytes:?}");
        }
    }

    #[test]
    fn what_can_be_started_is_no_data() {
        assert_eq!(Content::of(b"\x7fELF\x02\x01\x01\0"), Content::Program);
        assert_eq!(Content::of(b"#!/usr/bin/env python3\nPK\x03\x04\0\0"), Content::Bundle);
    }
}
