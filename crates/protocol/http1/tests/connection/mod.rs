//! A connection without a socket: is fed pieces of bytes, and tells which requests were in them and how it ended.

use millau_gateway::Request;
use millau_http1::{
    BodyDecoder, HeadEnd, Limits, Refusal, RequestHead, head_too_large, hopeless, is_blank, parse_request_head,
    receive_request_head,
};

/// A request that has arrived whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) version: &'static str,
    pub(crate) fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) persistent: bool,
    pub(crate) expects_continue: bool,
}

/// Why no further request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything was taken, and the connection could go on.
    Idle,
    /// The last request was not persistent; what followed was ignored.
    Closed,
    /// Something was wrong.
    Refused(Refusal),
    /// The bytes end within a request; with what the parser says about a head that is not whole.
    Cut(Option<Refusal>),
}

/// Everything that a connection has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) requests: Vec<Seen>,
    pub(crate) end: End,
}

/// How the head is taken: both ways must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By `receive_request_head`.
    AtOnce,
    /// By the parts of which it consists.
    InParts,
}

/// Runs one connection over `pieces`.
pub(crate) fn outcome<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: &Limits, way: Way) -> Outcome {
    let mut connection = Connection {
        limits: limits.clone(),
        way,
        buffer: Vec::new(),
        progress: HeadEnd::default(),
        request: Request::default(),
        current: None,
        requests: Vec::new(),
    };
    for piece in pieces {
        if let Some(end) = connection.feed(piece) {
            return Outcome { requests: connection.requests, end };
        }
    }
    let end = connection.end_of_input();
    Outcome { requests: connection.requests, end }
}

struct Connection {
    limits: Limits,
    way: Way,
    /// What was received and not consumed.
    buffer: Vec<u8>,
    progress: HeadEnd,
    request: Request,
    current: Option<(Seen, BodyDecoder)>,
    requests: Vec<Seen>,
}

impl Connection {
    fn feed(&mut self, piece: &[u8]) -> Option<End> {
        self.buffer.extend_from_slice(piece);
        loop {
            let step = if self.current.is_some() { self.take_body() } else { self.take_head() };
            match step {
                Ok(true) => {}
                Ok(false) => return None,
                Err(end) => return Some(end),
            }
        }
    }

    /// `Ok(false)`: more bytes are needed.
    fn take_head(&mut self) -> Result<bool, End> {
        self.request.clear();
        let received = match self.way {
            Way::AtOnce => receive_request_head(&mut self.progress, &self.buffer, &self.limits, &mut self.request),
            Way::InParts => self.receive_in_parts(),
        };
        let Some(head) = received.map_err(End::Refused)? else { return Ok(false) };
        assert!(head.length <= self.buffer.len(), "a head that is longer than the input");
        assert!(head.length <= self.limits.head_size);
        self.buffer.drain(..head.length);
        self.progress = HeadEnd::default();
        let body = BodyDecoder::new(head.body);
        let seen = Seen {
            method: self.request.method.clone(),
            target: self.request.target().to_vec(),
            version: self.request.version.name(),
            fields: self.request.fields.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
            body: Vec::new(),
            persistent: head.persistent,
            expects_continue: head.expects_continue,
        };
        self.current = Some((seen, body));
        Ok(true)
    }

    fn receive_in_parts(&mut self) -> Result<Option<RequestHead>, Refusal> {
        if let Some(length) = self.progress.find(&self.buffer) {
            return parse_request_head(&self.buffer[..length], &self.limits, &mut self.request).map(Some);
        }
        let refusal = hopeless(&self.buffer).or_else(|| head_too_large(self.buffer.len(), &self.limits, &self.buffer));
        refusal.map_or(Ok(None), Err)
    }

    fn take_body(&mut self) -> Result<bool, End> {
        let Some((seen, body)) = &mut self.current else { return Ok(true) };
        if !body.is_done() {
            let decoded = body.decode(&self.buffer, &self.limits).map_err(End::Refused)?;
            assert!(decoded.consumed <= self.buffer.len(), "more consumed than there was");
            assert!(decoded.data.end <= decoded.consumed, "data that is not consumed");
            seen.body.extend_from_slice(&self.buffer[decoded.data]);
            assert!(seen.body.len() as u64 <= self.limits.body_size);
            self.buffer.drain(..decoded.consumed);
            if !body.is_done() {
                return Ok(decoded.consumed > 0);
            }
        }
        if let Some((seen, _)) = self.current.take() {
            let persistent = seen.persistent;
            self.requests.push(seen);
            if !persistent {
                return Err(End::Closed);
            }
        }
        Ok(true)
    }

    fn end_of_input(&mut self) -> End {
        if self.current.is_some() {
            return End::Cut(None);
        }
        if is_blank(&self.buffer) {
            return End::Idle;
        }
        self.request.clear();
        End::Cut(parse_request_head(&self.buffer, &self.limits, &mut self.request).err())
    }
}
