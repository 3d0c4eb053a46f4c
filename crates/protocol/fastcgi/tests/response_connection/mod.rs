//! A connection to an application, without a socket: is fed pieces of bytes, and tells which responses were in them, and how
//! it ended. It sends so many requests, all with the id 1, each as soon as the last one has ended.

use millau_fastcgi::{EndRequest, RequestId, ResponseDecoder, ResponseEvent, ResponseViolation};

/// A response as far as it has arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeenResponse {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stdout_ended: bool,
    pub(crate) stderr: Vec<u8>,
    /// `None`: it is not complete.
    pub(crate) end: Option<EndRequest>,
}

/// What a management record has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Values(Vec<(Vec<u8>, Vec<u8>)>),
    UnknownType(u8),
}

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseEnd {
    /// All responses are complete.
    Idle,
    /// Something was wrong.
    Refused(ResponseViolation),
    /// The bytes end within a record or before the last response is complete.
    Cut,
}

/// Everything that a connection has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResponseOutcome {
    /// The last one may be incomplete; it is left out if nothing of it has come.
    pub(crate) responses: Vec<SeenResponse>,
    pub(crate) told: Vec<Told>,
    pub(crate) end: ResponseEnd,
}

/// Runs one connection over `pieces`.
pub(crate) fn response_outcome<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, requests: usize) -> ResponseOutcome {
    let mut connection = Connection {
        decoder: ResponseDecoder::new(),
        to_send: requests,
        current: SeenResponse::default(),
        responses: Vec::new(),
        told: Vec::new(),
    };
    connection.begin();
    let refused = pieces.into_iter().find_map(|piece| connection.feed(piece).err());
    let end = match refused {
        Some(violation) => ResponseEnd::Refused(violation),
        None if connection.decoder.is_idle() => ResponseEnd::Idle,
        None => ResponseEnd::Cut,
    };
    if connection.current != SeenResponse::default() {
        connection.responses.push(connection.current);
    }
    ResponseOutcome { responses: connection.responses, told: connection.told, end }
}

struct Connection {
    decoder: ResponseDecoder,
    to_send: usize,
    current: SeenResponse,
    responses: Vec<SeenResponse>,
    told: Vec<Told>,
}

impl Connection {
    fn begin(&mut self) {
        if self.to_send > 0 {
            self.to_send -= 1;
            self.decoder.begin(RequestId::MIN);
        }
    }

    fn feed(&mut self, mut input: &[u8]) -> Result<(), ResponseViolation> {
        while !input.is_empty() {
            let received = self.decoder.receive(input).inspect_err(|violation| {
                assert_eq!(self.decoder.clone().receive(input), Err(*violation), "a violation is the end");
            })?;
            assert!(received.consumed <= input.len(), "more consumed than there was");
            let (consumed, rest) = input.split_at(received.consumed);
            match received.event {
                ResponseEvent::Pending => assert!(rest.is_empty(), "nothing more, and not all consumed"),
                ResponseEvent::Stdout(range) => self.current.stdout.extend_from_slice(&consumed[range]),
                ResponseEvent::StdoutEnd => {
                    assert!(!self.current.stdout_ended, "the end comes once");
                    self.current.stdout_ended = true;
                }
                ResponseEvent::Stderr(range) => self.current.stderr.extend_from_slice(&consumed[range]),
                ResponseEvent::End(end) => {
                    self.current.end = Some(end);
                    self.responses.push(std::mem::take(&mut self.current));
                    self.begin();
                }
                ResponseEvent::Values => {
                    let values = self.decoder.values().map(|(name, value)| (name.to_vec(), value.to_vec()));
                    self.told.push(Told::Values(values.collect()));
                }
                ResponseEvent::UnknownType(code) => self.told.push(Told::UnknownType(code)),
            }
            input = rest;
        }
        Ok(())
    }
}
