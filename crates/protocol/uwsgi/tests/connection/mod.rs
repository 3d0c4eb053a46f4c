//! A connection as a server drives it, without I/O: for the corpus and for the fuzzer.

use millau_uwsgi::{Limits, Received, Violation, receive};

/// What a connection comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A whole request; what follows it does not count.
    Request(Seen),
    /// A ping.
    Ping,
    /// The connection closes.
    Refused(Violation),
    /// The connection has ended before the request did.
    Cut,
}

/// A request as the server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) manage_path_info: bool,
    pub(crate) pairs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// What comes of the bytes of one connection that arrive in these pieces.
pub(crate) fn outcome<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) -> Outcome {
    let mut inbox = Vec::new();
    for piece in pieces {
        inbox.extend_from_slice(piece);
        let head = match receive(&inbox, limits) {
            Ok(None) => continue,
            Ok(Some(Received::Request(head))) => head,
            Ok(Some(Received::Ping)) => return Outcome::Ping,
            Err(violation) => return Outcome::Refused(violation),
        };
        let content_length = head.content_length.unwrap_or_default();
        assert!(head.length <= inbox.len() && content_length <= limits.body_size);
        let body = &inbox[head.length..];
        if let Some(body) = usize::try_from(content_length).ok().and_then(|length| body.get(..length)) {
            let pairs = head.pairs().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
            return Outcome::Request(Seen { manage_path_info: head.manage_path_info, pairs, body: body.to_vec() });
        }
    }
    Outcome::Cut
}
