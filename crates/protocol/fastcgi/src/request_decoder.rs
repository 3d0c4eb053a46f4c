//! The application's side of a connection: records to events, one request after another.
//!
//! ```text
//! request = BEGIN_REQUEST *PARAMS PARAMS("") *STDIN STDIN("")
//! ```
//!
//! Management records, an ABORT_REQUEST, and records of requests that are not active may stand anywhere between (§3.3).

use std::borrow::Cow;
use std::ops::Range;

use crate::begin_request::BEGIN_REQUEST_LENGTH;
use crate::end_request::encode_end_request;
use crate::get_values::{LONGEST_GET_VALUES, decode_get_values};
use crate::get_values_result::encode_get_values_result;
use crate::params::Params;
use crate::record::{HEADER_LENGTH, RecordHeader, VERSION};
use crate::record_reader::{Piece, RecordReader, gather};
use crate::unknown_type::encode_unknown_type;
use crate::{
    BeginRequest, Limits, NameValuePairs, OtherProtocol, ProtocolStatus, RecordType, RequestId, Role, Violation,
};

/// The state of one connection. It keeps the parameters of the request that is active, and next to nothing without one.
#[derive(Clone, Debug, Default)]
pub struct RequestDecoder {
    reader: RecordReader,
    /// A record has begun on this connection: what is wrong from now on is no other protocol.
    has_begun: bool,
    content: Content,
    active: Option<ActiveRequest>,
    stage: Stage,
    params: Params,
    /// Content of a record that is not whole and cannot be used in parts; at most `LONGEST_GET_VALUES`.
    gathered: Vec<u8>,
    over: Option<Over>,
}

/// The request that is active: it has begun and was not ended (§3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveRequest {
    /// Its id, which goes into every record of the response.
    pub id: RequestId,
    /// Always [`Role::Responder`]: others were refused.
    pub role: Role,
    /// False: the connection is to be closed after END_REQUEST.
    pub keep_conn: bool,
}

/// What one call has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes of the input that are done with, those of the event included. The rest is for the next call.
    pub consumed: usize,
    /// What they mean.
    pub event: Event,
}

/// What has happened to the active request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing yet; all of the input is consumed.
    Pending,
    /// A request has begun and its parameters are complete: see [`RequestDecoder::request`] and [`RequestDecoder::params`].
    Params,
    /// This part of the input is the next piece of the request's body; never empty.
    Stdin(Range<usize>),
    /// The body is complete. How long it should have been, the CONTENT_LENGTH says; comparing is up to the caller.
    StdinEnd,
    /// The client has gone (§5.4): the request is to be ended soon. Before [`Event::Params`] the decoder does that itself.
    Abort,
    /// The next request has begun, with the same id, before this one was ended. Nothing more is consumed until it is:
    /// present the rest of the input again after [`RequestDecoder::request_ended`].
    NextRequest,
    /// The replies end a request that did not ask to keep the connection: send them and close.
    Close,
}

/// What becomes of the content of the record that is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Content {
    #[default]
    Skipped,
    Begin(RequestId),
    /// As `Begin`, but not until the active request, whose id it has, was ended.
    NextBegin(RequestId),
    Params,
    Stdin,
    GetValues,
}

/// How far the active request has arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Params,
    Stdin,
    Whole,
}

/// Why nothing more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// A request was ended that did not ask to keep the connection.
    Closing,
    Violated(Violation),
}

impl RequestDecoder {
    /// For a connection that was just accepted.
    pub fn new() -> Self {
        Self::default()
    }

    /// The active request, also after a violation: then it can be refused before the connection closes.
    pub fn request(&self) -> Option<ActiveRequest> {
        self.active
    }

