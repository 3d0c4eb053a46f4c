//! What the doctor does is what the command that it shows would do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{SafeMend, quoted};

/// Does it, and lets a shell do it with the command that is shown, each on a copy of its own; gives both results.
fn both(content: &[u8], mend: impl Fn(PathBuf) -> SafeMend) -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("it's ours.py"), folder.path().join("theirs &.py"));
    for path in [&ours, &theirs] {
        fs::write(path, content).unwrap();
    }
    mend(ours.clone()).apply().unwrap();
    let command = mend(theirs.clone()).command();
    assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success(), "{command}");
    (fs::read(ours).unwrap(), fs::read(theirs).unwrap())
}

#[track_caller]
fn mended(content: &[u8], mend: impl Fn(PathBuf) -> SafeMend, expected: &[u8]) {
    let (ours, theirs) = both(content, mend);
    assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(expected));
    assert_eq!(String::from_utf8_lossy(&theirs), String::from_utf8_lossy(expected));
}

#[test]
fn carriage_returns_go_from_line_ends_only() {
    mended(b"#!/bin/sh\r\necho 'a\rb'\r\n\r\nexit\r", SafeMend::LineEndings, b"#!/bin/sh\necho 'a\rb'\n\nexit");
}

#[test]
fn lone_carriage_returns_become_line_feeds() {
    mended(b"#!/bin/sh\recho a\r", SafeMend::LoneCarriageReturns, b"#!/bin/sh\necho a\n");
}

#[test]
fn a_byte_order_mark_goes_from_the_start_only() {
    mended(b"\xef\xbb\xbf#!x\n\xef\xbb\xbfy\n", SafeMend::ByteOrderMark, b"#!x\n\xef\xbb\xbfy\n");
}

#[test]
fn utf_16_becomes_utf_8_in_either_order() {
    let text = "#!x\nprint('é €')\n";
    let little: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let big: Vec<u8> = [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    mended(&little, SafeMend::Utf16, text.as_bytes());
    mended(&big, SafeMend::Utf16, text.as_bytes());
}

#[test]
fn what_stands_before_the_shebang_goes_if_it_is_blank() {
    mended(b"\n \t\n#!/bin/sh\n\n#!b\n", SafeMend::Leading, b"#!/bin/sh\n\n#!b\n");
}

#[test]
fn a_shebang_is_replaced_or_put_in() {
    let line = || "#!/usr/bin/env -S a'b \"c\"".to_owned();
    mended(b"#!/old\nx\n", |path| SafeMend::ReplaceShebang { path, line: line() }, b"#!/usr/bin/env -S a'b \"c\"\nx\n");
    mended(b"x\n", |path| SafeMend::InsertShebang { path, line: line() }, b"#!/usr/bin/env -S a'b \"c\"\nx\n");
}

#[test]
fn a_coding_line_comes_after_the_shebang_and_nowhere_else() {
    let mend = |path| SafeMend::CodingLine { path, encoding: "cp1252".into() };
    mended(b"#!x\n\xe9\n", mend, b"#!x\n# -*- coding: cp1252 -*-\n\xe9\n");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    fs::write(&path, b"\xe9\n").unwrap();
    mend(path.clone()).apply().unwrap_err();
    assert_eq!(fs::read(path).unwrap(), b"\xe9\n");
}

#[test]
fn permissions_are_added_and_taken_away() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    fs::write(&path, "x").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    SafeMend::Permissions { path: path.clone(), symbolic: "a+x,g-w".into(), add: 0o111, remove: 0o020 }
        .apply()
        .unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o755);
}

#[test]
fn only_what_has_changed_is_told_to_have() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    fs::write(&path, "\u{feff}#!/old\r\n").unwrap();
    let executable =
        || SafeMend::Permissions { path: path.clone(), symbolic: "u+x".into(), add: 0o100, remove: 0 }.apply().unwrap();
    assert_eq!((executable(), executable()), (true, false));
    let shebang = || SafeMend::ReplaceShebang { path: path.clone(), line: "#!/new".into() }.apply();
    let ends = || SafeMend::LineEndings(path.clone()).apply().unwrap();
    // The mark is still there, so that no line of it is the '#!'.
    shebang().unwrap_err();
    SafeMend::Leading(path.clone()).apply().unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), b"\xef\xbb\xbf#!/old\r\n");
    assert_eq!((ends(), ends()), (true, false));
    assert!(SafeMend::ByteOrderMark(path.clone()).apply().unwrap());
    assert_eq!((shebang().unwrap(), shebang().unwrap()), (true, false));
    assert_eq!(fs::read(&path).unwrap(), b"#!/new\n");
}

#[test]
fn a_mended_file_keeps_its_permissions_and_a_link_stays_one() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("s"), folder.path().join("l"));
    fs::write(&path, "#!a\r\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4710)).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    SafeMend::LineEndings(link.clone()).apply().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"#!a\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o4710);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_file_that_cannot_be_changed_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    fs::write(&path, b"\xff\xfea").unwrap();
    SafeMend::Utf16(path.clone()).apply().unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), b"\xff\xfea");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_name_is_one_word_of_the_shell() {
    for (name, word) in [
        ("/srv/a.py", "/srv/a.py"),
        ("a b", "'a b'"),
        ("it's", r"'it'\''s'"),
        ("$(x)", "'$(x)'"),
        ("-rf", "'./-rf'"),
        ("", "''"),
    ] {
        assert_eq!(quoted(Path::new(name)), word);
    }
}
