//! Any page: the translator ends, its map is in order, and every piece that it copied stands in the page where it says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use millau_psp::{Included, translate};

fuzz_target!(|page: &[u8]| {
    // The part behind a NUL is what the page includes, whatever name it uses.
    let (page, included) = match page.iter().position(|byte| *byte == 0) {
        Some(at) => (&page[..at], &page[at + 1..]),
        None => (page, &b""[..]),
    };
    let mut open = |_: &str| Ok::<_, ()>(Included { path: "included".to_owned(), bytes: included.to_vec() });
    let Ok(translation) = translate("page", page, &mut open) else { return };
    let sources = [page, included].map(|source| source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source));
    let lines = sources.map(|source| source.split(|byte| *byte == b'\n').collect::<Vec<_>>());
    let code: Vec<&str> = translation.code.split('\n').collect();
    let mut before = (0, 0);
    for piece in &translation.map {
        assert!((piece.line, piece.column) >= before);
        before = (piece.line, piece.column);
        let text = &code[piece.line as usize - 1][piece.column as usize..][..piece.length as usize];
        let line = lines[piece.file as usize][piece.page_line as usize - 1];
        assert!(line[piece.page_column as usize..].starts_with(text.as_bytes()));
    }
    // Everything but the page's own code is on lines of ours, without a line break in a literal.
    assert!(!translation.code.contains('\0'));
});
