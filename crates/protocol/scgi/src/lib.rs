//! SCGI (python.ca/scgi/protocol.txt): a request is the meta-variables of CGI in a netstring, then the body; the response
//! is a CGI response that ends with the connection. No I/O and no clock.
//!
//! ```text
//! request   = length ":" *( name NUL value NUL ) "," body
//! ```
//!
//! The server's side: [`receive_request_head`] takes what has arrived until the head is whole; the body is
//! [`RequestHead::content_length`] bytes after it, and what follows those does not count. The client's side:
//! [`RequestHeadEncoder`]. The response, both ways, is the affair of `millau_cgi`.
//!
//! What the protocol calls an error is refused with a [`Violation`], after which the connection must close.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod limits;
mod netstring;
mod pairs;
mod request_head;
mod request_head_encoder;
mod violation;

pub use limits::Limits;
pub use pairs::Pairs;
pub use request_head::{RequestHead, receive_request_head};
pub use request_head_encoder::{EncodeError, RequestHeadEncoder};
pub use violation::Violation;
