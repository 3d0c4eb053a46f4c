//! The way of a program's output to the client: header off, body on (RFC 3875 §6).

use std::path::PathBuf;
use std::sync::Arc;

use millau_cgi::{Defect, Kind, ReceivedHead, ResponseDecoder};
use millau_gateway::{BodyLength, Error, Exchange, Request, Response, is_hop_by_hop};

use crate::diagnosis::{Diagnosis, Evidence};
use crate::redirect::Redirects;

/// Body bytes that are held back for a moment, so that a short response is sent whole and with its length.
const HELD_BACK: usize = 64 * 1024;

/// One request and what its program has answered so far. Whoever holds it ends it.
pub struct Answer {
    exchange: Exchange,
    redirects: Arc<Redirects>,
    diagnosis: Arc<Diagnosis>,
    evidence: Evidence,
    script: PathBuf,
    /// A name that begins with `nph-`: the program writes a whole HTTP response (RFC 3875 §5).
    whole_response: bool,
    decoder: ResponseDecoder,
    response: Response,
    head: Option<ReceivedHead>,
    /// The header as far as it has come; after it, what is held back of the body.
    held: Vec<u8>,
    taken: u64,
    most: u64,
    /// Bytes of body that have come.
    body: u64,
}

impl Answer {
    pub(crate) fn new(
        exchange: Exchange,
        redirects: Arc<Redirects>,
        diagnosis: Arc<Diagnosis>,
        script: PathBuf,
        head: usize,
        output: u64,
    ) -> Self {
        let name = script.file_name().unwrap_or_default();
        Self {
            exchange,
            redirects,
            diagnosis,
            evidence: Evidence::default(),
            whole_response: name.as_encoded_bytes().starts_with(b"nph-"),
            script,
            decoder: ResponseDecoder::new(head),
            response: Response::default(),
            head: None,
            held: Vec::new(),
            taken: 0,
            most: output,
            body: 0,
        }
    }

