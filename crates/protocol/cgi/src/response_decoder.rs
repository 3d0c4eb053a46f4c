//! Reads the output of a CGI program (RFC 3875 §6) up to its body.

use memchr::memchr;
use millau_gateway::token::{decimal, is_same, is_value_byte, trim};
use millau_gateway::{Response, check_status, reason_phrase};

use crate::header_line::HeaderLine;
use crate::{Defect, FirstLine, Quote};

/// Which of its four forms a response has (RFC 3875 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A document (§6.2.1).
    Document,
    /// Another path of this server is to be served with GET, as if the client had asked for it (§6.2.2); the path and
    /// the query are in Location. The other fields and the body do not count. Whoever follows must count how often.
    LocalRedirect,
    /// The client is sent elsewhere, without words of the program's own (§6.2.3); the status is 302.
    ClientRedirect,
    /// The client is sent elsewhere with a document, or the program gave a status beside Location (§6.2.4).
    ClientRedirectWithDocument,
}

/// What is known once a header is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedHead {
    /// Bytes of the header with the empty line that ends it; the body follows.
    pub length: usize,
    /// The form of the response.
    pub kind: Kind,
    needs_content_type: bool,
}

impl ReceivedHead {
    /// Asked when at least one byte of a body has come: whether there may be one.
    ///
    /// # Errors
    /// [`Defect::MissingContentType`] (RFC 3875 §6.3.1)
    pub fn check_body(&self) -> Result<(), Defect> {
        if self.needs_content_type { Err(Defect::MissingContentType) } else { Ok(()) }
    }
}

/// Takes the header off the output of one CGI program, however its bytes arrive, and looks at no byte twice.
///
/// The line ends are LF or CRLF, or some of both. What HTTP forbids an application beyond the rules of CGI (fields of
/// the connection, say) shows when the response is encoded.
#[derive(Clone, Debug)]
pub struct ResponseDecoder {
    limit: usize,
    first_line: FirstLine,
    /// Where the line begins that has not ended yet.
    line_start: usize,
    /// Everything before has no further line end.
    scanned: usize,
    /// Lines that were read.
    lines: usize,
    has_status: bool,
    content_type: Option<Type>,
    location: Option<Location>,
}

/// What a Content-Type field says; an empty one is there, but names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Empty,
    Named,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Location {
    Local,
    Client,
}

