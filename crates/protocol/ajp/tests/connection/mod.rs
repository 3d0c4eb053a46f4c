//! Connections without a socket: each is fed pieces of bytes, and tells what was in them and how it ended. They belong to
//! the corpus and to the fuzz targets, neither of which uses all of it.

#![allow(dead_code)]

use millau_ajp::{
    Limits, Options, ReqUri, RequestDecoder, RequestEvent, ResponseDecoder, ResponseEvent, Violation,
    encode_forward_request,
};
use millau_gateway::{Front, Request, Response, Scheme, is_hop_by_hop, meta_variables};

type Pair = (Vec<u8>, Vec<u8>);

/// A request that has arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: Vec<u8>,
    pub(crate) version: &'static str,
    pub(crate) scheme: &'static str,
    pub(crate) target: Vec<u8>,
    pub(crate) path: Vec<u8>,
    pub(crate) fields: Vec<Pair>,
    pub(crate) content_length: Option<u64>,
    pub(crate) front: Front,
    pub(crate) body: Vec<u8>,
}

/// A response that has arrived whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeenResponse {
    pub(crate) status: u16,
    pub(crate) reason: Vec<u8>,
    pub(crate) fields: Vec<Pair>,
    pub(crate) body: Vec<u8>,
    pub(crate) reuse: bool,
    /// What was asked for of the request's body.
    pub(crate) wanted: Vec<u16>,
    pub(crate) flushes: usize,
}

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything was taken, and the connection could go on.
    Idle,
    /// The bytes end within a message.
    Cut,
    /// Something was wrong.
    Violation(Violation),
}

/// Everything that a container's connection has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) requests: Vec<Seen>,
    /// What went back: CPongs and questions for the body.
    pub(crate) sent: Vec<u8>,
    pub(crate) shutdowns: usize,
    pub(crate) end: End,
}

/// What the application does with bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It reads all of them.
    Read,
    /// It answers at once and never reads.
    Leave,
}

/// Runs one connection of a container over `pieces`.
pub(crate) fn outcome<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, options: &Options, way: Way) -> Outcome {
    let mut decoder = RequestDecoder::default();
    let mut buffer = Vec::new();
    let mut request = Request::default();
    let mut current: Option<Seen> = None;
    let mut outcome = Outcome { requests: Vec::new(), sent: Vec::new(), shutdowns: 0, end: End::Idle };
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let (consumed, event) = match decoder.receive(&buffer, options, &mut request, &mut outcome.sent) {
                Ok(received) => received,
                Err(violation) => {
                    outcome.end = End::Violation(violation);
                    return outcome;
                }
            };
            assert!(consumed <= buffer.len(), "more consumed than there was");
            match event {
                RequestEvent::None | RequestEvent::CPing => {}
                RequestEvent::Shutdown => outcome.shutdowns += 1,
                RequestEvent::Request => {
                    assert!(current.is_none(), "a request within a request");
                    assert_round_trip(&request);
                    current = Some(seen(&request));
                }
                RequestEvent::Body { data, is_last } => {
                    assert!(data.end <= consumed, "data that is not consumed");
                    assert_eq!(is_last, decoder.is_body_complete());
                    let seen = current.as_mut().expect("a body without a request");
                    seen.body.extend_from_slice(&buffer[data]);
                    assert!(seen.body.len() as u64 <= options.limits.body_size);
                }
            }
            buffer.drain(..consumed);
            if current.is_some() && (way == Way::Leave || decoder.is_body_complete()) {
                decoder.finish();
                outcome.requests.extend(current.take());
            } else {
                decoder.ask_body_chunk(&options.limits, &mut outcome.sent);
                assert!(!decoder.wants_body_chunk());
            }
            if consumed == 0 {
                break;
            }
        }
        // A packet that is not whole is all that may be kept.
        assert!(buffer.len() < options.limits.packet_size.max(12));
    }
    outcome.end = if decoder.is_idle() && buffer.is_empty() { End::Idle } else { End::Cut };
    outcome
}

