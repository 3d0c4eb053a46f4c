//! What an application sees of the request: the channel of the gateway.

use std::fs::File;
use std::sync::mpsc::Sender;
use std::time::Duration;

use millau_cgi::{FirstLine, ResponseHead, encode_error, encode_response_head};
use millau_gateway::meta_variables::{fill_program, is_nph, is_process_variable};
use millau_gateway::{BodyExtent, BodyLength, Bytes, Channel, Error, Request, Response, Tally, reason_phrase};
use rustix::process::{Pid, getpid};

use crate::input::Input;
use crate::interrupt::{delivered, heard, is_interrupted};
use crate::output::Output;
use crate::serve::{Ending, Options};
use crate::streams::Streams;

const INTERRUPTED: &str = "the web server ends this program";

/// Between the last bytes of a response that breaks off and the end of this program. Apache, when it reads both at once, takes
/// that end for the response's, and corrects the length that was promised.
const BEFORE_A_CUT: Duration = Duration::from_millis(100);

/// What the response of a program with these variables begins with.
pub(crate) fn first_line<'a>(variables: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> FirstLine {
    if is_nph(variables) { FirstLine::Nph } else { FirstLine::Status }
}

/// The request of this process.
pub(crate) struct CgiExchange {
    request: Request,
    first_line: FirstLine,
    input: Input,
    /// Body bytes that were read; those before `body_taken` are consumed.
    body: Vec<u8>,
    body_taken: usize,
    output: Output,
    tally: Tally,
    /// What the application writes is not sent.
    bodiless: bool,
    started: bool,
    /// The response goes no further: why is in the log.
    broken: bool,
    peer_error: Option<Error>,
    /// What `peer_error` is once the web server has ordered this program to end.
    interrupted: Error,
    /// Goes back there when the application is done with it.
    home: Sender<Box<CgiExchange>>,
    /// The process that was started for the request, and not one that the application has forked off it.
    process: Pid,
}

impl CgiExchange {
    pub(crate) fn new(streams: Streams, options: &Options, home: Sender<Box<CgiExchange>>) -> Self {
        Self {
            request: Request::default(),
            first_line: FirstLine::Status,
            input: Input::new(streams.input, options.body_timeout),
            body: Vec::new(),
            body_taken: 0,
            output: Output::new(streams.output, options.send_timeout),
            tally: Tally::open(),
            bodiless: false,
            started: false,
            broken: false,
            peer_error: None,
            interrupted: Error::disconnected(INTERRUPTED),
            home,
            process: getpid(),
        }
    }

    /// Fills the request.
    ///
    /// # Errors
    /// Why it must be refused.
    pub(crate) fn begin<'a>(
        &mut self,
        variables: impl IntoIterator<Item = (&'a [u8], &'a [u8])> + Clone,
        options: &Options,
    ) -> Result<(), Error> {
        self.first_line = first_line(variables.clone());
        let variables = variables.into_iter().filter(|(name, _)| !is_process_variable(name));
        fill_program(&mut self.request, variables).map_err(|error| Error::peer(400, error.to_string()))?;
        if let Some(length) = self.request.content_length {
            self.input.expect(length);
            if length > options.body_size {
                return Err(Error::peer(413, "the request's body is larger than this server takes"));
            }
        } else if self.request.fields.get(b"transfer-encoding").is_some() {
            // Apache undoes the chunks and does not count (RFC 3875 §4.1.2 knows no such body). Applications that read no
            // further than CONTENT_LENGTH would take it for empty, so it is counted first.
            self.request.streamed_body = true;
            let length = self.input.spool(&mut self.body, options.request_buffer, options.body_size)?;
            self.request.content_length = Some(length);
        }
        Ok(())
    }

    fn disconnected(&mut self, what: &'static str, source: std::io::Error) -> Error {
        self.broken = true;
        heard();
        self.peer_error = Some(Error::disconnected(what));
        Error::disconnected(what).caused_by(source)
    }

    /// Writes what is left. This may wait.
    pub(crate) fn close(mut self: Box<Self>) -> Ending {
        if self.broken {
            if self.started && self.peer_error.is_none() {
                std::thread::sleep(BEFORE_A_CUT);
            }
            return Ending::Broken;
        }
        match self.output.drain(&mut self.input) {
            Ok(()) => {
                if self.output.finish() {
                    // Closed with something unread in it, a socket takes along what its other end has not read yet.
                    self.input.discard();
                }
                Ending::Complete
            }
            Err(error) => {
                log::debug!("{}: the response could not be written: {error}", self.describe());
                Ending::Broken
            }
        }
    }

    fn complete(&mut self) {
        if !self.started {
            log::error!("{}: the application finished without a response", self.describe());
            return self.refuse(&Error::application("the application finished without a response"));
        }
        if self.tally.excess() > 0 {
            log::error!(
                "{}: application error: the response body is longer than its Content-Length ({} bytes were cut off)",
                self.describe(),
                self.tally.excess()
            );
        }
        if !self.tally.is_complete() && !self.bodiless {
            log::error!(
                "{}: application error: the response body ended after {} of the {} bytes that its Content-Length promised",
                self.describe(),
                self.tally.admitted(),
                self.tally.promise().unwrap_or_default()
            );
            self.broken = true;
        }
    }

    /// Answers in place of the application.
    fn refuse(&mut self, error: &Error) {
        let status = error.status();
        let text = if status < 500 { error.message() } else { reason_phrase(status) };
        let mut out = Vec::new();
        encode_error(&mut out, self.first_line, status, &format!("{text}\n"), self.request.method == b"HEAD");
        self.output.push(&out);
        self.started = true;
    }

    fn admit(&mut self, length: u64) -> u64 {
        let admitted = self.tally.admit(length);
        if self.bodiless { 0 } else { admitted }
    }

    /// Where in the log to look: the request line.
    fn describe(&self) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).into_owned();
        format!("{} {}", text(&self.request.method), text(self.request.target()))
    }

    fn go_home(self: Box<Self>) {
        // Nobody waits any more only when the process is about to end.
        let _ = self.home.clone().send(self);
    }
}

