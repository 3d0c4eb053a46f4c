//! Every file of tests/wire/fastcgi, whole, split at every byte and byte by byte: the outcome must be the expected one each
//! time. What the files are is said in tests/wire/fastcgi/README.md.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod connection;
mod reference;
mod response_connection;

use std::collections::BTreeMap;
use std::path::PathBuf;

use connection::{Answer, End, Outcome, outcome};
use millau_fastcgi::{Limits, ProtocolStatus};
use response_connection::{ResponseEnd, ResponseOutcome, Told, response_outcome};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
    why: String,
    source: String,
    #[serde(default)]
    answer: ExpectedAnswer,
    requests: Vec<ExpectedRequest>,
    #[serde(default)]
    replies: Vec<String>,
    end: String,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ExpectedAnswer {
    Params,
    #[default]
    End,
    Late,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedRequest {
    id: u16,
    keep_conn: bool,
    params: Vec<(String, String)>,
    stdin: String,
    #[serde(default)]
    aborted: bool,
    #[serde(default = "yes")]
    whole: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invalid {
    why: String,
    source: String,
    #[serde(default)]
    answer: ExpectedAnswer,
    status: u16,
    violation: Option<String>,
    #[serde(default)]
    answered: usize,
    #[serde(default)]
    cut: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidResponse {
    why: String,
    source: String,
    responses: Vec<ExpectedResponse>,
    #[serde(default)]
    told: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedResponse {
    stdout: String,
    #[serde(default)]
    stderr: String,
    app_status: u32,
    protocol_status: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvalidResponse {
    why: String,
    source: String,
    violation: Option<String>,
    #[serde(default)]
    cut: bool,
}

struct File {
    name: String,
    bytes: Vec<u8>,
    expectation: String,
}

impl File {
    fn expected<'a, T: Deserialize<'a>>(&'a self) -> T {
        serde_json::from_str(&self.expectation).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

/// The files of one folder; each `.fcgi` has its `.json` and the other way round.
fn files(folder: &str) -> Vec<File> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../tests/wire/fastcgi").join(folder);
    let mut found: BTreeMap<String, [Option<Vec<u8>>; 2]> = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let index = match path.extension().and_then(|extension| extension.to_str()) {
            Some("fcgi") => 0,
            Some("json") => 1,
            _ => panic!("{}: neither .fcgi nor .json", path.display()),
        };
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        found.entry(name).or_default()[index] = Some(std::fs::read(&path).unwrap());
    }
    let files = found.into_iter().map(|(name, parts)| {
        let [Some(bytes), Some(expectation)] = parts else { panic!("{name}: .fcgi and .json belong together") };
        File { name, bytes, expectation: String::from_utf8(expectation).unwrap() }
    });
    files.collect()
}

/// One byte is one character of the JSON.
fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn texts(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (text(name), text(value))).collect()
}

/// Every way of splitting in two; for long input only some of those in its middle.
fn splits(length: usize) -> impl Iterator<Item = usize> {
    let is_near_an_end = move |at: usize| at < 80 || length - at < 80;
    (0..=length).filter(move |at| length < 3_000 || is_near_an_end(*at) || at % 4_093 == 0)
}

/// The outcome, which must be the same however the bytes arrive, and the one that the rules demand.
fn outcome_of(file: &File, answer: Answer) -> Outcome {
    let limits = Limits::default();
    let input = &file.bytes[..];
    let whole = outcome([input], &limits, answer);
    for at in splits(input.len()) {
        let split = outcome([&input[..at], &input[at..]], &limits, answer);
        assert_eq!(split, whole, "{}, split at {at}, {answer:?}", file.name);
    }
    assert_eq!(outcome(input.chunks(1), &limits, answer), whole, "{}, byte by byte, {answer:?}", file.name);
    reference::assert_agrees(input, &limits, answer, &whole);
    whole
}

/// The outcome with the expected answer; the rules must hold with the others, too.
fn outcome_with(file: &File, expected: ExpectedAnswer) -> Outcome {
    let expected = match expected {
        ExpectedAnswer::Params => Answer::AtParams,
        ExpectedAnswer::End => Answer::AtEnd,
        ExpectedAnswer::Late => Answer::Late,
    };
    let mut outcomes = Answer::ALL.into_iter().map(|answer| (answer, outcome_of(file, answer))).collect::<Vec<_>>();
    let wanted = outcomes.iter().position(|(answer, _)| *answer == expected).unwrap();
    outcomes.swap_remove(wanted).1
}

/// The same as the web server.
fn response_outcome_of(file: &File, requests: usize) -> ResponseOutcome {
    let input = &file.bytes[..];
    let whole = response_outcome([input], requests);
    for at in splits(input.len()) {
        let split = response_outcome([&input[..at], &input[at..]], requests);
        assert_eq!(split, whole, "{}, split at {at}", file.name);
    }
    assert_eq!(response_outcome(input.chunks(1), requests), whole, "{}, byte by byte", file.name);
    reference::assert_agrees_on_responses(input, requests, &whole);
    whole
}

/// The replies as the expectations have them, with a reading of records that is not the crate's.
fn replies(mut bytes: &[u8]) -> Vec<String> {
    let mut replies = Vec::new();
    while let [1, record_type, id1, id0, length1, length0, 0, 0, rest @ ..] = bytes {
        let (content, after) = rest.split_at(usize::from(u16::from_be_bytes([*length1, *length0])));
        let id = u16::from_be_bytes([*id1, *id0]);
        replies.push(match (record_type, id, content) {
            (3, _, [0, 0, 0, app_status, protocol_status, 0, 0, 0]) => {
                let status = ["REQUEST_COMPLETE", "CANT_MPX_CONN", "OVERLOADED", "UNKNOWN_ROLE"];
                format!("END_REQUEST {id} {app_status} {}", status[usize::from(*protocol_status)])
            }
            (10, 0, mut pairs) => {
                let mut told = "GET_VALUES_RESULT".to_owned();
                while let [name, value, rest @ ..] = pairs {
                    let (name, rest) = rest.split_at(usize::from(*name));
                    let (value, rest) = rest.split_at(usize::from(*value));
                    told.push_str(&format!(" {}={}", text(name), text(value)));
                    pairs = rest;
                }
                told
            }
            (11, 0, [code, 0, 0, 0, 0, 0, 0, 0]) => format!("UNKNOWN_TYPE {code}"),
            other => panic!("no such reply: {other:?}"),
        });
        bytes = after;
    }
    assert!(bytes.is_empty(), "no record: {bytes:?}");
    replies
}

#[test]
fn valid_files_are_understood() {
    let files = files("valid");
    assert!(files.len() >= 35, "only {} files", files.len());
    for file in files {
        let expected: Valid = file.expected();
        assert!(!expected.why.is_empty() && !expected.source.is_empty(), "{}", file.name);
        let outcome = outcome_with(&file, expected.answer);
        let requests: Vec<ExpectedRequest> = outcome
            .requests
            .iter()
            .map(|seen| ExpectedRequest {
                id: seen.id,
                keep_conn: seen.keep_conn,
                params: texts(&seen.params),
                stdin: text(&seen.stdin),
                aborted: seen.aborted,
                whole: seen.whole,
            })
            .collect();
        assert_eq!(requests, expected.requests, "{}: {}", file.name, expected.why);
        assert_eq!(replies(&outcome.replies), expected.replies, "{}: {}", file.name, expected.why);
        let end = match outcome.end {
            End::Idle => "idle",
            End::Closed => "closed",
            end => panic!("{}: {}: {end:?}", file.name, expected.why),
        };
        assert_eq!(end, expected.end, "{}: {}", file.name, expected.why);
    }
}

#[test]
fn invalid_files_are_refused() {
    let files = files("invalid");
    assert!(files.len() >= 40, "only {} files", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let expected: Invalid = file.expected();
        assert!(!expected.why.is_empty() && !expected.source.is_empty(), "{}", file.name);
        let outcome = outcome_with(&file, expected.answer);
        let (violation, cut) = match outcome.end {
            End::Refused(violation) => (Some(violation), false),
            End::Cut => (None, true),
            end => panic!("{}: {}: not refused but {end:?}", file.name, expected.why),
        };
        let answered = outcome.requests.iter().filter(|seen| seen.whole).count();
        let status = violation.map_or(400, |violation| violation.status());
        let found = (violation.map(|violation| format!("{violation:?}")), status, cut, answered);
        let wanted = (expected.violation, expected.status, expected.cut, expected.answered);
        if found != wanted {
            wrong.push(format!("{}: {}\n  wanted {wanted:?}\n  found  {found:?}", file.name, expected.why));
        }
    }
    assert!(wrong.is_empty(), "(violation, status, cut, answered)\n{}", wrong.join("\n"));
}

#[test]
fn valid_responses_are_understood() {
    let files = files("valid-response");
    assert!(files.len() >= 12, "only {} files", files.len());
    for file in files {
        let expected: ValidResponse = file.expected();
        assert!(!expected.why.is_empty() && !expected.source.is_empty(), "{}", file.name);
        let outcome = response_outcome_of(&file, expected.responses.len());
        assert_eq!(outcome.end, ResponseEnd::Idle, "{}: {}", file.name, expected.why);
        let responses: Vec<ExpectedResponse> = outcome
            .responses
            .iter()
            .map(|seen| {
                let end = seen.end.expect("a complete response");
                ExpectedResponse {
                    stdout: text(&seen.stdout),
                    stderr: text(&seen.stderr),
                    app_status: end.app_status,
                    protocol_status: match end.protocol_status {
                        ProtocolStatus::RequestComplete => "REQUEST_COMPLETE".to_owned(),
                        ProtocolStatus::CantMpxConn => "CANT_MPX_CONN".to_owned(),
                        ProtocolStatus::Overloaded => "OVERLOADED".to_owned(),
                        ProtocolStatus::UnknownRole => "UNKNOWN_ROLE".to_owned(),
                    },
                }
            })
            .collect();
        assert_eq!(responses, expected.responses, "{}: {}", file.name, expected.why);
        assert_eq!(told(&outcome), expected.told, "{}: {}", file.name, expected.why);
    }
}

fn told(outcome: &ResponseOutcome) -> Vec<String> {
    let told = outcome.told.iter().map(|told| match told {
        Told::Values(values) => {
            let pairs = values.iter().map(|(name, value)| format!(" {}={}", text(name), text(value)));
            format!("GET_VALUES_RESULT{}", pairs.collect::<String>())
        }
        Told::UnknownType(code) => format!("UNKNOWN_TYPE {code}"),
    });
    told.collect()
}

#[test]
fn invalid_responses_are_refused() {
    let files = files("invalid-response");
    assert!(files.len() >= 15, "only {} files", files.len());
    for file in files {
        let expected: InvalidResponse = file.expected();
        assert!(!expected.why.is_empty() && !expected.source.is_empty(), "{}", file.name);
        let (violation, cut) = match response_outcome_of(&file, 1).end {
            ResponseEnd::Refused(violation) => (Some(format!("{violation:?}")), false),
            ResponseEnd::Cut => (None, true),
            ResponseEnd::Idle => panic!("{}: {}: not refused", file.name, expected.why),
        };
        assert_eq!((violation, cut), (expected.violation, expected.cut), "{}: {}", file.name, expected.why);
    }
}