    /// The parameters of the active request, in their order, repeated names included. They are complete from
    /// [`Event::Params`] on and stay until [`RequestDecoder::request_ended`].
    pub fn params(&self) -> NameValuePairs<'_> {
        self.params.pairs()
    }

    /// True when no request is active and no record has begun: the web server may close the connection here.
    pub fn is_idle(&self) -> bool {
        self.active.is_none() && self.reader.is_between_records()
    }

    /// True when `input` goes on with the record that ends the active request's STDIN: then the next call takes that and gives
    /// [`Event::StdinEnd`]. For a caller that knows from CONTENT_LENGTH that the body is complete, and leaves everything else
    /// for later.
    pub fn is_stdin_end_next(&self, input: &[u8]) -> bool {
        let Some((header, _)) = input.split_first_chunk::<HEADER_LENGTH>() else { return false };
        let next = RecordHeader::decode(*header);
        self.stage == Stage::Stdin
            && self.over.is_none()
            && self.reader.is_between_records()
            && header[0] == VERSION
            && next.record_type == RecordType::Stdin
            && next.content_length == 0
            && self.active.is_some_and(|request| next.request_id == Some(request.id))
    }

    /// To be called when END_REQUEST was written for the active request, at whatever point of it: what is still to come of
    /// it is ignored from now on, and the next one may begin if the connection was to be kept.
    pub fn request_ended(&mut self) {
        if let Some(request) = self.active.take() {
            if !request.keep_conn && self.over.is_none() {
                self.over = Some(Over::Closing);
            }
            if matches!(self.content, Content::Params | Content::Stdin) {
                self.content = Content::Skipped;
            }
            self.stage = Stage::Params;
            // An idle connection holds no memory for requests.
            self.params = Params::default();
        }
    }

    /// Takes the beginning of `input`, up to the first event. Call again with the rest until the event is
    /// [`Event::Pending`]. Input may be split anywhere.
    ///
    /// What the protocol itself must answer is appended to `replies`: GET_VALUES_RESULT (§4.1), UNKNOWN_TYPE (§4.2), and
    /// END_REQUEST for requests that are refused (§5.5). Send it between records of the response, and take out of `replies`
    /// what was sent: what waits there is limited. All replies together are at most twice as long as what was consumed.
    ///
    /// # Errors
    /// A [`Violation`], also for every later call; the connection must close.
    pub fn receive(&mut self, input: &[u8], limits: &Limits, replies: &mut Vec<u8>) -> Result<Received, Violation> {
        match self.over {
            None => {}
            Some(Over::Closing) => return Ok(Received { consumed: input.len(), event: Event::Pending }),
            Some(Over::Violated(violation)) => return Err(violation),
        }
        let mut at = 0;
        match self.advance(input, &mut at, limits, replies) {
            Ok(event) => {
                self.reader.skip_padding(input, &mut at);
                Ok(Received { consumed: at, event })
            }
            Err(violation) => {
                self.over = Some(Over::Violated(violation));
                self.gathered = Vec::new();
                Err(violation)
            }
        }
    }

    fn advance(
        &mut self,
        input: &[u8],
        at: &mut usize,
        limits: &Limits,
        replies: &mut Vec<u8>,
    ) -> Result<Event, Violation> {
        if let Content::NextBegin(id) = self.content {
            if self.active.is_some() {
                return Ok(Event::NextRequest);
            }
            self.content = Content::Begin(id);
        }
        loop {
            let event = match self.reader.next(input, at) {
                Ok(Some(Piece::Header(header))) => self.open(header, limits, replies)?,
                Ok(Some(Piece::Content(range))) => self.take(input, range, limits, replies)?,
                Ok(None) => return Ok(Event::Pending),
                Err(byte) => return Err(self.not_the_version(byte.0)),
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    fn not_the_version(&self, byte: u8) -> Violation {
        let other = if self.has_begun { None } else { OtherProtocol::beginning_with(byte) };
        other.map_or(Violation::Version(byte), Violation::NotFastCgi)
    }

    /// A record has begun; if it has no content, this is all of it.
    fn open(
        &mut self,
        header: RecordHeader,
        limits: &Limits,
        replies: &mut Vec<u8>,
    ) -> Result<Option<Event>, Violation> {
        self.has_begun = true;
        self.content = Content::Skipped;
        let Some(id) = header.request_id else { return self.open_management(header, limits, replies) };
        let is_active = self.active.is_some_and(|request| request.id == id);
        match header.record_type {
            RecordType::BeginRequest => self.open_begin(header, id, is_active),
            // §3.3: what belongs to no active request is ignored; above all that of a second one that was refused.
            _ if !is_active => Ok(None),
            RecordType::Params => self.open_params(header),
            RecordType::Stdin => self.open_stdin(header),
            RecordType::AbortRequest => self.open_abort(header, id, limits, replies),
            other => Err(Violation::Unexpected(other)),
        }
    }

    fn open_management(
        &mut self,
        header: RecordHeader,
        limits: &Limits,
        replies: &mut Vec<u8>,
    ) -> Result<Option<Event>, Violation> {
        match header.record_type {
            RecordType::GetValues if header.content_length > LONGEST_GET_VALUES => {
                return Err(Violation::GetValuesTooLarge);
            }
            RecordType::GetValues if header.content_length == 0 => answer_get_values(&[], limits, replies)?,
            RecordType::GetValues => self.content = Content::GetValues,
            RecordType::Other(code) => reply(limits, replies, |out| encode_unknown_type(out, code))?,
            application @ (RecordType::GetValuesResult | RecordType::UnknownType) => {
                return Err(Violation::Unexpected(application));
            }
            request => return Err(Violation::NullRequestId(request)),
        }
        Ok(None)
    }

    fn open_begin(&mut self, header: RecordHeader, id: RequestId, is_active: bool) -> Result<Option<Event>, Violation> {
        if header.content_length != BEGIN_REQUEST_LENGTH {
            return Err(Violation::ContentLength(header.record_type));
        }
        if !is_active {
            self.content = Content::Begin(id);
            return Ok(None);
        }
        // A web server that does not wait for the response before it sends the next request: nothing can be confused as
        // long as they are taken one after the other.
        if self.stage != Stage::Whole {
            return Err(Violation::RepeatedBeginRequest);
        }
        self.content = Content::NextBegin(id);
        Ok(Some(Event::NextRequest))
    }

    fn open_params(&mut self, header: RecordHeader) -> Result<Option<Event>, Violation> {
        match (self.stage, header.content_length) {
            (Stage::Params, 0) => {
                self.params.end()?;
                self.stage = Stage::Stdin;
                Ok(Some(Event::Params))
            }
            (Stage::Params, _) => {
                self.content = Content::Params;
                Ok(None)
            }
            // A second end says nothing new.
            (_, 0) => Ok(None),
            _ => Err(Violation::ParamsAfterEnd),
        }
    }

    fn open_stdin(&mut self, header: RecordHeader) -> Result<Option<Event>, Violation> {
        match (self.stage, header.content_length) {
            (Stage::Params, _) => Err(Violation::StdinBeforeParams),
            (Stage::Stdin, 0) => {
                self.stage = Stage::Whole;
                Ok(Some(Event::StdinEnd))
            }
            (Stage::Stdin, _) => {
                self.content = Content::Stdin;
                Ok(None)
            }
            // A second end says nothing new.
            (Stage::Whole, 0) => Ok(None),
            (Stage::Whole, _) => Err(Violation::StdinAfterEnd),
        }
    }

    fn open_abort(
        &mut self,
        header: RecordHeader,
        id: RequestId,
        limits: &Limits,
        replies: &mut Vec<u8>,
    ) -> Result<Option<Event>, Violation> {
        if header.content_length != 0 {
            return Err(Violation::ContentLength(header.record_type));
        }
        if self.stage != Stage::Params {
            return Ok(Some(Event::Abort));
        }
        // Nobody else has heard of this request yet.
        reply(limits, replies, |out| encode_end_request(out, id, 0, ProtocolStatus::RequestComplete))?;
        self.request_ended();
        Ok(self.over.is_some().then_some(Event::Close))
    }

    /// Content has arrived of the record that was opened last.
    fn take(
        &mut self,
        input: &[u8],
        range: Range<usize>,
        limits: &Limits,
        replies: &mut Vec<u8>,
    ) -> Result<Option<Event>, Violation> {
        match self.content {
            Content::Skipped => Ok(None),
            Content::Stdin => Ok(Some(Event::Stdin(range))),
            Content::Params => self.params.push(&input[range], limits).map(|()| None),
            Content::Begin(id) | Content::NextBegin(id) => match self.gather(&input[range]) {
                Some(content) => self.begin(id, &content, limits, replies),
                None => Ok(None),
            },
            Content::GetValues => match self.gather(&input[range]) {
                Some(content) => answer_get_values(&content, limits, replies).map(|()| None),
                None => Ok(None),
            },
        }
    }

    /// The whole content of the present record, once it is there.
    fn gather<'a>(&mut self, piece: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        gather(&mut self.gathered, piece, self.reader.content_left())
    }

    fn begin(
        &mut self,
        id: RequestId,
        content: &[u8],
        limits: &Limits,
        replies: &mut Vec<u8>,
    ) -> Result<Option<Event>, Violation> {
        let Some(BeginRequest { role, keep_conn }) = BeginRequest::decode(content) else {
            return Err(Violation::ContentLength(RecordType::BeginRequest));
        };
        if self.active.is_some() {
            // Whether the connection stays is up to the request that is served on it.
            reply(limits, replies, |out| encode_end_request(out, id, 0, ProtocolStatus::CantMpxConn))?;
            return Ok(None);
        }
        if role != Role::Responder {
            reply(limits, replies, |out| encode_end_request(out, id, 0, ProtocolStatus::UnknownRole))?;
            if keep_conn {
                return Ok(None);
            }
            self.over = Some(Over::Closing);
            return Ok(Some(Event::Close));
        }
        self.active = Some(ActiveRequest { id, role, keep_conn });
        Ok(None)
    }
}

fn answer_get_values(content: &[u8], limits: &Limits, replies: &mut Vec<u8>) -> Result<(), Violation> {
    let variables = decode_get_values(content).ok_or(Violation::GetValuesCut)?;
    reply(limits, replies, |out| encode_get_values_result(out, variables, limits))
}

fn reply(limits: &Limits, replies: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) -> Result<(), Violation> {
    if replies.len() >= limits.replies_size {
        return Err(Violation::TooManyReplies);
    }
    encode(replies);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_holds_no_memory_for_requests() {
        let mut decoder = RequestDecoder::new();
        let mut replies = Vec::new();
        let mut feed = |decoder: &mut RequestDecoder, mut input: &[u8]| {
            while !input.is_empty() {
                let received = decoder.receive(input, &Limits::default(), &mut replies).unwrap();
                input = &input[received.consumed..];
            }
        };
        for byte in b"\x01\x01\0\x01\0\x08\0\0\0\x01\x01\0\0\0\0\0\x01\x09\0\0\0\x03\0\0\x01\0A" {
            feed(&mut decoder, &[*byte]);
        }
        feed(&mut decoder, b"\x01\x04\0\x01\0\x03\0\0\x01\0A");
        assert!(decoder.params.capacity() > 0 && !decoder.is_idle());
        decoder.request_ended();
        assert!(decoder.is_idle());
        assert_eq!((decoder.params.capacity(), decoder.gathered.capacity()), (0, 0));
        assert!(size_of::<RequestDecoder>() <= 128, "{} bytes", size_of::<RequestDecoder>());
    }
}
