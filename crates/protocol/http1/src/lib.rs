//! HTTP/1.1 and HTTP/1.0 on the wire (RFC 9112): bytes to a [`Request`](millau_gateway::Request), a
//! [`Response`](millau_gateway::Response) to bytes. No I/O and no clock: a connection feeds what it has received and sends
//! what it is given.
//!
//! The way of a request:
//! 1. [`receive_request_head`] takes what has arrived until the head is whole, checks it and fills the request. (Its parts
//!    are [`HeadEnd::find`], [`hopeless`], [`head_too_large`] and [`parse_request_head`].)
//! 2. [`BodyDecoder::decode`] takes the body off the wire.
//!
//! The way of a response: [`encode_response_head`], then the body as the [`BodyEncoding`] demands, in chunks by
//! [`encode_chunk_prefix`] if need be.
//!
//! What the RFC calls an error is refused with a [`Refusal`], after which the connection must close: nobody can know where
//! the next request would begin. Nothing is ever repaired, because whoever repairs differently sees different requests
//! (request smuggling, RFC 9112 §11.2).

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod body;
mod chunk;
mod chunked;
mod diagnosis;
mod error_response;
mod framing;
mod head_end;
mod host;
mod limits;
mod refusal;
mod request_head;
mod response_head;

pub use body::{BodyDecoder, Decoded};
pub use chunk::{CHUNK_END, LAST_CHUNK, encode_chunk_prefix};
pub use error_response::encode_error;
pub use framing::Framing;
pub use head_end::{HeadEnd, head_too_large, hopeless, is_blank};
pub use limits::Limits;
pub use refusal::Refusal;
pub use request_head::{RequestHead, parse_request_head, receive_request_head};
pub use response_head::{BodyEncoding, CONTINUE, ResponseHead, encode_response_head};