fn seen(request: &Request) -> Seen {
    Seen {
        method: request.method.clone(),
        version: request.version.name(),
        scheme: request.scheme.name(),
        target: request.target().to_vec(),
        path: request.path().to_vec(),
        fields: request.fields.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
        content_length: request.content_length,
        front: *request.front.clone().expect("the front server has told something"),
        body: Vec::new(),
    }
}

/// What is written for the request is read as the same request.
fn assert_round_trip(request: &Request) {
    let mut packet = Vec::new();
    let packet_size = 65_536;
    if encode_forward_request(&mut packet, request, packet_size, None).is_err() {
        // It was larger than its packet only because names have no codes that had some.
        return;
    }
    let limits =
        Limits { packet_size, target_size: packet_size, fields: 65_535, attributes: 65_535, body_size: u64::MAX };
    let options = Options { limits, secret: None, req_uri: ReqUri::Encoded };
    let mut again = Request::default();
    let received = RequestDecoder::default().receive(&packet, &options, &mut again, &mut Vec::new());
    assert_eq!(received, Ok((packet.len(), RequestEvent::Request)));
    assert_eq!(comparable(&again), comparable(request));
    assert_eq!(again.streamed_body, request.streamed_body);
}

/// The request without what a hop may change.
fn comparable(request: &Request) -> Seen {
    let mut seen = seen(request);
    seen.fields.retain(|(name, _)| {
        let name = name.to_ascii_lowercase();
        !is_hop_by_hop(&name) && name != b"connection" && name != b"content-length"
    });
    seen.fields.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
    seen.front.server_name = Some(meta_variables::server_name(request).to_vec());
    seen.front.server_port = Some(meta_variables::server_port(request)).filter(|port| *port != 0);
    let address = seen.front.remote_addr.clone();
    seen.front.variables.retain(|(name, value)| name != b"REMOTE_HOST" || Some(value) != address.as_ref());
    seen.front.variables.sort();
    assert!(seen.scheme == Scheme::Http.name() || seen.scheme == Scheme::Https.name());
    seen
}

/// Everything that a web server's connection has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResponseOutcome {
    pub(crate) responses: Vec<SeenResponse>,
    pub(crate) pongs: usize,
    pub(crate) end: End,
}

/// Runs one connection of a web server over `pieces`. It has sent a CPing wherever a CPong comes, and else a request.
pub(crate) fn response_outcome<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) -> ResponseOutcome {
    let mut decoder = ResponseDecoder::default();
    let mut buffer = Vec::new();
    let mut response = Response::default();
    let mut current = SeenResponse::default();
    let mut outcome = ResponseOutcome { responses: Vec::new(), pongs: 0, end: End::Idle };
    let mut pieces = pieces.into_iter();
    loop {
        let piece = pieces.next();
        buffer.extend_from_slice(piece.unwrap_or_default());
        loop {
            if decoder.is_idle() {
                match buffer.get(4) {
                    Some(9) => decoder.expect_cpong(),
                    None if piece.is_some() || buffer.is_empty() => break,
                    _ => decoder.expect_response(),
                }
            }
            let (consumed, event) = match decoder.receive(&buffer, limits, &mut response) {
                Ok(received) => received,
                Err(violation) => {
                    outcome.end = End::Violation(violation);
                    return outcome;
                }
            };
            assert!(consumed <= buffer.len(), "more consumed than there was");
            match event {
                ResponseEvent::None => {}
                ResponseEvent::CPong => outcome.pongs += 1,
                ResponseEvent::Head => {
                    current.status = response.status;
                    current.reason = response.reason.clone();
                    let fields = response.fields.iter();
                    current.fields = fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
                }
                ResponseEvent::Body(data) => current.body.extend_from_slice(&buffer[data]),
                ResponseEvent::Flush => current.flushes += 1,
                ResponseEvent::BodyWanted(length) => current.wanted.push(length),
                ResponseEvent::End { reuse } => {
                    current.reuse = reuse;
                    outcome.responses.push(std::mem::take(&mut current));
                }
            }
            buffer.drain(..consumed);
            if consumed == 0 {
                break;
            }
        }
        if piece.is_none() {
            break;
        }
    }
    outcome.end = if decoder.is_idle() && buffer.is_empty() { End::Idle } else { End::Cut };
    outcome
}
