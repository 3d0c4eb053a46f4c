//! Every file of tests/wire/http1, whole, split at every byte and byte by byte: the outcome must be the expected one each
//! time. What the files are is said in tests/wire/http1/README.md.

#![allow(clippy::unwrap_used)]

mod connection;
mod reference;

use connection::{End, Outcome, Seen, Way, outcome};
use millau_http1::Limits;
use millau_testkit::{File, byte_pairs, bytes, files, however_it_arrives};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
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
    status: u16,
    refusal: Option<String>,
    #[serde(default)]
    answered: usize,
    #[serde(default)]
    cut: bool,
}

/// The outcome, which must be the same however the bytes arrive.
fn outcome_of<E>(file: &File<E>) -> Outcome {
    let limits = Limits::default();
    let [whole, in_parts] = [Way::AtOnce, Way::InParts].map(|way| {
        let run = |pieces: &[&[u8]]| outcome(pieces.iter().copied(), &limits, way);
        however_it_arrives(&format!("{}, {way:?}", file.name), &file.bytes, run)
    });
    assert_eq!(in_parts, whole, "{}", file.name);
    reference::assert_agrees(&file.bytes, &limits, &whole);
    whole
}

#[test]
fn valid_files_are_understood() {
    for file in files::<Valid>("http1/valid", "http", 60) {
        let expected = &file.expected;
        let requests: Vec<Seen> = expected.requests.iter().map(seen).collect();
        let persistent = requests.last().unwrap().persistent;
        let end = if persistent { End::Idle } else { End::Closed };
        assert_eq!(outcome_of(&file), Outcome { requests, end }, "{}: {}", file.name, file.why);
    }
}

#[test]
fn invalid_files_are_refused() {
    let mut wrong = Vec::new();
    for file in files::<Invalid>("http1/invalid", "http", 120) {
        let expected = &file.expected;
        let outcome = outcome_of(&file);
        let (refusal, cut) = match outcome.end {
            End::Refused(refusal) => (Some(refusal), false),
            End::Cut(refusal) => (refusal, true),
            end => panic!("{}: {}: not refused but {end:?}", file.name, file.why),
        };
        let name = refusal.map(|refusal| format!("{refusal:?}"));
        let status = refusal.map_or(400, |refusal| refusal.status());
        let found = (name, status, cut, outcome.requests.len());
        let wanted = (expected.refusal.clone(), expected.status, expected.cut, expected.answered);
        if found != wanted {
            wrong.push(format!("{}: {}\n  wanted {wanted:?}\n  found  {found:?}", file.name, file.why));
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
        fields: byte_pairs(&expected.fields),
        body: bytes(&expected.body),
        persistent: expected.persistent,
        expects_continue: expected.expects_continue,
    }
}