impl ResponseDecoder {
    /// For a header of at most `limit` bytes, the empty line included.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            first_line: FirstLine::Status,
            line_start: 0,
            scanned: 0,
            lines: 0,
            has_status: false,
            content_type: None,
            location: None,
        }
    }

    /// For the response of a uwsgi server, which mostly begins with a status line of HTTP and may begin like that of a
    /// CGI program. After a status line, no Content-Type is missed, and a field called `Status` is passed over.
    pub fn with_status_line(limit: usize) -> Self {
        Self { first_line: FirstLine::StatusLine, ..Self::new(limit) }
    }

    /// Gives the head as soon as it is whole. `input` is everything from the first byte of the output on; `Ok(None)`
    /// asks for more of it, and then [`finish`](Self::finish) when there is no more.
    ///
    /// `response` is clear at the first call and belongs to the decoder until then: it is filled line by line. Its
    /// status is the program's, or 302 for a redirect, or 200; Status is not among its fields, Location is.
    ///
    /// # Errors
    /// A [`Defect`], the same however the bytes were split. The decoder is not to be used again.
    pub fn receive(&mut self, input: &[u8], response: &mut Response) -> Result<Option<ReceivedHead>, Defect> {
        let window = &input[..input.len().min(self.limit)];
        while let Some(distance) = window.get(self.scanned..).and_then(|rest| memchr(b'\n', rest)) {
            let line_feed = self.scanned + distance;
            let line = without_return(&window[self.line_start..line_feed]);
            self.line_start = line_feed + 1;
            self.scanned = self.line_start;
            self.lines += 1;
            if line.is_empty() {
                return self.end(response).map(Some);
            }
            if self.lines == 1 && self.first_line == FirstLine::StatusLine {
                if let Some(status) = after_version(line) {
                    set_status(status, response)?;
                    self.has_status = true;
                    continue;
                }
                self.first_line = FirstLine::Status;
            }
            self.take(line, response)?;
        }
        self.scanned = window.len();
        if input.len() < self.limit {
            return Ok(None);
        }
        if self.lines == 0 && !self.is_in_status_line(window) {
            HeaderLine::parse(without_return(window), 1)?;
        }
        Err(Defect::HeadTooLarge { limit: self.limit })
    }

    /// Says what is wrong with an output that has ended before its header was whole. `input` is all of it.
    pub fn finish(&self, input: &[u8]) -> Defect {
        let line = without_return(input.get(self.line_start..).unwrap_or_default());
        match (self.lines, line) {
            (0, []) if input.is_empty() => Defect::Empty,
            (0, []) => Defect::BlankLineFirst,
            (lines, []) => Defect::NoBlankLine { line: lines, found: None },
            (0, line) if self.is_in_status_line(line) => Defect::NoBlankLine { line: 1, found: None },
            (lines, line) => match HeaderLine::parse(line, lines + 1) {
                Ok(_) => Defect::NoBlankLine { line: lines + 1, found: None },
                Err(defect) => defect,
            },
        }
    }

    /// Whether a first line that has not ended yet is a status line that may stand there.
    fn is_in_status_line(&self, line: &[u8]) -> bool {
        self.first_line == FirstLine::StatusLine && line.starts_with(b"HTTP/")
    }

    fn take(&mut self, line: &[u8], response: &mut Response) -> Result<(), Defect> {
        let HeaderLine { name, value } = HeaderLine::parse(line, self.lines)?;
        match name.len() {
            6 if is_same(name, b"status") => {
                if self.first_line == FirstLine::StatusLine {
                    return Ok(());
                }
                // What is said twice in the same words is said once.
                if self.has_status && decimal(&value[..value.len().min(3)]) == Some(response.status.into()) {
                    return Ok(());
                }
                self.once(self.has_status, "Status")?;
                self.has_status = true;
                return set_status(value, response);
            }
            8 if is_same(name, b"location") => {
                if self.location.is_some() && response.fields.get(b"location") == Some(value) {
                    return Ok(());
                }
                self.once(self.location.is_some(), "Location")?;
                self.location = Some(match value {
                    [] => return Err(Defect::EmptyLocation),
                    // A fragment is the client's own affair (RFC 3986 §3.5), so that the server cannot follow it.
                    [b'/', ..] if !value.contains(&b'#') => Location::Local,
                    _ => Location::Client,
                });
            }
            12 if is_same(name, b"content-type") => {
                if self.content_type.is_some() && response.fields.get(b"content-type") == Some(value) {
                    return Ok(());
                }
                self.once(self.content_type.is_some(), "Content-Type")?;
                self.content_type = Some(if value.is_empty() { Type::Empty } else { Type::Named });
            }
            14 if is_same(name, b"content-length") && decimal(value).is_none() => {
                return Err(Defect::BadContentLength(Quote::of(value)));
            }
            _ => {}
        }
        response.fields.push(name, value);
        Ok(())
    }

    fn once(&self, is_there: bool, name: &'static str) -> Result<(), Defect> {
        if is_there { Err(Defect::Repeated { line: self.lines, name }) } else { Ok(()) }
    }

    fn end(&self, response: &mut Response) -> Result<ReceivedHead, Defect> {
        if self.lines == 1 {
            return Err(Defect::BlankLineFirst);
        }
        let has_type = self.content_type == Some(Type::Named);
        let kind = match (self.location, self.has_status) {
            (None, has_status) => {
                if !has_status && !has_type {
                    return Err(Defect::MissingContentType);
                }
                Kind::Document
            }
            (Some(Location::Local), false) => Kind::LocalRedirect,
            (Some(Location::Client), false) => Kind::ClientRedirect,
            (Some(_), true) => Kind::ClientRedirectWithDocument,
        };
        if !self.has_status {
            response.status = if self.location.is_some() { 302 } else { 200 };
            response.reason.extend_from_slice(reason_phrase(response.status).as_bytes());
        }
        let has_document = matches!(kind, Kind::Document | Kind::ClientRedirectWithDocument);
        let needs_content_type =
            has_document && self.first_line == FirstLine::Status && !has_type && !response.forbids_body();
        Ok(ReceivedHead { length: self.line_start, kind, needs_content_type })
    }
}

