//! Every file of tests/wire/cgi, whole, split at every byte and byte by byte: the outcome must be the expected one each
//! time. What the files are is said in tests/wire/cgi/README.md.

#![allow(clippy::unwrap_used)]

mod output;
mod reference;

use millau_cgi::{Kind, ResponseDecoder};
use millau_gateway::Response;
use millau_testkit::{File, bytes, files, however_it_arrives, variant};
use output::{Outcome, Seen, outcome};
use serde::Deserialize;

/// The limit of a header in the corpus.
const LIMIT: usize = 65_536;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
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
    #[serde(default)]
    status_line: bool,
    defect: String,
    says: String,
}

/// The outcome, which must be the same however the bytes arrive.
fn outcome_of<E>(file: &File<E>, status_line: bool) -> Outcome {
    let decoder = if status_line { ResponseDecoder::with_status_line(LIMIT) } else { ResponseDecoder::new(LIMIT) };
    let run = |pieces: &[&[u8]]| outcome(pieces.iter().copied(), decoder.clone());
    let whole = however_it_arrives(&file.name, &file.bytes, run);
    if !status_line {
        reference::assert_agrees(&file.bytes, LIMIT, &whole);
    }
    whole
}

#[test]
fn valid_files_are_understood() {
    for file in files::<Valid>("cgi/valid", "cgi", 40) {
        let expected = &file.expected;
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
        assert_eq!(outcome_of(&file, expected.status_line), Ok(seen), "{}: {}", file.name, file.why);
    }
}

#[test]
fn invalid_files_are_diagnosed() {
    let mut wrong = Vec::new();
    for file in files::<Invalid>("cgi/invalid", "cgi", 50) {
        let expected = &file.expected;
        let defect = match outcome_of(&file, expected.status_line) {
            Err(defect) => defect,
            Ok(seen) => panic!("{}: {}: not refused but {seen:?}", file.name, file.why),
        };
        let debug = format!("{defect:?}");
        let name = variant(&debug);
        if name != expected.defect || !defect.to_string().contains(&expected.says) {
            let wanted = (&expected.defect, &expected.says);
            wrong.push(format!("{}: {}\n  wanted {wanted:?}\n  found  {name}: {defect}", file.name, file.why));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
