//! A connection without a socket: is fed pieces of bytes, and tells which requests were in them, what the protocol itself
//! answered, and how it ended.

use millau_fastcgi::{Event, Limits, RequestDecoder, Violation};

/// A request as far as it has arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) id: u16,
    pub(crate) keep_conn: bool,
    pub(crate) params: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) stdin: Vec<u8>,
    /// The end of the body was seen.
    pub(crate) whole: bool,
    pub(crate) aborted: bool,
}

/// Why no further request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything was taken, and the connection could go on.
    Idle,
    /// The last request did not ask to keep the connection; what followed was ignored.
    Closed,
    /// Something was wrong.
    Refused(Violation),
    /// The bytes end within a record or a request.
    Cut,
}

/// Everything that a connection has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// In the order of their ends; the last one may not be whole.
    pub(crate) requests: Vec<Seen>,
    /// The records that the protocol itself answered with.
    pub(crate) replies: Vec<u8>,
    pub(crate) end: End,
}

/// When the application ends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// As soon as it begins, without a look at the body.
    AtParams,
    /// When the body is complete, or the client has gone.
    AtEnd,
    /// When the next request has begun already, or nothing more comes.
    Late,
}

impl Answer {
    pub(crate) const ALL: [Self; 3] = [Self::AtParams, Self::AtEnd, Self::Late];
}

/// Runs one connection over `pieces`.
pub(crate) fn outcome<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: &Limits, answer: Answer) -> Outcome {
    let mut connection = Connection {
        limits,
        answer,
        decoder: RequestDecoder::new(),
        current: None,
        requests: Vec::new(),
        replies: Vec::new(),
    };
    let mut end = None;
    for piece in pieces {
        end = connection.feed(piece);
        if end.is_some() {
            break;
        }
    }
    let end = end.unwrap_or_else(|| connection.end_of_input());
    connection.requests.extend(connection.current.take());
    Outcome { requests: connection.requests, replies: connection.replies, end }
}

struct Connection<'a> {
    limits: &'a Limits,
    answer: Answer,
    decoder: RequestDecoder,
    current: Option<Seen>,
    requests: Vec<Seen>,
    replies: Vec<u8>,
}

impl Connection<'_> {
    fn feed(&mut self, mut input: &[u8]) -> Option<End> {
        loop {
            let received = match self.decoder.receive(input, self.limits, &mut self.replies) {
                Ok(received) => received,
                Err(violation) => {
                    let again = self.decoder.receive(input, self.limits, &mut self.replies);
                    assert_eq!(again, Err(violation), "a violation is the end");
                    return Some(End::Refused(violation));
                }
            };
            assert!(received.consumed <= input.len(), "more consumed than there was");
            let (consumed, rest) = input.split_at(received.consumed);
            assert!(rest.is_empty() || received.event != Event::Pending, "nothing yet, and not all consumed");
            if let Some(end) = self.on(received.event, consumed) {
                return Some(end);
            }
            if rest.is_empty() {
                return None;
            }
            input = rest;
        }
    }

    fn on(&mut self, event: Event, consumed: &[u8]) -> Option<End> {
        match event {
            Event::Pending | Event::NextRequest => {}
            Event::Close => return Some(End::Closed),
            Event::Params => {
                let request = self.decoder.request().expect("an active request");
                assert!(self.current.is_none(), "two requests at once");
                self.current = Some(Seen {
                    id: request.id.get(),
                    keep_conn: request.keep_conn,
                    params: self.decoder.params().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
                    ..Seen::default()
                });
            }
            Event::Stdin(ref range) => {
                assert!(!range.is_empty(), "an empty piece");
                self.seen().stdin.extend_from_slice(&consumed[range.clone()]);
            }
            Event::StdinEnd => self.seen().whole = true,
            Event::Abort => self.seen().aborted = true,
        }
        let is_time = match self.answer {
            Answer::AtParams => event == Event::Params,
            Answer::AtEnd => matches!(event, Event::StdinEnd | Event::Abort),
            Answer::Late => event == Event::NextRequest,
        };
        if is_time { self.end_request() } else { None }
    }

    fn seen(&mut self) -> &mut Seen {
        self.current.as_mut().expect("events of a request come after its parameters")
    }

    fn end_request(&mut self) -> Option<End> {
        let seen = self.current.take()?;
        let keep_conn = seen.keep_conn;
        self.requests.push(seen);
        self.decoder.request_ended();
        assert_eq!(self.decoder.request(), None);
        if keep_conn {
            return None;
        }
        let ignored = self.decoder.receive(b"\xff", self.limits, &mut self.replies);
        assert!(ignored.is_ok_and(|received| received.event == Event::Pending), "what follows is ignored");
        Some(End::Closed)
    }

    fn end_of_input(&mut self) -> End {
        if self.current.as_ref().is_some_and(|seen| seen.whole || seen.aborted)
            && let Some(end) = self.end_request()
        {
            return end;
        }
        if self.decoder.is_idle() { End::Idle } else { End::Cut }
    }
}
