//! The web server's side of a connection: records to events, one response after another.
//!
//! ```text
//! response = *( STDOUT / STDERR ) END_REQUEST
//! ```
//!
//! Management records may stand anywhere between. Only END_REQUEST completes a response: some applications leave out the
//! ends of the streams, and a connection that closes before it has cut the response.

use std::ops::Range;

use crate::end_request::{END_REQUEST_LENGTH, EndRequest};
use crate::get_values_result::LONGEST_RESULT;
use crate::record::RecordHeader;
use crate::record_reader::{Piece, RecordReader, gather};
use crate::unknown_type::{UNKNOWN_TYPE_LENGTH, decode_unknown_type};
use crate::{NameValuePairs, RecordType, RequestId, ResponseViolation};

/// The state of one connection. STDOUT and STDERR pass through; how much of them is taken, the caller decides. What is kept
/// is one management record of at most 4096 bytes.
#[derive(Clone, Debug, Default)]
pub struct ResponseDecoder {
    reader: RecordReader,
    content: Content,
    under_way: Option<RequestId>,
    stdout_ended: bool,
    /// Content of a record that is not whole and cannot be used in parts; at most `LONGEST_RESULT`.
    gathered: Vec<u8>,
    /// Whole pairs.
    values: Vec<u8>,
    violation: Option<ResponseViolation>,
}

/// What one call has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseReceived {
    /// Bytes of the input that are done with, those of the event included. The rest is for the next call.
    pub consumed: usize,
    /// What they mean.
    pub event: ResponseEvent,
}

/// What an application has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseEvent {
    /// Nothing yet; all of the input is consumed.
    Pending,
    /// This part of the input is the next piece of the response; never empty.
    Stdout(Range<usize>),
    /// The response has its last byte. It is complete with [`ResponseEvent::End`] only, which also comes without this.
    StdoutEnd,
    /// This part of the input is for the error log; never empty.
    Stderr(Range<usize>),
    /// The request has ended, answered or refused; the next one may begin.
    End(EndRequest),
    /// Variables were told: see [`ResponseDecoder::values`].
    Values,
    /// The application does not know a management record of this type.
    UnknownType(u8),
}

/// What becomes of the content of the record that is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Content {
    #[default]
    Skipped,
    Stdout,
    Stderr,
    End,
    Values,
    UnknownType,
}

impl ResponseDecoder {
    /// For a connection that was just made.
    pub fn new() -> Self {
        Self::default()
    }

    /// To be called when a request is sent. There is one at a time: it must not be called again before
    /// [`ResponseEvent::End`].
    pub fn begin(&mut self, request_id: RequestId) {
        debug_assert!(self.under_way.is_none(), "the last request has not ended");
        self.under_way = Some(request_id);
        self.stdout_ended = false;
    }

    /// True when no request is under way and no record has begun: the application may close the connection here.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_none() && self.reader.is_between_records()
    }

    /// The variables that the last [`ResponseEvent::Values`] has told. Names that are not those of a
    /// [`Variable`](crate::Variable) mean nothing.
    pub fn values(&self) -> NameValuePairs<'_> {
        NameValuePairs::of_checked(&self.values)
    }

    /// Takes the beginning of `input`, up to the first event. Call again with the rest until the event is
    /// [`ResponseEvent::Pending`]. Input may be split anywhere.
    ///
    /// # Errors
    /// A [`ResponseViolation`], also for every later call; the connection must close.
    pub fn receive(&mut self, input: &[u8]) -> Result<ResponseReceived, ResponseViolation> {
        if let Some(violation) = self.violation {
            return Err(violation);
        }
        let mut at = 0;
        match self.advance(input, &mut at) {
            Ok(event) => {
                self.reader.skip_padding(input, &mut at);
                Ok(ResponseReceived { consumed: at, event })
            }
            Err(violation) => {
                self.violation = Some(violation);
                self.gathered = Vec::new();
                Err(violation)
            }
        }
    }

    fn advance(&mut self, input: &[u8], at: &mut usize) -> Result<ResponseEvent, ResponseViolation> {
        loop {
            let event = match self.reader.next(input, at) {
                Ok(Some(Piece::Header(header))) => self.open(header)?,
                Ok(Some(Piece::Content(range))) => self.take(input, range)?,
                Ok(None) => return Ok(ResponseEvent::Pending),
                Err(byte) => return Err(ResponseViolation::Version(byte.0)),
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    /// A record has begun; if it has no content, this is all of it.
    fn open(&mut self, header: RecordHeader) -> Result<Option<ResponseEvent>, ResponseViolation> {
        let length = header.content_length;
        self.content = match (header.record_type, header.request_id) {
            (RecordType::GetValuesResult, None) if length > LONGEST_RESULT => {
                return Err(ResponseViolation::ValuesTooLarge);
            }
            (RecordType::GetValuesResult, None) if length == 0 => return self.tell_values(&[]),
            (RecordType::GetValuesResult, None) => Content::Values,
            (RecordType::UnknownType, None) if length == UNKNOWN_TYPE_LENGTH => Content::UnknownType,
            (RecordType::UnknownType, None) => return Err(ResponseViolation::ContentLength(header.record_type)),
            (RecordType::Stdout | RecordType::Stderr | RecordType::EndRequest, id)
                if id.is_none() || id != self.under_way =>
            {
                return Err(ResponseViolation::RequestId(id.map_or(0, RequestId::get)));
            }
            (RecordType::Stdout, _) if length == 0 => {
                let is_first = !std::mem::replace(&mut self.stdout_ended, true);
                self.content = Content::Skipped;
                return Ok(is_first.then_some(ResponseEvent::StdoutEnd));
            }
            (RecordType::Stdout, _) if self.stdout_ended => return Err(ResponseViolation::StdoutAfterEnd),
            (RecordType::Stdout, _) => Content::Stdout,
            (RecordType::Stderr, _) => Content::Stderr,
            (RecordType::EndRequest, _) if length == END_REQUEST_LENGTH => Content::End,
            (RecordType::EndRequest, _) => return Err(ResponseViolation::ContentLength(header.record_type)),
            (other, _) => return Err(ResponseViolation::Unexpected(other)),
        };
        Ok(None)
    }

    /// Content has arrived of the record that was opened last.
    fn take(&mut self, input: &[u8], range: Range<usize>) -> Result<Option<ResponseEvent>, ResponseViolation> {
        match self.content {
            Content::Skipped => return Ok(None),
            Content::Stdout => return Ok(Some(ResponseEvent::Stdout(range))),
            Content::Stderr => return Ok(Some(ResponseEvent::Stderr(range))),
            Content::End | Content::Values | Content::UnknownType => {}
        }
        let Some(content) = gather(&mut self.gathered, &input[range], self.reader.content_left()) else {
            return Ok(None);
        };
        match self.content {
            Content::End => {
                let end = EndRequest::decode(&content)?;
                self.under_way = None;
                Ok(Some(ResponseEvent::End(end)))
            }
            Content::UnknownType => Ok(Some(ResponseEvent::UnknownType(decode_unknown_type(&content)?))),
            _ => self.tell_values(&content),
        }
    }

    fn tell_values(&mut self, content: &[u8]) -> Result<Option<ResponseEvent>, ResponseViolation> {
        NameValuePairs::of_record(content).ok_or(ResponseViolation::ValuesCut)?;
        self.values.clear();
        self.values.extend_from_slice(content);
        Ok(Some(ResponseEvent::Values))
    }
}
