//! Every file of tests/wire/ajp, whole, split at every byte and byte by byte: the outcome must be the expected one each
//! time. What the files are is said in tests/wire/ajp/README.md.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod connection;

use connection::{End, Outcome, ResponseOutcome, Seen, SeenResponse, Way, outcome, response_outcome};
use millau_ajp::{Limits, Options, ReqUri};
use millau_gateway::Front;
use millau_testkit::{File, byte_pairs, bytes, files, however_it_arrives};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    to: To,
    #[serde(default)]
    options: CaseOptions,
    /// Whether the application answers without reading bodies.
    #[serde(default)]
    unread: bool,

    // Of a valid file.
    #[serde(default)]
    requests: Vec<ExpectedRequest>,
    #[serde(default)]
    responses: Vec<ExpectedResponse>,
    #[serde(default)]
    shutdowns: usize,
    #[serde(default)]
    pongs: usize,
    #[serde(default)]
    sent: String,

    // Of an invalid file.
    status: Option<u16>,
    violation: Option<String>,
    #[serde(default)]
    answerable: bool,
    #[serde(default)]
    answered: usize,
    #[serde(default)]
    cut: bool,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum To {
    Container,
    WebServer,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseOptions {
    secret: Option<String>,
    packet_size: Option<usize>,
    req_uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedRequest {
    method: String,
    version: String,
    #[serde(default)]
    scheme: Option<String>,
    target: String,
    path: String,
    fields: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    /// The body is so many bytes of this pattern instead.
    #[serde(default)]
    body_repeats: usize,
    content_length: Option<u64>,
    remote_addr: Option<String>,
    remote_port: Option<u16>,
    remote_user: Option<String>,
    auth_type: Option<String>,
    server_name: Option<String>,
    server_port: Option<u16>,
    #[serde(default)]
    variables: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedResponse {
    status: u16,
    reason: String,
    fields: Vec<(String, String)>,
    body: String,
    reuse: bool,
    #[serde(default)]
    wanted: Vec<u16>,
    #[serde(default)]
    flushes: usize,
}

fn options(case: &CaseOptions) -> Options {
    let mut limits = Limits::default();
    limits.packet_size = case.packet_size.unwrap_or(limits.packet_size);
    let req_uri = match case.req_uri.as_deref() {
        None => ReqUri::Recognised,
        Some("encoded") => ReqUri::Encoded,
        Some("decoded") => ReqUri::Decoded,
        Some(other) => panic!("no such form of req_uri: {other}"),
    };
    Options { limits, secret: case.secret.as_deref().map(bytes), req_uri }
}

fn request_outcome(file: &File<Case>) -> Outcome {
    let options = options(&file.expected.options);
    let way = if file.expected.unread { Way::Leave } else { Way::Read };
    however_it_arrives(&file.name, &file.bytes, |pieces| outcome(pieces.iter().copied(), &options, way))
}

fn outcome_of_response(file: &File<Case>) -> ResponseOutcome {
    let limits = options(&file.expected.options).limits;
    however_it_arrives(&file.name, &file.bytes, |pieces| response_outcome(pieces.iter().copied(), &limits))
}

#[test]
fn valid_files_are_understood() {
    for file in files::<Case>("ajp/valid", "ajp", 40) {
        let case = &file.expected;
        if case.to == To::WebServer {
            let responses = case.responses.iter().map(seen_response).collect();
            let expected = ResponseOutcome { responses, pongs: case.pongs, end: End::Idle };
            assert_eq!(outcome_of_response(&file), expected, "{}: {}", file.name, file.why);
            continue;
        }
        let requests = case.requests.iter().map(seen).collect();
        let expected = Outcome { requests, sent: bytes(&case.sent), shutdowns: case.shutdowns, end: End::Idle };
        assert_eq!(request_outcome(&file), expected, "{}: {}", file.name, file.why);
    }
}

#[test]
fn invalid_files_are_refused() {
    let mut wrong = Vec::new();
    for file in files::<Case>("ajp/invalid", "ajp", 80) {
        let case = &file.expected;
        let (end, answered) = match case.to {
            To::Container => {
                let outcome = request_outcome(&file);
                (outcome.end, outcome.requests.len())
            }
            To::WebServer => {
                let outcome = outcome_of_response(&file);
                (outcome.end, outcome.responses.len())
            }
        };
        let found = match end {
            End::Violation(violation) => {
                let name = format!("{violation:?}");
                (Some(name), Some(violation.status()), violation.is_answerable(), false, answered)
            }
            End::Cut => (None, None, false, true, answered),
            End::Idle => panic!("{}: {}: nothing is wrong", file.name, file.why),
        };
        let wanted = (case.violation.clone(), case.status, case.answerable, case.cut, case.answered);
        if found != wanted {
            wrong.push(format!("{}: {}\n  wanted {wanted:?}\n  found  {found:?}", file.name, file.why));
        }
    }
    assert!(wrong.is_empty(), "(violation, status, answerable, cut, answered)\n{}", wrong.join("\n"));
}

fn seen(expected: &ExpectedRequest) -> Seen {
    let owned = |text: &Option<String>| text.as_deref().map(bytes);
    Seen {
        method: bytes(&expected.method),
        version: match expected.version.as_str() {
            "HTTP/1.0" => "HTTP/1.0",
            "HTTP/1.1" => "HTTP/1.1",
            "HTTP/2" => "HTTP/2",
            other => panic!("no such version: {other}"),
        },
        scheme: match expected.scheme.as_deref() {
            None | Some("http") => "http",
            Some("https") => "https",
            Some(other) => panic!("no such scheme: {other}"),
        },
        target: bytes(&expected.target),
        path: bytes(&expected.path),
        fields: byte_pairs(&expected.fields),
        content_length: expected.content_length,
        front: Front {
            remote_user: owned(&expected.remote_user),
            auth_type: owned(&expected.auth_type),
            document_root: None,
            server_name: owned(&expected.server_name),
            server_port: expected.server_port,
            remote_addr: owned(&expected.remote_addr),
            remote_port: expected.remote_port,
            variables: byte_pairs(&expected.variables),
            ..Front::default()
        },
        body: match expected.body_repeats {
            0 => bytes(&expected.body),
            length => bytes(&expected.body).into_iter().cycle().take(length).collect(),
        },
    }
}

fn seen_response(expected: &ExpectedResponse) -> SeenResponse {
    SeenResponse {
        status: expected.status,
        reason: bytes(&expected.reason),
        fields: byte_pairs(&expected.fields),
        body: bytes(&expected.body),
        reuse: expected.reuse,
        wanted: expected.wanted.clone(),
        flushes: expected.flushes,
    }
}