impl Channel for CgiExchange {
    fn request(&self) -> &Request {
        &self.request
    }

    fn request_mut(&mut self) -> &mut Request {
        &mut self.request
    }

    fn buffered(&self) -> &[u8] {
        &self.body[self.body_taken..]
    }

    fn consume(&mut self, length: usize) {
        self.body_taken = (self.body_taken + length).min(self.body.len());
        if self.body_taken == self.body.len() {
            self.body.clear();
            self.body_taken = 0;
        }
    }

    fn is_body_complete(&self) -> bool {
        self.input.is_done()
    }

    fn fill(&mut self) -> Result<bool, Error> {
        if self.input.is_done() {
            return Ok(false);
        }
        self.body.drain(..self.body_taken);
        self.body_taken = 0;
        match self.input.more(&mut self.body) {
            Ok(()) => Ok(true),
            Err(error) => {
                if self.peer_error.is_none() {
                    if !is_interrupted() {
                        log::warn!("{}: {} error: {error}", self.describe(), error.fault().name());
                    }
                    self.peer_error = Some(Error::peer(error.status(), error.message().to_owned()));
                }
                Err(error)
            }
        }
    }

    fn start(&mut self, response: &Response, length: BodyLength) -> Result<(), Error> {
        if self.started {
            return Err(Error::application("the response was started twice"));
        }
        let head_request = self.request.method == b"HEAD";
        let mut out = Vec::new();
        let head = ResponseHead { response, length, head_request, first_line: self.first_line };
        let extent = encode_response_head(&mut out, &head)?;
        self.output.push(&out);
        self.bodiless = extent == BodyExtent::None;
        self.tally = match extent {
            BodyExtent::Length(length) => Tally::promised(length),
            BodyExtent::None | BodyExtent::Open => Tally::open(),
        };
        self.started = true;
        Ok(())
    }

    fn is_started(&self) -> bool {
        self.started
    }

    fn write(&mut self, data: &[u8]) {
        let admitted = self.admit(data.len() as u64) as usize;
        if admitted > 0 {
            self.output.push(&data[..admitted]);
        }
    }

    fn write_shared(&mut self, data: Bytes) {
        let admitted = self.admit(data.len() as u64) as usize;
        if admitted > 0 {
            self.output.push_shared(data.slice(..admitted));
        }
    }

    fn write_file(&mut self, file: File, offset: u64, length: u64) -> Result<(), Error> {
        let admitted = self.admit(length);
        if admitted > 0 {
            self.output.push_file(file, offset, admitted);
        }
        Ok(())
    }

    /// The writing itself is `wait`'s, which every block calls for: see `must_wait`.
    fn flush(&mut self) -> Result<(), Error> {
        if self.broken { Err(Error::disconnected("the web server has closed its end of the response")) } else { Ok(()) }
    }

    fn must_wait(&self) -> bool {
        !self.output.is_empty()
    }

    fn wait(&mut self) -> Result<(), Error> {
        if self.process != getpid() {
            // What is in the queue is the other process's to write.
            self.output.clear();
            return Err(Error::disconnected("this process was forked off the one that the request belongs to"));
        }
        match self.output.drain(&mut self.input) {
            Ok(()) => {
                if self.bodiless || self.is_body_sent() {
                    delivered();
                }
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                Err(self.disconnected("the web server is too slow to read", error))
            }
            Err(error) => Err(self.disconnected("the web server has closed its end of the response", error)),
        }
    }

    fn is_body_sent(&self) -> bool {
        self.started && self.tally.promise().is_some() && self.tally.is_complete()
    }

    fn is_bodiless(&self) -> bool {
        self.started && self.bodiless
    }

    fn peer_error(&self) -> Option<&Error> {
        self.peer_error.as_ref().or_else(|| is_interrupted().then_some(&self.interrupted))
    }

    fn wants_user(&self) -> bool {
        false
    }

    fn set_user(&mut self, _: &[u8]) {}

    fn finish(mut self: Box<Self>) {
        self.complete();
        self.go_home();
    }

    /// What is flushed is sent at once.
    fn finish_early(self: Box<Self>) -> Result<(), Box<dyn Channel>> {
        Err(self)
    }

    fn fail(mut self: Box<Self>, error: Error) {
        let error = self.peer_error.take().unwrap_or(error);
        let error = if is_interrupted() { Error::disconnected(INTERRUPTED) } else { error };
        if error.is_disconnect() || self.started {
            log::debug!("{}: {error}", self.describe());
            // Nothing of what is still queued helps anybody, and a response that ends here must not look whole.
            self.output.clear();
            self.broken = true;
        } else {
            self.refuse(&error);
        }
        self.go_home();
    }
}
