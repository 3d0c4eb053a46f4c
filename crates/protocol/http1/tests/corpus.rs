//! Every file of tests/wire/http1, whole, split at every byte and byte by byte: the outcome must be the expected one each
//! time. What the files are is said in tests/wire/http1/README.md.

#![allow(clippy::unwrap_used)]

mod connection;
mod reference;

use std::collections::BTreeMap;
use std::path::PathBuf;

use connection::{End, Outcome, Seen, Way, outcome};
use millau_http1::Limits;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
    why: String,
    source: String,
    requests: Vec<ExpectedRequest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedRequest {
    method: String,
    target: String,
    version: String,
    fields: Vec<(String, String)>,
    body: String,
    persistent: bool,
    #[serde(default)]
    expects_continue: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invalid {
    why: String,
    source: String,
    status: u16,
    refusal: Option<String>,
    #[serde(default)]
    answered: usize,
    #[serde(default)]
    cut: bool,
}

struct File {
    name: String,
    bytes: Vec<u8>,
    expectation: String,
}

/// The files of one folder; each `.http` has its `.json` and the other way round.
fn files(folder: &str) -> Vec<File> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../tests/wire/http1").join(folder);
    let mut found: BTreeMap<String, [Option<Vec<u8>>; 2]> = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let index = match path.extension().and_then(|extension| extension.to_str()) {
            Some("http") => 0,
            Some("json") => 1,
            _ => panic!("{}: neither .http nor .json", path.display()),
        };
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        found.entry(name).or_default()[index] = Some(std::fs::read(&path).unwrap());
    }
    let files = found.into_iter().map(|(name, parts)| {
        let [Some(bytes), Some(expectation)] = parts else { panic!("{name}: .http and .json belong together") };
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
    let whole = outcome([input], &limits, Way::AtOnce);
    for way in [Way::AtOnce, Way::InParts] {
        for at in splits(input.len()) {
            let split = outcome([&input[..at], &input[at..]], &limits, way);
            assert_eq!(split, whole, "{}, split at {at}, {way:?}", file.name);
        }
        let single = outcome(input.chunks(1), &limits, way);
        assert_eq!(single, whole, "{}, byte by byte, {way:?}", file.name);
    }
    reference::assert_agrees(input, &limits, &whole);
    whole
}

#[test]
fn valid_files_are_understood() {
    let files = files("valid");
    assert!(files.len() >= 60, "only {} files", files.len());
    for file in files {
        let expected: Valid = serde_json::from_str(&file.expectation).unwrap_or_else(|e| panic!("{}: {e}", file.name));
        assert!(!expected.why.is_empty() && !expected.source.is_empty(), "{}", file.name);
        let requests: Vec<Seen> = expected.requests.iter().map(seen).collect();
        let persistent = requests.last().unwrap().persistent;
        let end = if persistent { End::Idle } else { End::Closed };
        assert_eq!(outcome_of(&file), Outcome { requests, end }, "{}: {}", file.name, expected.why);
    }
}

#[test]
fn invalid_files_are_refused() {
    let files = files("invalid");
    assert!(files.len() >= 120, "only {} files", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let expected: Invalid =
            serde_json::from_str(&file.expectation).unwrap_or_else(|e| panic!("{}: {e}", file.name));
        assert!(!expected.why.is_empty() && !expected.source.is_empty(), "{}", file.name);
        let outcome = outcome_of(&file);
        let (refusal, cut) = match outcome.end {
            End::Refused(refusal) => (Some(refusal), false),
            End::Cut(refusal) => (refusal, true),
            end => panic!("{}: {}: not refused but {end:?}", file.name, expected.why),
        };
        let name = refusal.map(|refusal| format!("{refusal:?}"));
        let status = refusal.map_or(400, |refusal| refusal.status());
        let found = (name, status, cut, outcome.requests.len());
        let wanted = (expected.refusal, expected.status, expected.cut, expected.answered);
        if found != wanted {
            wrong.push(format!("{}: {}\n  wanted {wanted:?}\n  found  {found:?}", file.name, expected.why));
        }
    }
    assert!(wrong.is_empty(), "(refusal, status, cut, answered)\n{}", wrong.join("\n"));
}

fn seen(expected: &ExpectedRequest) -> Seen {
    Seen {
        method: bytes(&expected.method),
        target: bytes(&expected.target),
        version: match expected.version.as_str() {
            "HTTP/1.0" => "HTTP/1.0",
            "HTTP/1.1" => "HTTP/1.1",
            other => panic!("no such version: {other}"),
        },
        fields: expected.fields.iter().map(|(name, value)| (bytes(name), bytes(value))).collect(),
        body: bytes(&expected.body),
        persistent: expected.persistent,
        expects_continue: expected.expects_continue,
    }
}
