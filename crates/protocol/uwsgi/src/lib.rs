//! The uwsgi protocol (uwsgi-docs, "The uwsgi Protocol"): a packet of variables, then the body; the response is that of
//! HTTP without framing of its own and ends with the connection. No I/O and no clock.
//!
//! ```text
//! packet = modifier1 size(2) modifier2 block        ; numbers of two bytes have the lower one first
//! block  = *( length(2) name length(2) value )      ; size bytes
//! ```
//!
//! The server's side: [`receive`] takes what has arrived until the packet is whole; the body is
//! [`RequestHead::content_length`] bytes after it. The client's side: [`RequestHeadEncoder`]. The response is the affair
//! of `millau_cgi`, with a status line.
//!
//! What the protocol calls an error is refused with a [`Violation`], after which the connection must close. Nothing in a
//! request ever loads code: see [`is_instruction`].

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod instruction;
mod limits;
mod packet_header;
mod pairs;
mod received;
mod request_head_encoder;
mod violation;

pub use instruction::is_instruction;
pub use limits::Limits;
pub use packet_header::PONG;
pub use pairs::Pairs;
pub use received::{Received, RequestHead, receive};
pub use request_head_encoder::{EncodeError, RequestHeadEncoder};
pub use violation::Violation;