    /// The exchange, for the body of the request and for waiting.
    pub fn exchange(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    /// Gives the exchange back, for an answer in place of what the program has written. `None`: some of that is on its way.
    pub fn replace(self) -> Option<Exchange> {
        (!self.exchange.is_started()).then_some(self.exchange)
    }

    /// True when nothing of the response is on its way, so that there can be another in its place.
    pub fn is_replaceable(&self) -> bool {
        !self.exchange.is_started()
    }

    /// The request.
    pub fn request(&self) -> &Request {
        self.exchange.request()
    }

    /// The exchange, to look at.
    pub(crate) fn peek(&self) -> &Exchange {
        &self.exchange
    }

    /// Takes a piece of output. It is on its way to the client after [`Answer::flush`].
    ///
    /// # Errors
    /// The output breaks the rules of CGI, or is longer than it may be.
    pub fn take(&mut self, data: &[u8]) -> Result<(), Error> {
        self.taken += data.len() as u64;
        if self.taken > self.most {
            return Err(Error::application(format!(
                "the output is longer than {} bytes (--cgi-limit-output)",
                self.most
            )));
        }
        if self.head.is_some() {
            return self.take_body(data);
        }
        self.held.extend_from_slice(data);
        if self.whole_response && !self.turn_status_line() {
            return Ok(());
        }
        let received = self.decoder.receive(&self.held, &mut self.response);
        let Some(head) = received.map_err(|defect| self.broken(defect))? else { return Ok(()) };
        self.head = Some(head);
        self.forget_connection();
        let rest = self.held.split_off(head.length);
        self.held.clear();
        self.take_body(&rest)
    }

    fn take_body(&mut self, data: &[u8]) -> Result<(), Error> {
        let Some(head) = self.head else { return Ok(()) };
        if data.is_empty() || self.is_local_redirect() {
            return Ok(());
        }
        if !self.whole_response {
            head.check_body().map_err(|defect| self.broken(defect))?;
        }
        self.body += data.len() as u64;
        if self.exchange.is_started() {
            self.exchange.write(data);
        } else {
            self.held.extend_from_slice(data);
            if self.held.len() > HELD_BACK {
                self.start(BodyLength::Unknown)?;
            }
        }
        Ok(())
    }

    /// Keeps what is wrong with the output, to be explained.
    fn broken(&mut self, defect: Defect) -> Error {
        self.evidence.defect = Some(defect.clone());
        defect.into()
    }

    /// What is known of the program's failure.
    pub(crate) fn evidence(&mut self) -> &mut Evidence {
        &mut self.evidence
    }

    /// Failures are explained to the client.
    pub(crate) fn is_shown_to_developers(&self) -> bool {
        self.diagnosis.is_shown()
    }

    /// Whether nothing is to be said before it is known how the program ended: there is no response, or developers want to
    /// see a failure in its place.
    pub(crate) fn awaits_ending(&self) -> bool {
        self.head.is_none() || self.diagnosis.is_shown() && !self.exchange.is_started()
    }

    /// Sends what has come, where it need not be known first how the program ends.
    pub(crate) fn send_before_ending(&mut self) {
        if !self.awaits_ending() {
            // A client that is gone shows again at the end.
            let _ = self.flush();
        }
    }

    /// Whether a signal has ended the program before it had written all that it wanted to. A program that ends by itself has,
    /// whatever its status; so has one that has kept what its Content-Length promised.
    fn is_cut(&self) -> bool {
        let promised = self.response.fields.get(b"content-length");
        let promised = promised.and_then(|length| std::str::from_utf8(length.trim_ascii()).ok()?.parse().ok());
        matches!(self.evidence.ending, Some(millau_doctor::Ending::Signalled(_))) && promised != Some(self.body)
    }

    /// Makes the first line of a whole HTTP response the field that says the same. `false`: it has not come yet.
    fn turn_status_line(&mut self) -> bool {
        const HTTP: &[u8] = b"HTTP/";
        if !self.held.starts_with(&HTTP[..HTTP.len().min(self.held.len())]) {
            return true;
        }
        let Some(line_end) = self.held.iter().position(|byte| *byte == b'\n') else { return self.held.len() > 4096 };
        if let Some(space) = self.held[..line_end].iter().position(|byte| *byte == b' ') {
            self.held.splice(..=space, *b"Status: ");
        }
        true
    }

    /// Takes out what is said about a connection that is not the program's (RFC 3875 §6.3.4).
    fn forget_connection(&mut self) {
        let names = self.response.fields.iter().map(|(name, _)| name.to_vec());
        let names: Vec<_> =
            names.filter(|name| is_hop_by_hop(name) || name.eq_ignore_ascii_case(b"connection")).collect();
        for name in names {
            if !self.whole_response {
                let (script, name) = (self.script.display(), String::from_utf8_lossy(&name));
                log::debug!("{script}: the field {name} is left out: the connection is the server's");
            }
            self.response.fields.remove(&name);
        }
    }

    /// RFC 3875 §6.2.2: the path alone. With further fields it is a redirect for the client, who gets them all.
    fn is_local_redirect(&self) -> bool {
        self.head.is_some_and(|head| head.kind == Kind::LocalRedirect) && self.response.fields.len() == 1
    }

    fn start(&mut self, length: BodyLength) -> Result<(), Error> {
        self.exchange.start(&self.response, length)?;
        self.exchange.write(&self.held);
        self.held = Vec::new();
        Ok(())
    }

    /// Puts on the way what there is.
    ///
    /// # Errors
    /// The client is gone.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.head.is_some() && !self.is_local_redirect() {
            if !self.exchange.is_started() {
                self.start(BodyLength::Unknown)?;
            }
            self.exchange.flush()?;
        }
        Ok(())
    }

    /// True when nothing of the response has been handed on, so that its length may still become known.
    pub(crate) fn is_held_back(&self) -> bool {
        !self.exchange.is_started()
    }

    /// True when so much is kept for a slow client that the program must wait.
    pub fn must_wait(&self) -> bool {
        self.exchange.must_wait()
    }

    /// The output has ended: the response is complete, or is none.
    pub fn end(mut self) {
        let Some(head) = &self.head else {
            let defect = self.decoder.finish(&self.held);
            let error = self.broken(defect);
            return self.fail(error);
        };
        if self.is_cut() {
            return self.fail(Error::application("a signal has ended the program in the middle of its response"));
        }
        let is_page = self.response.fields.get(b"x-millau-page").is_some();
        if !self.exchange.is_started() && self.diagnosis.has_failed(&self.script, &self.evidence, is_page) {
            return self.fail(Error::application("the program has failed after it had begun to answer"));
        }
        if self.is_local_redirect() {
            let location = self.response.fields.get(b"location").unwrap_or_default().to_vec();
            return match self.redirects.go(self.exchange, &location) {
                Ok(()) => {}
                Err((exchange, error)) => {
                    log_failure(&self.script, &error);
                    exchange.fail(error);
                }
            };
        }
        if !self.exchange.is_started() {
            if let (true, Err(defect)) = (self.held.is_empty() && head.kind == Kind::Document, head.check_body()) {
                // Without a body nothing needs a type (RFC 3875 §6.3.1); 200 without anything is odd, and allowed.
                log::debug!("{}: {defect}", self.script.display());
            }
            if let Err(error) = self.start(BodyLength::Known(self.held.len() as u64)) {
                // The error says it all; how the program ended, which is what a diagnosis would look at, was well.
                log_failure(&self.script, &error);
                return self.exchange.fail(error);
            }
        }
        self.exchange.finish();
    }

    /// The response cannot be completed.
    pub fn fail(self, error: Error) {
        if self.exchange.peer_error().is_some() || error.is_disconnect() {
            return self.exchange.fail(error);
        }
        log_failure(&self.script, &error);
        let evidence = &self.evidence;
        if evidence.defect.is_none() && evidence.not_started.is_none() && evidence.ending.is_none() {
            return self.exchange.fail(error);
        }
        let findings = self.diagnosis.of(&self.script, evidence);
        Diagnosis::log(&findings);
        if self.diagnosis.is_shown() && !self.exchange.is_started() {
            return Diagnosis::show(self.exchange, error.status(), &self.script, &findings, &evidence.stderr);
        }
        self.exchange.fail(error);
    }
}

/// Notes why a request got no good answer.
pub(crate) fn log_failure(script: &std::path::Path, error: &Error) {
    if error.is_disconnect() {
        log::debug!("{}: {error}", script.display());
    } else if error.message().starts_with(&*script.to_string_lossy()) {
        log::error!("{} error: {error}", error.fault().name());
    } else {
        log::error!("{}: {} error: {error}", script.display(), error.fault().name());
    }
}
