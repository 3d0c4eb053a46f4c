//! `millau-relay`: a CGI program that hands its request to a Millau that stays running, so that a web server that can do
//! nothing but start programs gets the speed of a server.
//!
//! ```text
//! web server ── relay (one per request) ── SCGI over a UNIX socket ── millau serve (started when it is missing)
//! ```
//!
//! It is the interpreter of a script whose other lines are a command line of Millau (`millau_config::script_words`); it does
//! not read them: `millau serve SCRIPT` does, and so does `millau cgi SCRIPT`, to which it gives way where no server can be
//! reached or started. Responses over SCGI are those of CGI, so they pass untouched, but for the first line where the script's
//! name begins with `nph-`.
//!
//! It is started anew for each request, and what a dynamic linker and the libraries' own beginnings take is most of the life of
//! such a program. So it uses `core`, `alloc` and system calls only, and on x86-64 it ships *bare* (the feature of that name): no
//! C library, no standard library, one static executable. Elsewhere, and in tests, the standard library starts it.

#![cfg_attr(feature = "bare", no_std, no_main)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

extern crate alloc;

mod answer;
mod environment;
#[cfg(feature = "bare")]
mod farewell;
mod first_line;
mod invocation;
mod place;
mod process;
mod promise;
mod pump;
mod request;
mod server;
#[cfg(feature = "bare")]
mod start;
mod streams;
mod system_call;
mod text;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Display;
use core::time::Duration;

use environment::Environment;
use invocation::Invocation;
use place::Place;
use process::{Command, pause};
use pump::Outcome;
use request::Request;
use server::Server;
use streams::write_all;
use text::{Reason, Shown};

const SUCCESS: i32 = 0;
const FAILURE: i32 = 1;
const USAGE: i32 = 2;

/// Apache counts a response whose end it sees together with its bytes, and corrects the length that was promised. So the end of
/// one that is cut comes this much later: what came before has been passed on by then, with a length that it does not have.
const BEFORE_A_CUT: Duration = Duration::from_millis(100);
/// A request is handed over again after so many ends of a server that had not answered.
const TRIES: usize = 3;

#[cfg(not(feature = "bare"))]
fn main() {
    use std::os::unix::ffi::OsStringExt as _;
    let leaked = |word: std::ffi::OsString| &*word.into_vec().leak();
    let variable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        &*[name.into_vec(), b"=".to_vec(), value.into_vec()].concat().leak()
    };
    let status = run(std::env::args_os().map(leaked).collect(), std::env::vars_os().map(variable).collect());
    std::process::exit(status);
}

/// Answers one request and gives the exit status. `variables` are `NAME=value`.
fn run(arguments: Vec<&'static [u8]>, variables: Vec<&'static [u8]>) -> i32 {
    system_call::ignore_broken_pipes();
    let environment = Environment::new(variables);
    let invocation = match Invocation::read(&arguments) {
        Ok(invocation) => invocation,
        Err(usage) => {
            complain(usage);
            return USAGE;
        }
    };
    let mut request = match Request::read(&environment) {
        Ok(request) => request,
        Err(refusal) => {
            say(refusal.why);
            return answer::write(refusal.status, false, refusal.is_nph);
        }
    };
    match relay(&invocation, &environment, &mut request) {
        Ok(status) => status,
        Err(why) => {
            say(format_args!("{why}; the request is answered by a process of its own"));
            give_way(&invocation, &environment, request)
        }
    }
}

/// Hands the request over. An error is why no server could take it.
fn relay(invocation: &Invocation, environment: &Environment, request: &mut Request) -> Result<i32, String> {
    let place = Place::of(&invocation.script, environment)?;
    let mut server = Server::new(invocation, environment, &place);
    for _ in 0..TRIES {
        let connection = server.connect()?;
        match pump::pump(connection, request) {
            Outcome::Whole => {
                #[cfg(feature = "bare")]
                farewell::prepare(streams::output());
                return Ok(SUCCESS);
            }
            Outcome::Cut => {
                say(format_args!("the server broke off in the middle of its response to {request}"));
                pause(BEFORE_A_CUT);
                return Ok(FAILURE);
            }
            Outcome::PeerGone => return Ok(FAILURE),
            Outcome::Died => {
                let log = Shown(&place.log);
                say(format_args!("the server ended while it answered {request}; its log is {log}"));
                return Ok(answer::write(502, request.is_head(), request.is_nph()));
            }
            Outcome::NotTaken => server.lost()?,
        }
    }
    Err("the server ends again and again before it takes a request".to_owned())
}

/// Becomes `millau cgi`, which answers by itself.
fn give_way(invocation: &Invocation, environment: &Environment, request: Request) -> i32 {
    let (is_head, is_nph) = (request.is_head(), request.is_nph());
    let millau = match invocation.millau() {
        Ok(millau) => millau,
        Err(why) => {
            say(why);
            return answer::write(500, is_head, is_nph);
        }
    };
    let mut variables = environment.all().to_vec();
    let length;
    let input = match request.into_input() {
        Ok(None) => None,
        Ok(Some((file, bytes))) => {
            length = format!("CONTENT_LENGTH={bytes}").into_bytes();
            variables.retain(|variable| {
                !variable.starts_with(b"CONTENT_LENGTH=") && !variable.starts_with(b"HTTP_TRANSFER_ENCODING=")
            });
            variables.push(&length);
            Some(file)
        }
        Err(error) => {
            say(format_args!("the request's body cannot be kept: {}", Reason(error)));
            return answer::write(500, is_head, is_nph);
        }
    };
    let command = Command::new(&millau, &[b"cgi", &invocation.script], &variables);
    let error = process::replace(&command, input);
    say(format_args!("cannot start {}: {}", Shown(&millau), Reason(error)));
    answer::write(500, is_head, is_nph)
}

/// To the web server's error log.
fn say(what: impl Display) {
    complain(format_args!("millau-relay: {what}"));
}

/// A line on standard error.
fn complain(what: impl Display) {
    // Nobody is left who could be told if this fails.
    let _ = write_all(streams::errors(), format!("{what}\n").as_bytes());
}