/// Without the CR of a CRLF.
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// What follows the version of a status line, `HTTP-version SP status-code SP [ reason-phrase ]` (RFC 9112 §4).
fn after_version(line: &[u8]) -> Option<&[u8]> {
    match line {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9', b' ', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// `Status = "Status:" status-code SP reason-phrase NL` (RFC 3875 §6.3.3); where the reason is missing, the standard one
/// stands in.
fn set_status(value: &[u8], response: &mut Response) -> Result<(), Defect> {
    let (code, rest) = value.split_at(value.len().min(3));
    let status = decimal(code).and_then(|status| u16::try_from(status).ok());
    let status = status.filter(|status| code.len() == 3 && check_status(*status).is_ok());
    match (status, rest) {
        (Some(status), [] | [b' ' | b'\t', ..]) => {
            response.status = status;
            let reason = trim(rest);
            if !reason.iter().all(|byte| is_value_byte(*byte)) {
                return Err(Defect::BadStatus(Quote::of(value)));
            }
            let reason = if reason.is_empty() { reason_phrase(status).as_bytes() } else { reason };
            response.reason.extend_from_slice(reason);
            Ok(())
        }
        _ => Err(Defect::BadStatus(Quote::of(value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(input: &[u8]) -> Result<(Response, ReceivedHead), Defect> {
        let mut response = Response::default();
        let mut decoder = ResponseDecoder::new(1000);
        match decoder.receive(input, &mut response)? {
            Some(head) => Ok((response, head)),
            None => Err(decoder.finish(input)),
        }
    }

    fn kind(input: &[u8]) -> (Kind, u16) {
        let (response, head) = received(input).unwrap();
        (head.kind, response.status)
    }

    #[test]
    fn a_document_is_status_fields_and_what_follows() {
        let (response, head) = received(b"Content-Type: text/html\nstatus: 404  No such thing \nX: y\n\n<p>").unwrap();
        assert_eq!((response.status, &response.reason[..]), (404, &b"No such thing"[..]));
        let fields: Vec<_> = response.fields.iter().collect();
        assert_eq!(fields, [(&b"Content-Type"[..], &b"text/html"[..]), (b"X", b"y")]);
        assert_eq!((head.length, head.kind, head.check_body()), (58, Kind::Document, Ok(())));
    }

    #[test]
    fn lines_end_with_or_without_a_return() {
        for (input, length) in [
            (&b"Status: 200\n\nx"[..], 13),
            (b"Status: 200\r\n\r\nx", 15),
            (b"Status: 200\n\r\nx", 14),
            (b"Status: 200\r\n\nx", 14),
        ] {
            let (response, head) = received(input).unwrap();
            assert_eq!((head.length, response.status, &response.reason[..]), (length, 200, &b"OK"[..]));
        }
    }

    #[test]
    fn location_without_status_redirects() {
        assert_eq!(kind(b"Location: /a?b\n\n"), (Kind::LocalRedirect, 302));
        assert_eq!(kind(b"Location: http://example.org/\n\n"), (Kind::ClientRedirect, 302));
        assert_eq!(kind(b"Location: /a#b\n\n"), (Kind::ClientRedirect, 302));
        assert_eq!(kind(b"Location: a\n\n"), (Kind::ClientRedirect, 302));
        assert_eq!(kind(b"Location: /a\nStatus: 301\n\n"), (Kind::ClientRedirectWithDocument, 301));
        assert_eq!(kind(b"Status: 201 Made\nLocation: /a\n\n"), (Kind::ClientRedirectWithDocument, 201));
        let (response, _) = received(b"Location: http://a/\nX: y\n\n").unwrap();
        assert_eq!((&response.reason[..], response.fields.len()), (reason_phrase(302).as_bytes(), 2));
    }

    #[test]
    fn a_body_needs_a_type() {
        let missing = Err(Defect::MissingContentType);
        assert_eq!(received(b"X: y\n\n").map(|_| ()), missing);
        assert_eq!(received(b"Content-Type:\n\n").map(|_| ()), missing);
        let body = |input: &[u8]| received(input).unwrap().1.check_body();
        assert_eq!(body(b"Status: 200\n\n"), missing);
        assert_eq!(body(b"Status: 302\nLocation: /\n\n"), missing);
        for fine in [&b"Status: 204\n\n"[..], b"Status: 304\n\n", b"Location: /\n\n", b"Location: a:\n\n"] {
            assert_eq!(body(fine), Ok(()));
        }
    }

    #[test]
    fn a_status_has_three_digits() {
        for bad in ["", "OK", "20", "2000", "200OK", "199 x", "100", "+20 x", "HTTP/1.1 200 OK", "2 00"] {
            let input = format!("Status: {bad}\n\n");
            assert_eq!(received(input.as_bytes()).unwrap_err(), Defect::BadStatus(Quote::of(bad.as_bytes())));
        }
        assert_eq!(kind(b"Status:999\tx\n\n").1, 999);
    }

    #[test]
    fn some_fields_stand_there_once() {
        for (name, first, second) in [("Status", "200", "404"), ("Location", "/", "/b"), ("Content-Type", "a/b", "c/d")]
        {
            let input = format!("{name}: {first}\nX: y\n{name}: {second}\n\n");
            assert_eq!(received(input.as_bytes()).unwrap_err(), Defect::Repeated { line: 3, name });
            let input = format!("{name}: {first}\nX: y\n{name}: {first}\n\n");
            assert_eq!(received(input.as_bytes()).unwrap().0.fields.iter().count(), 2 - usize::from(name == "Status"));
        }
        assert!(received(b"Status: 200\nSet-Cookie: a\nSet-Cookie: b\n\n").is_ok());
    }

    #[test]
    fn a_uwsgi_server_sends_a_status_line() {
        let receive = |input: &[u8]| {
            let mut response = Response::default();
            let head = ResponseDecoder::with_status_line(100).receive(input, &mut response)?.unwrap();
            Ok((response.status, response.fields.len(), head.kind, head.check_body()))
        };
        let document = |status, fields| Ok((status, fields, Kind::Document, Ok(())));
        assert_eq!(receive(b"HTTP/1.1 404 Not Found\r\nX: y\r\nStatus: 200\r\n\r\nbody"), document(404, 1));
        assert_eq!(receive(b"HTTP/1.0 200\n\n"), document(200, 0));
        assert_eq!(receive(b"Status: 404\nContent-Type: a\n\n"), document(404, 1));
        let redirect = Ok((302, 1, Kind::ClientRedirectWithDocument, Ok(())));
        assert_eq!(receive(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"), redirect);
        for bad in ["", "1000 No", "200 a\rb", "OK"] {
            let input = format!("HTTP/1.1 {bad}\n\n");
            assert_eq!(receive(input.as_bytes()), Err(Defect::BadStatus(Quote::of(bad.as_bytes()))));
        }
        let other = Err(Defect::StatusLine(Quote::of(b"HTTP/2 200 OK")));
        assert_eq!(receive(b"HTTP/2 200 OK\n\n"), other);
        let cut = ResponseDecoder::with_status_line(10).finish(b"HTTP/1.1 2");
        assert_eq!(cut, Defect::NoBlankLine { line: 1, found: None });
        let long = [&b"HTTP/1.1 200 "[..], &[b'x'; 100]].concat();
        assert_eq!(receive(&long), Err(Defect::HeadTooLarge { limit: 100 }));
    }

    #[test]
    fn an_output_that_ends_too_early() {
        let defect = |input: &[u8]| received(input).unwrap_err();
        assert_eq!(defect(b""), Defect::Empty);
        assert_eq!(defect(b"\r"), Defect::BlankLineFirst);
        assert_eq!(defect(b"\nContent-Type: a\n\n"), Defect::BlankLineFirst);
        assert_eq!(defect(b"Hello"), Defect::OutputBeforeHeader(Quote::of(b"Hello")));
        for (input, line) in [(&b"Status: 200"[..], 1), (b"Status: 200\n", 1), (b"Status: 200\nX:", 2)] {
            assert_eq!(defect(input), Defect::NoBlankLine { line, found: None });
        }
        let found = Some(Quote::of(b"<p>"));
        assert_eq!(defect(b"Content-Type: text/html\n<p>"), Defect::NoBlankLine { line: 2, found });
    }

    #[test]
    fn the_limit_counts_the_empty_line() {
        let input = b"Status: 200\n\nbody";
        let receive = |limit, input: &[u8]| ResponseDecoder::new(limit).receive(input, &mut Response::default());
        assert_eq!(receive(13, input).unwrap().unwrap().length, 13);
        assert_eq!(receive(12, input), Err(Defect::HeadTooLarge { limit: 12 }));
        assert_eq!(receive(12, &input[..12]), Err(Defect::HeadTooLarge { limit: 12 }));
        assert_eq!(receive(12, &input[..11]), Ok(None));
        assert_eq!(receive(5, b"<html>"), Err(Defect::OutputBeforeHeader(Quote::of(b"<html"))));
    }

    #[test]
    fn other_numbers_and_places() {
        let defect = |input: &[u8]| received(input).unwrap_err();
        assert_eq!(defect(b"Location:\n\n"), Defect::EmptyLocation);
        assert_eq!(defect(b"Content-Length: 1x\n\n"), Defect::BadContentLength(Quote::of(b"1x")));
    }
}
