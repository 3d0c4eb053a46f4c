//! The front of a process that is a CGI program (RFC 3875): one request from the environment and standard input, its
//! response to standard output. It has no reactor and no threads; what it waits for, it waits for outside of the calls
//! that the gateway promises not to wait in.
//!
//! ```text
//! environment ─┐
//! descriptor 0 ┴─ Streams, serve ── Application ── Streams ── descriptor 1
//! ```
//!
//! It knows nothing of HTTP: what the web server says about the request are variables, and the response has CGI's form.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod exchange;
mod input;
mod interrupt;
mod output;
mod serve;
mod streams;

pub use interrupt::{interrupt, is_interrupt_heard};
pub use serve::{Ending, Options, refuse, serve};
pub use streams::Streams;
