//! Every file of tests/wire/cgi, whole, split at every byte and byte by byte: the outcome must be the expected one each
//! time. What the files are is said in tests/wire/cgi/README.md.

#![allow(clippy::unwrap_used)]

mod output;
mod reference;

use std::collections::BTreeMap;
use std::path::PathBuf;

use millau_cgi::{Kind, ResponseDecoder};
use millau_gateway::Response;
use output::{Outcome, Seen, outcome};
use serde::Deserialize;

/// The limit of a header in the corpus.
const LIMIT: usize = 65_536;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
    why: String,
    source: String,
    #[serde(default)]
    status_line: bool,
    kind: String,
    status: u16,
    reason: String,
    fields: Vec<(String, String)>,
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invalid {
    why: String,
    source: String,
    #[serde(default)]
    status_line: bool,
    defect: String,
    says: String,
}

struct File {
    name: String,
    bytes: Vec<u8>,
    expectation: String,
}

/// The files of one folder; each `.cgi` has its `.json` and the other way round.
fn files(folder: &str) -> Vec<File> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../tests/wire/cgi").join(folder);
    let mut found: BTreeMap<String, [Option<Vec<u8>>; 2]> = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let index = match path.extension().and_then(|extension| extension.to_str()) {
            Some("cgi") => 0,
            Some("json") => 1,
            _ => panic!("{}: neither .cgi nor .json", path.display()),
        };
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        found.entry(name).or_default()[index] = Some(std::fs::read(&path).unwrap());
    }
    let files = found.into_iter().map(|(name, parts)| {
        let [Some(bytes), Some(expectation)] = parts else { panic!("{name}: .cgi and .json belong together") };
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
fn outcome_of(file: &File, status_line: bool) -> Outcome {
    let decoder = if status_line { ResponseDecoder::with_status_line(LIMIT) } else { ResponseDecoder::new(LIMIT) };
    let input = &file.bytes[..];
    let whole = outcome([input], decoder.clone());
    for at in splits(input.len()) {
        let split = outcome([&input[..at], &input[at..]], decoder.clone());
        assert_eq!(split, whole, "{}, split at {at}", file.name);
    }
    assert_eq!(outcome(input.chunks(1), decoder), whole, "{}, byte by byte", file.name);
    if !status_line {
        reference::assert_agrees(input, LIMIT, &whole);
    }
    whole
}

#[test]
fn valid_files_are_understood() {
    let files = files("valid");
    assert!(files.len() >= 40, "only {} files", files.len());
    for file in files {
        let expected: Valid = serde_json::from_str(&file.expectation).unwrap_or_else(|e| panic!("{}: {e}", file.name));
        assert!(!expected.why.is_empty() && !expected.source.is_empty(), "{}", file.name);
        let mut response = Response { status: expected.status, reason: bytes(&expected.reason), ..Response::default() };
        expected.fields.iter().for_each(|(name, value)| response.fields.push(&bytes(name), &bytes(value)));
        let kind = match expected.kind.as_str() {
            "document" => Kind::Document,
            "local redirect" => Kind::LocalRedirect,
            "client redirect" => Kind::ClientRedirect,
            "client redirect with document" => Kind::ClientRedirectWithDocument,
            other => panic!("{}: no such kind: {other}", file.name),
        };
        let seen = Seen { kind, response, body: bytes(&expected.body) };
        assert_eq!(outcome_of(&file, expected.status_line), Ok(seen), "{}: {}", file.name, expected.why);
    }
}

#[test]
fn invalid_files_are_diagnosed() {
    let files = files("invalid");
    assert!(files.len() >= 50, "only {} files", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let expected: Invalid =
            serde_json::from_str(&file.expectation).unwrap_or_else(|e| panic!("{}: {e}", file.name));
        assert!(!expected.why.is_empty() && !expected.source.is_empty(), "{}", file.name);
        let defect = match outcome_of(&file, expected.status_line) {
            Err(defect) => defect,
            Ok(seen) => panic!("{}: {}: not refused but {seen:?}", file.name, expected.why),
        };
        let name = variant(&format!("{defect:?}"));
        if name != expected.defect || !defect.to_string().contains(&expected.says) {
            let wanted = (expected.defect, expected.says);
            wrong.push(format!("{}: {}\n  wanted {wanted:?}\n  found  {name}: {defect}", file.name, expected.why));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The name of a variant, without what it holds.
fn variant(debug: &str) -> String {
    debug.split(|character: char| !character.is_alphanumeric()).next().unwrap().to_owned()
}
