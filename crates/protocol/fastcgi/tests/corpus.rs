//! Every file of tests/wire/fastcgi, whole, split at every byte and byte by byte: the outcome must be the expected one each
//! time. What the files are is said in tests/wire/fastcgi/README.md.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod connection;
mod reference;
mod response_connection;

use connection::{Answer, End, Outcome, outcome};
use millau_fastcgi::{Limits, ProtocolStatus};
use millau_testkit::{File, files, however_it_arrives};
use response_connection::{ResponseEnd, ResponseOutcome, Told, response_outcome};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
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
    violation: Option<String>,
    #[serde(default)]
    cut: bool,
}

/// One byte is one character of the JSON.
fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn texts(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (text(name), text(value))).collect()
}

/// The outcome, which must be the same however the bytes arrive, and the one that the rules demand.
fn outcome_of<E>(file: &File<E>, answer: Answer) -> Outcome {
    let limits = Limits::default();
    let run = |pieces: &[&[u8]]| outcome(pieces.iter().copied(), &limits, answer);
    let whole = however_it_arrives(&format!("{}, {answer:?}", file.name), &file.bytes, run);
    reference::assert_agrees(&file.bytes, &limits, answer, &whole);
    whole
}

/// The outcome with the expected answer; the rules must hold with the others, too.
fn outcome_with<E>(file: &File<E>, expected: ExpectedAnswer) -> Outcome {
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
fn response_outcome_of<E>(file: &File<E>, requests: usize) -> ResponseOutcome {
    let run = |pieces: &[&[u8]]| response_outcome(pieces.iter().copied(), requests);
    let whole = however_it_arrives(&file.name, &file.bytes, run);
    reference::assert_agrees_on_responses(&file.bytes, requests, &whole);
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
    for file in files::<Valid>("fastcgi/valid", "fcgi", 35) {
        let expected = &file.expected;
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
        assert_eq!(requests, expected.requests, "{}: {}", file.name, file.why);
        assert_eq!(replies(&outcome.replies), expected.replies, "{}: {}", file.name, file.why);
        let end = match outcome.end {
            End::Idle => "idle",
            End::Closed => "closed",
            end => panic!("{}: {}: {end:?}", file.name, file.why),
        };
        assert_eq!(end, expected.end, "{}: {}", file.name, file.why);
    }
}

#[test]
fn invalid_files_are_refused() {
    let mut wrong = Vec::new();
    for file in files::<Invalid>("fastcgi/invalid", "fcgi", 40) {
        let expected = &file.expected;
        let outcome = outcome_with(&file, expected.answer);
        let (violation, cut) = match outcome.end {
            End::Refused(violation) => (Some(violation), false),
            End::Cut => (None, true),
            end => panic!("{}: {}: not refused but {end:?}", file.name, file.why),
        };
        let answered = outcome.requests.iter().filter(|seen| seen.whole).count();
        let status = violation.map_or(400, |violation| violation.status());
        let found = (violation.map(|violation| format!("{violation:?}")), status, cut, answered);
        let wanted = (expected.violation.clone(), expected.status, expected.cut, expected.answered);
        if found != wanted {
            wrong.push(format!("{}: {}\n  wanted {wanted:?}\n  found  {found:?}", file.name, file.why));
        }
    }
    assert!(wrong.is_empty(), "(violation, status, cut, answered)\n{}", wrong.join("\n"));
}

#[test]
fn valid_responses_are_understood() {
    for file in files::<ValidResponse>("fastcgi/valid-response", "fcgi", 12) {
        let expected = &file.expected;
        let outcome = response_outcome_of(&file, expected.responses.len());
        assert_eq!(outcome.end, ResponseEnd::Idle, "{}: {}", file.name, file.why);
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
        assert_eq!(responses, expected.responses, "{}: {}", file.name, file.why);
        assert_eq!(told(&outcome), expected.told, "{}: {}", file.name, file.why);
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
    for file in files::<InvalidResponse>("fastcgi/invalid-response", "fcgi", 15) {
        let expected = &file.expected;
        let (violation, cut) = match response_outcome_of(&file, 1).end {
            ResponseEnd::Refused(violation) => (Some(format!("{violation:?}")), false),
            ResponseEnd::Cut => (None, true),
            ResponseEnd::Idle => panic!("{}: {}: not refused", file.name, file.why),
        };
        assert_eq!((violation, cut), (expected.violation.clone(), expected.cut), "{}: {}", file.name, file.why);
    }
}
