//! Every file of tests/wire/scgi, whole, split at every byte and byte by byte: the outcome must be the expected one each
//! time. What the files are is said in tests/wire/scgi/README.md.

#![allow(clippy::unwrap_used)]

mod connection;
mod reference;

use std::collections::BTreeMap;
use std::path::PathBuf;

use connection::{Outcome, Seen, outcome};
use millau_scgi::Limits;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
    why: String,
    source: String,
    pairs: Vec<(String, String)>,
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invalid {
    why: String,
    source: String,
    status: Option<u16>,
    violation: Option<String>,
    after: Option<usize>,
}

struct File {
    name: String,
    bytes: Vec<u8>,
    expectation: String,
}

/// The files of one folder; each `.scgi` has its `.json` and the other way round.
fn files(folder: &str) -> Vec<File> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../tests/wire/scgi").join(folder);
    let mut found: BTreeMap<String, [Option<Vec<u8>>; 2]> = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let index = match path.extension().and_then(|extension| extension.to_str()) {
            Some("scgi") => 0,
            Some("json") => 1,
            _ => panic!("{}: neither .scgi nor .json", path.display()),
        };
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        found.entry(name).or_default()[index] = Some(std::fs::read(&path).unwrap());
    }
    let files = found.into_iter().map(|(name, parts)| {
        let [Some(bytes), Some(expectation)] = parts else { panic!("{name}: .scgi and .json belong together") };
        File { name, bytes, expectation: String::from_utf8(expectation).unwrap() }
    });
    files.collect()
}

/// One character of the JSON is one byte.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(character).unwrap()).collect()
}

/// Every way of splitting in two; for long input only some of those in its middle.
fn splits(length: usize) -> impl Iterator<Item = usize> {
    let is_near_an_end = move |at: usize| at < 80 || length - at < 80;
    (0..=length).filter(move |at| length < 3_000 || is_near_an_end(*at) || at % 4_093 == 0)
}

/// The outcome, which must be the same however the bytes arrive.
fn outcome_of(file: &File) -> Outcome {
    let limits = Limits::default();
    let input = &file.bytes[..];
    let whole = outcome([input], &limits);
    for at in splits(input.len()) {
        let split = outcome([&input[..at], &input[at..]], &limits);
        assert_eq!(split, whole, "{}, split at {at}", file.name);
    }
    assert_eq!(outcome(input.chunks(1), &limits), whole, "{}, byte by byte", file.name);
    reference::assert_agrees(input, &limits, &whole);
    whole
}

#[test]
fn valid_files_are_understood() {
    let files = files("valid");
    assert!(files.len() >= 15, "only {} files", files.len());
    for file in files {
        let expected: Valid = serde_json::from_str(&file.expectation).unwrap_or_else(|e| panic!("{}: {e}", file.name));
        assert!(!expected.why.is_empty() && !expected.source.is_empty(), "{}", file.name);
        let pairs = expected.pairs.iter().map(|(name, value)| (bytes(name), bytes(value))).collect();
        let seen = Seen { pairs, body: bytes(&expected.body) };
        assert_eq!(outcome_of(&file), Outcome::Request(seen), "{}: {}", file.name, expected.why);
    }
}

#[test]
fn invalid_files_are_refused() {
    let files = files("invalid");
    assert!(files.len() >= 40, "only {} files", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let expected: Invalid =
            serde_json::from_str(&file.expectation).unwrap_or_else(|e| panic!("{}: {e}", file.name));
        assert!(!expected.why.is_empty() && !expected.source.is_empty(), "{}", file.name);
        let violation = match outcome_of(&file) {
            Outcome::Refused(violation) => Some(violation),
            Outcome::Cut => None,
            Outcome::Request(seen) => panic!("{}: {}: not refused but {seen:?}", file.name, expected.why),
        };
        let after = violation.is_some().then(|| {
            let refuses = |length: &usize| outcome([&file.bytes[..*length]], &Limits::default()) != Outcome::Cut;
            (0..=file.bytes.len()).find(refuses).unwrap()
        });
        let status = violation.as_ref().map(|violation| violation.status());
        let name = violation.map(|violation| variant(&format!("{violation:?}")));
        let (found, wanted) = ((name, status, after), (expected.violation, expected.status, expected.after));
        if found != wanted {
            wrong.push(format!("{}: {}\n  wanted {wanted:?}\n  found  {found:?}", file.name, expected.why));
        }
    }
    assert!(wrong.is_empty(), "(violation, status, after)\n{}", wrong.join("\n"));
}

/// The name of a variant, without what it holds.
fn variant(debug: &str) -> String {
    debug.split(|character: char| !character.is_alphanumeric()).next().unwrap().to_owned()
}
