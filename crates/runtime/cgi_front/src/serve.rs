//! One request, from the environment to the last byte of the response.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::sync::mpsc::channel;
use std::time::Duration;

use millau_cgi::encode_error;
use millau_gateway::{Application, Channel as _, Exchange, reason_phrase};
use rustix::process::getpid;

use crate::exchange::{CgiExchange, first_line};
use crate::input::Input;
use crate::output::Output;
use crate::streams::Streams;

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of the longest body.
    pub body_size: u64,
    /// Bytes of a body without a length that are kept in memory.
    pub request_buffer: usize,
    /// How long the request's body may stand still.
    pub body_timeout: Duration,
    /// How long the web server may take nothing of the response.
    pub send_timeout: Duration,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The response is whole, whatever its status.
    Complete,
    /// It is cut, or there is none: the process must end with a code other than 0.
    Broken,
    /// This is another process, which the application has forked off during the call. It must end at once, without
    /// touching anything.
    Forked,
}

/// Answers the request that `environment` describes. Must be called outside of whatever lock the application holds while it
/// runs; returns when the response is written.
pub fn serve(
    application: &dyn Application,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    streams: Streams,
    options: &Options,
) -> Ending {
    let process = getpid();
    let environment: Vec<_> = environment.into_iter().collect();
    let (home, returned) = channel();
    let mut exchange = Box::new(CgiExchange::new(streams, options, home));
    match exchange.begin(variables(&environment), options) {
        Ok(()) => application.call(Exchange::new(exchange)),
        Err(error) => {
            log::error!("{} error: {error}", error.fault().name());
            exchange.fail(error);
        }
    }
    if getpid() != process {
        return Ending::Forked;
    }
    match returned.recv() {
        Ok(exchange) => exchange.close(),
        Err(_) => {
            log::error!("the response was given up");
            Ending::Broken
        }
    }
}

/// Answers the request that `environment` describes without an application: a plain text with this status. `timeout`: how
/// long the web server may stand still.
pub fn refuse(
    streams: Streams,
    status: u16,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    timeout: Duration,
) -> Ending {
    let environment: Vec<_> = environment.into_iter().collect();
    let mut out = Vec::new();
    let mut input = Input::new(streams.input, timeout);
    let mut head_request = false;
    for (name, value) in &environment {
        if name == "REQUEST_METHOD" {
            head_request = value == "HEAD";
        } else if name == "CONTENT_LENGTH" {
            input.expect(value.to_str().and_then(|length| length.parse().ok()).unwrap_or(0));
        }
    }
    let text = format!("{}\n", reason_phrase(status));
    encode_error(&mut out, first_line(variables(&environment)), status, &text, head_request);
    let mut output = Output::new(streams.output, timeout);
    output.push(&out);
    if output.drain(&mut input).is_err() {
        return Ending::Broken;
    }
    if output.finish() {
        input.discard();
    }
    Ending::Complete
}

