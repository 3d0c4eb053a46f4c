//! Every file of tests/wire/scgi, whole, split at every byte and byte by byte: the outcome must be the expected one each
//! time. What the files are is said in tests/wire/scgi/README.md.

#![allow(clippy::unwrap_used)]

mod connection;
mod reference;

use connection::{Outcome, Seen, outcome};
use millau_scgi::Limits;
use millau_testkit::{File, byte_pairs, bytes, files, however_it_arrives, variant};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
    pairs: Vec<(String, String)>,
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invalid {
    status: Option<u16>,
    violation: Option<String>,
    after: Option<usize>,
}

/// The outcome, which must be the same however the bytes arrive.
fn outcome_of<E>(file: &File<E>) -> Outcome {
    let limits = Limits::default();
    let run = |pieces: &[&[u8]]| outcome(pieces.iter().copied(), &limits);
    let whole = however_it_arrives(&file.name, &file.bytes, run);
    reference::assert_agrees(&file.bytes, &limits, &whole);
    whole
}

#[test]
fn valid_files_are_understood() {
    for file in files::<Valid>("scgi/valid", "scgi", 15) {
        let expected = &file.expected;
        let pairs = byte_pairs(&expected.pairs);
        let seen = Seen { pairs, body: bytes(&expected.body) };
        assert_eq!(outcome_of(&file), Outcome::Request(seen), "{}: {}", file.name, file.why);
    }
}

#[test]
fn invalid_files_are_refused() {
    let mut wrong = Vec::new();
    for file in files::<Invalid>("scgi/invalid", "scgi", 40) {
        let expected = &file.expected;
        let violation = match outcome_of(&file) {
            Outcome::Refused(violation) => Some(violation),
            Outcome::Cut => None,
            Outcome::Request(seen) => panic!("{}: {}: not refused but {seen:?}", file.name, file.why),
        };
        let after = violation.is_some().then(|| {
            let refuses = |length: &usize| outcome([&file.bytes[..*length]], &Limits::default()) != Outcome::Cut;
            (0..=file.bytes.len()).find(refuses).unwrap()
        });
        let status = violation.as_ref().map(|violation| violation.status());
        let name = violation.map(|violation| variant(&format!("{violation:?}")).to_owned());
        let (found, wanted) = ((name, status, after), (expected.violation.clone(), expected.status, expected.after));
        if found != wanted {
            wrong.push(format!("{}: {}\n  wanted {wanted:?}\n  found  {found:?}", file.name, file.why));
        }
    }
    assert!(wrong.is_empty(), "(violation, status, after)\n{}", wrong.join("\n"));
}
