//! `millau-relay`: a CGI program that hands its request to a Millau that stays running, so that a web server that can do
//! nothing but start programs gets the speed of a server.
//!
//! ```text
//! web server ── relay (one per request) ── SCGI over a UNIX socket ── millau serve (started when it is missing)
//! ```
//!
//! It is the interpreter of a script whose other lines are a command line of Millau (`millau_config::script_words`); it does
//! not read them: `millau serve SCRIPT` does, and so does `millau cgi SCRIPT`, to which it gives way where no server can be
//! reached or started. Responses over SCGI are those of CGI, so they pass untouched,
//! but for the first line where the script's name begins with `nph-`.
//!
//! It is started anew for each request, so what it links is what it needs.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod answer;
mod first_line;
mod invocation;
mod place;
mod pump;
mod request;
mod server;

use std::fmt::Display;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use invocation::Invocation;
use place::Place;
use pump::Outcome;
use request::Request;
use server::Server;

/// Apache counts a response whose end it sees together with its bytes, and corrects the length that was promised. So the end of
/// one that is cut comes this much later: what came before has been passed on by then, with a length that it does not have.
const BEFORE_A_CUT: Duration = Duration::from_millis(100);
/// A request is handed over again after so many ends of a server that had not answered.
const TRIES: usize = 3;

fn main() -> ExitCode {
    let invocation = match Invocation::read(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(usage) => {
            eprintln!("{usage}");
            return ExitCode::from(2);
        }
    };
    let mut request = match Request::read(std::env::vars_os()) {
        Ok(request) => request,
        Err(refusal) => {
            say(refusal.why);
            return answer::write(refusal.status, false, refusal.is_nph);
        }
    };
    match relay(&invocation, &mut request) {
        Ok(code) => code,
        Err(why) => {
            say(format_args!("{why}; the request is answered by a process of its own"));
            give_way(&invocation, request)
        }
    }
}

/// Hands the request over. An error is why no server could take it.
fn relay(invocation: &Invocation, request: &mut Request) -> Result<ExitCode, String> {
    let place = Place::of(&invocation.script)?;
    let mut server = Server::new(invocation, &place);
    for _ in 0..TRIES {
        let connection = server.connect()?;
        match pump::pump(connection, request) {
            Outcome::Whole => return Ok(ExitCode::SUCCESS),
            Outcome::Cut => {
                say(format_args!("the server broke off in the middle of its response to {request}"));
                std::thread::sleep(BEFORE_A_CUT);
                return Ok(ExitCode::FAILURE);
            }
            Outcome::PeerGone => return Ok(ExitCode::FAILURE),
            Outcome::Died => {
                let log = place.log.display();
                say(format_args!("the server ended while it answered {request}; its log is {log}"));
                return Ok(answer::write(502, request.is_head(), request.is_nph()));
            }
            Outcome::NotTaken => server.lost()?,
        }
    }
    Err("the server ends again and again before it takes a request".to_owned())
}

/// Becomes `millau cgi`, which answers by itself.
fn give_way(invocation: &Invocation, request: Request) -> ExitCode {
    let (is_head, is_nph) = (request.is_head(), request.is_nph());
    let mut command = Command::new(&invocation.millau);
    command.arg("cgi").arg(&invocation.script);
    match request.into_input() {
        Ok(None) => {}
        Ok(Some((file, length))) => {
            command.stdin(file).env("CONTENT_LENGTH", length.to_string()).env_remove("HTTP_TRANSFER_ENCODING");
        }
        Err(error) => {
            say(format_args!("the request's body cannot be kept: {error}"));
            return answer::write(500, is_head, is_nph);
        }
    }
    let error = command.exec();
    say(format_args!("cannot start {}: {error}", invocation.millau.display()));
    answer::write(500, is_head, is_nph)
}

/// To the web server's error log.
fn say(what: impl Display) {
    eprintln!("millau-relay: {what}");
}
