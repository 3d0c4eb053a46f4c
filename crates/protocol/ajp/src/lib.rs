//! AJP/1.3 on the wire, as its description (`ajpv13a` of the Tomcat connectors) has it and as mod_proxy_ajp, mod_jk,
//! lighttpd and Tomcat speak it: packets to a [`Request`](millau_gateway::Request), a
//! [`Response`](millau_gateway::Response) to packets, and the other way round. No I/O and no clock: a connection feeds
//! what it has received and sends what it is given.
//!
//! In the words of the description, the *web server* is the front server and the *container* is what runs applications.
//! Requests are not multiplexed: a connection carries one after the other.
//!
//! **The container's side.** [`RequestDecoder::receive`] takes packets, split anywhere. A request is filled as soon as its
//! packet is whole. The first packet of a body comes by itself if Content-Length is above 0; every further one must be
//! asked for: [`RequestDecoder::wants_body_chunk`], [`RequestDecoder::ask_body_chunk`]. The response is
//! [`encode_send_headers`], then per piece of the body [`encode_body_chunk_prefix`], the data and [`BODY_CHUNK_END`], then
//! [`end_response`] and [`RequestDecoder::finish`].
//!
//! **The web server's side.** [`encode_forward_request`], [`encode_body_prefix`], [`CPING`]; [`ResponseDecoder::receive`].
//!
//! What breaks the protocol is a [`Violation`], after which the connection must close: nobody can know what the bytes that
//! follow were meant to be.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod attribute;
mod body_packet;
mod cping;
mod cpong;
mod data_types;
mod encode_error;
mod end_response;
mod error_response;
mod field_name;
mod field_text;
mod forward_request;
mod get_body_chunk;
mod method;
mod options;
mod packet;
mod req_uri;
mod request_decoder;
mod response_decoder;
mod secret;
mod send_body_chunk;
mod send_headers;
mod shutdown;
mod violation;

pub use body_packet::{EMPTY_BODY, encode_body_prefix, max_body_data};
pub use cping::CPING;
pub use cpong::CPONG;
pub use encode_error::EncodeError;
pub use end_response::end_response;
pub use error_response::encode_error;
pub use forward_request::encode_forward_request;
pub use get_body_chunk::encode_get_body_chunk;
pub use options::{Limits, Options, ReqUri};
pub use request_decoder::{RequestDecoder, RequestEvent};
pub use response_decoder::{ResponseDecoder, ResponseEvent};
pub use send_body_chunk::{BODY_CHUNK_END, FLUSH, encode_body_chunk_prefix, max_body_chunk};
pub use send_headers::{SendHeaders, encode_send_headers};
pub use violation::Violation;
