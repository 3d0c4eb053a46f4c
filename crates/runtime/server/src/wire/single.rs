//! SCGI and uwsgi on a connection of the worker: variables, the body by its length, a response that ends with the
//! connection. They differ in how the variables are packed and in the first line of the response.

use millau_cgi::FirstLine;
use millau_gateway::{Error, Request, meta_variables};

use super::{Afterwards, Begun, Opened, Opening, cgi_response};
use crate::options::Options;

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Scgi,
    Uwsgi,
}

/// Where a connection stands in its only request.
pub(crate) struct Single {
    dialect: Dialect,
    /// Bytes of the body that are still to come.
    remaining: u64,
    /// The peer does not speak the protocol: no answer would reach anybody.
    foreign: bool,
}

impl Single {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self { dialect, remaining: 0, foreign: false }
    }

    pub(super) fn begin(
        &mut self,
        input: &[u8],
        request: &mut Request,
        replies: &mut Vec<u8>,
        options: &Options,
    ) -> Result<Begun, Error> {
        if input.is_empty() {
            return Ok(Begun::More(0));
        }
        let length = match self.dialect {
            Dialect::Scgi => {
                let limits = millau_scgi::Limits {
                    head_size: options.variables_size(),
                    pairs: options.variables(),
                    body_size: options.limits.body_size,
                };
                let received = millau_scgi::receive_request_head(input, &limits).inspect_err(|violation| {
                    self.foreign = violation.is_other_protocol();
                })?;
                let Some(head) = received else { return Ok(Begun::More(0)) };
                meta_variables::fill(request, head.pairs()).map_err(refused)?;
                self.remaining = head.content_length;
                head.length
            }
            Dialect::Uwsgi => {
                let limits = millau_uwsgi::Limits {
                    // One packet has no more, so the operator's limit can only make it less.
                    block_size: options.variables_size().min(usize::from(u16::MAX)),
                    pairs: options.variables(),
                    body_size: options.limits.body_size,
                };
                let received = millau_uwsgi::receive(input, &limits).inspect_err(|violation| {
                    self.foreign = violation.is_no_request();
                })?;
                let head = match received {
                    None => return Ok(Begun::More(0)),
                    Some(millau_uwsgi::Received::Ping) => {
                        replies.extend_from_slice(millau_uwsgi::PONG);
                        return Ok(Begun::More(millau_uwsgi::PONG.len()));
                    }
                    Some(millau_uwsgi::Received::Request(head)) => head,
                };
                let script_name =
                    head.pairs().filter(|(name, _)| *name == b"SCRIPT_NAME").map(|(_, value)| value).last();
                let managed = script_name.filter(|_| head.manage_path_info).unwrap_or_default();
                let pairs = head.pairs().map(|(name, value)| match value.strip_prefix(managed) {
                    Some(rest) if name == b"PATH_INFO" => (name, rest),
                    _ => (name, value),
                });
                meta_variables::fill(request, pairs).map_err(refused)?;
                self.remaining = head.content_length.unwrap_or(0);
                head.length
            }
        };
        Ok(Begun::Head(length))
    }

    pub(super) fn is_blank(&self, unread: &[u8]) -> bool {
        unread.is_empty()
    }

    pub(super) fn decode(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        limit: usize,
        _: &mut Vec<u8>,
        _: &Options,
    ) -> Result<usize, Error> {
        let room = limit.saturating_sub(body.len()) as u64;
        let length = self.remaining.min(input.len() as u64).min(room) as usize;
        body.extend_from_slice(&input[..length]);
        self.remaining -= length as u64;
        Ok(length)
    }

    pub(super) fn whole_body(&mut self, input: &[u8]) -> Option<usize> {
        let length = usize::try_from(self.remaining).ok().filter(|length| *length <= input.len())?;
        self.remaining = 0;
        Some(length)
    }

    pub(super) fn is_body_done(&self) -> bool {
        self.remaining == 0
    }

    pub(super) fn is_read_out(&self) -> bool {
        self.is_body_done()
    }

    pub(super) fn awaits_invitation(&self) -> bool {
        false
    }

    pub(super) fn invite(&mut self, _: &mut Vec<u8>, _: bool) {}

    pub(super) fn start(&mut self, out: &mut Vec<u8>, opening: &Opening<'_>) -> Result<Opened, Error> {
        cgi_response::start(out, opening, self.first_line())
    }

    pub(super) fn finish(&mut self, _: &mut Vec<u8>) {}

    pub(super) fn refuse(&mut self, out: &mut Vec<u8>, error: &Error, peer_text: &str, request: &Request, _: &Options) {
        if !self.foreign {
            cgi_response::refuse(out, error, peer_text, request, self.first_line());
        }
    }

    pub(super) fn encode_refusal(
        &self,
        out: &mut Vec<u8>,
        error: &Error,
        peer_text: &str,
        request: &Request,
        _: &Options,
    ) {
        cgi_response::refuse(out, error, peer_text, request, self.first_line());
    }

    pub(super) fn break_off(&mut self, _: &mut Vec<u8>) {
        // Over TCP the reset says it; over a UNIX socket only a length that was promised can.
    }

    pub(super) fn distrust(&mut self) {}

    pub(super) fn afterwards(&self, broken: bool) -> Afterwards {
        if broken { Afterwards::Reset } else { Afterwards::Close }
    }

    fn first_line(&self) -> FirstLine {
        match self.dialect {
            Dialect::Scgi => FirstLine::Status,
            Dialect::Uwsgi => FirstLine::StatusLine,
        }
    }
}

/// A request whose variables make none.
pub(super) fn refused(error: meta_variables::VariableError) -> Error {
    Error::peer(400, error.to_string())
}