fn variables(environment: &[(OsString, OsString)]) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    environment.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;
    use std::os::fd::OwnedFd;

    use millau_gateway::{BodyLength, Error, Response};

    use super::*;

    /// Answers with what it is given.
    struct Answering<F>(F);

    impl<F: Fn(Exchange) + Send + Sync> Application for Answering<F> {
        fn call(&self, exchange: Exchange) {
            (self.0)(exchange);
        }
    }

    fn options() -> Options {
        let patience = Duration::from_secs(20);
        Options { body_size: 1000, request_buffer: 10, body_timeout: patience, send_timeout: patience }
    }

    fn run(variables: &[(&str, &str)], body: &[u8], answer: impl Fn(Exchange) + Send + Sync) -> (Ending, String) {
        let (read, write) = rustix::pipe::pipe().unwrap();
        rustix::io::write(&write, body).unwrap();
        drop(write);
        let (result, output) = rustix::pipe::pipe().unwrap();
        let environment = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let streams = Streams::new(Some(read), output);
        let ending = serve(&Answering(answer), environment, streams, &options());
        (ending, read_all(result))
    }

    fn read_all(descriptor: OwnedFd) -> String {
        let mut text = String::new();
        File::from(descriptor).read_to_string(&mut text).unwrap();
        text
    }

    /// Sends the body back.
    fn echo(mut exchange: Exchange) {
        exchange.start(&Response::new(200), BodyLength::Unknown).unwrap();
        loop {
            let data = exchange.buffered().to_vec();
            exchange.consume(data.len());
            exchange.write(&data);
            match exchange.fill() {
                Ok(true) => {}
                Ok(false) => return exchange.finish(),
                Err(error) => return exchange.fail(error),
            }
        }
    }

    #[test]
    fn a_request_comes_from_the_environment_and_goes_to_the_output() {
        let variables = [("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "5"), ("SCRIPT_NAME", "/a.cgi")];
        let (ending, text) = run(&variables, b"hello, and more", |exchange| {
            assert_eq!((exchange.request().script_name(), exchange.request().path_info()), (&b"/a.cgi"[..], &b""[..]));
            echo(exchange);
        });
        assert_eq!((ending, text.as_str()), (Ending::Complete, "Status: 200 OK\r\n\r\nhello"));
    }

    #[test]
    fn a_chunked_body_has_a_length_when_the_application_is_called() {
        for body in [&b"short"[..], b"longer than the buffer"] {
            let variables = [("REQUEST_METHOD", "POST"), ("HTTP_TRANSFER_ENCODING", "chunked")];
            let (ending, text) = run(&variables, body, |exchange| {
                assert_eq!(exchange.request().content_length, Some(body.len() as u64));
                echo(exchange);
            });
            assert_eq!(ending, Ending::Complete);
            assert!(text.ends_with(std::str::from_utf8(body).unwrap()), "{text}");
        }
    }

    #[test]
    fn without_a_length_and_without_chunks_there_is_no_body() {
        let (_, text) = run(&[("REQUEST_METHOD", "GET")], b"not meant", echo);
        assert_eq!(text, "Status: 200 OK\r\n\r\n");
    }

    #[test]
    fn what_is_no_request_is_refused_before_the_application() {
        let unwanted = |_: Exchange| panic!("the application was called");
        let (ending, text) = run(&[], b"", unwanted);
        assert_eq!(ending, Ending::Complete);
        assert!(text.starts_with("Status: 400 Bad Request\r\n"), "{text}");
        for (name, value) in [("CONTENT_LENGTH", "1001"), ("HTTP_TRANSFER_ENCODING", "chunked")] {
            let (_, text) = run(&[("REQUEST_METHOD", "POST"), (name, value)], &[b'x'; 1001], unwanted);
            assert!(text.starts_with("Status: 413 "), "{text}");
        }
    }

    #[test]
    fn a_body_that_is_cut_ends_in_a_broken_response() {
        let (ending, text) = run(&[("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "9")], b"hello", echo);
        assert_eq!((ending, text.as_str()), (Ending::Broken, ""));
    }

    #[test]
    fn a_response_that_falls_short_of_its_promise_is_broken() {
        let (ending, text) = run(&[("REQUEST_METHOD", "GET")], b"", |mut exchange| {
            exchange.start(&Response::new(200), BodyLength::Known(5)).unwrap();
            exchange.write(b"1234");
            exchange.wait().unwrap();
            exchange.finish();
        });
        assert_eq!((ending, text.as_str()), (Ending::Broken, "Status: 200 OK\r\nContent-Length: 5\r\n\r\n1234"));
    }

    #[test]
    fn the_answer_to_head_has_no_body() {
        let (ending, text) = run(&[("REQUEST_METHOD", "HEAD")], b"", |exchange| {
            exchange.respond(&Response::new(200), b"12345");
        });
        assert_eq!((ending, text.as_str()), (Ending::Complete, "Status: 200 OK\r\nContent-Length: 5\r\n\r\n"));
    }

    #[test]
    fn a_program_whose_output_nobody_parses_answers_as_a_server() {
        let name = ("SCRIPT_FILENAME", "/srv/nph-a.cgi");
        let (_, text) = run(&[("REQUEST_METHOD", "GET"), name], b"", |exchange| {
            exchange.respond(&Response::new(200), b"12345");
        });
        assert_eq!(text, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n12345");
        let (_, text) = run(&[name], b"", |_: Exchange| panic!("the application was called"));
        assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"), "{text}");
        let (result, output) = rustix::pipe::pipe().unwrap();
        refuse(Streams::new(None, output), 500, [(name.0.into(), name.1.into())], Duration::from_secs(20));
        assert!(read_all(result).starts_with("HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n"));
    }

    #[test]
    fn a_failure_before_the_response_is_a_plain_answer_and_after_it_a_break() {
        let (ending, text) = run(&[("REQUEST_METHOD", "GET")], b"", |exchange| {
            exchange.fail(Error::application("it raised"));
        });
        assert_eq!(ending, Ending::Complete);
        assert!(text.starts_with("Status: 500 ") && !text.contains("raised"), "{text}");
        let (ending, _) = run(&[("REQUEST_METHOD", "GET")], b"", |mut exchange| {
            exchange.start(&Response::new(200), BodyLength::Unknown).unwrap();
            exchange.fail(Error::application("it raised"));
        });
        assert_eq!(ending, Ending::Broken);
    }

    #[test]
    fn an_exchange_that_is_dropped_breaks_the_response() {
        let (ending, text) = run(&[("REQUEST_METHOD", "GET")], b"", drop);
        assert_eq!((ending, text.as_str()), (Ending::Broken, ""));
    }

    #[test]
    fn whoever_answers_later_is_waited_for() {
        let (ending, text) = run(&[("REQUEST_METHOD", "GET")], b"", |exchange| {
            std::thread::spawn(move || exchange.respond(&Response::new(404), b""));
        });
        assert_eq!(ending, Ending::Complete);
        assert!(text.starts_with("Status: 404 "), "{text}");
    }

    #[test]
    fn a_web_server_that_is_gone_is_noticed_by_the_application() {
        let (result, output) = rustix::pipe::pipe().unwrap();
        drop(result);
        let answer = Answering(|mut exchange: Exchange| {
            exchange.start(&Response::new(200), BodyLength::Unknown).unwrap();
            exchange.write(b"x");
            assert!(exchange.must_wait() && exchange.wait().unwrap_err().is_disconnect());
            assert!(exchange.peer_error().is_some() && exchange.flush().is_err());
            exchange.fail(Error::application("the application was interrupted"));
        });
        let environment = [("REQUEST_METHOD".into(), "GET".into())];
        assert_eq!(serve(&answer, environment, Streams::new(None, output), &options()), Ending::Broken);
    }
}
