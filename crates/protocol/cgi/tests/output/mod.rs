//! The output of a program as a server reads it, without I/O: for the corpus and for the fuzzer.

use millau_cgi::{Defect, Kind, ResponseDecoder};
use millau_gateway::Response;

/// What an output comes to.
pub(crate) type Outcome = Result<Seen, Defect>;

/// A response as the server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) kind: Kind,
    pub(crate) response: Response,
    pub(crate) body: Vec<u8>,
}

/// What comes of an output that arrives in these pieces and then ends.
pub(crate) fn outcome<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, mut decoder: ResponseDecoder) -> Outcome {
    let mut inbox = Vec::new();
    let mut response = Response::default();
    let mut received = None;
    for piece in pieces {
        inbox.extend_from_slice(piece);
        if received.is_none() {
            received = decoder.receive(&inbox, &mut response)?;
        }
    }
    let Some(head) = received else { return Err(decoder.finish(&inbox)) };
    let body = inbox[head.length..].to_vec();
    if !body.is_empty() {
        head.check_body()?;
    }
    Ok(Seen { kind: head.kind, response, body })
}
