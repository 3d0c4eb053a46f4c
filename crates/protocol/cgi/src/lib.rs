//! Responses in the form of the Common Gateway Interface (RFC 3875 §6), both ways: what a CGI program prints and what
//! travels back over FastCGI, SCGI and uwsgi. No I/O and no clock.
//!
//! As the program: [`encode_response_head`], then the body as its [`BodyExtent`](millau_gateway::BodyExtent) says; or
//! [`encode_error`]. As the server: [`ResponseDecoder`] takes what the program has written.
//!
//! The request of a CGI program is its environment and its standard input: `millau_gateway::meta_variables` has the
//! variables both ways, and the body is exactly `CONTENT_LENGTH` bytes (RFC 3875 §4.2).
//!
//! The output of a program whose name begins with `nph-` is a whole HTTP response (RFC 3875 §5). It is not for the
//! decoder: the caller passes it to the client untouched.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod defect;
mod error_response;
mod first_line;
mod header_line;
mod response_decoder;
mod response_head;

pub use defect::{Defect, Quote};
pub use error_response::encode_error;
pub use first_line::FirstLine;
pub use response_decoder::{Kind, ReceivedHead, ResponseDecoder};
pub use response_head::{ResponseHead, encode_response_head};
