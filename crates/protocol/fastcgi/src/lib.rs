//! FastCGI 1.0 on the wire, both roles: records to events, and what is to be sent to records. No I/O and no clock: a
//! connection feeds what it has received and sends what it is given. Sections (§) are those of the FastCGI Specification,
//! version 1.0 (Open Market, 1996).
//!
//! As the **application** (what a web server calls):
//! 1. [`RequestDecoder::receive`] is fed whatever has arrived and tells what it means: the parameters are complete, a piece
//!    of standard input, its end, an abort. What the protocol itself must answer it writes by itself.
//! 2. The response, a CGI document that this crate does not look into, goes out in STDOUT records
//!    ([`encode_stdout_header`], [`encode_stdout`], [`encode_stdout_end`]), what is for the log in STDERR records
//!    ([`encode_stderr`]), and [`encode_end_request`] ends it.
//! 3. [`RequestDecoder::request_ended`] makes the decoder ready for the next one.
//!
//! As the **web server** (who calls an application): [`encode_begin_request`], [`encode_params`], [`encode_stdin`] and
//! [`encode_stdin_end`] send a request; [`ResponseDecoder::receive`] takes the response apart.
//!
//! One connection carries one request at a time. A second one that begins meanwhile is refused with CANT_MPX_CONN (§5.5),
//! and no record of it is ever taken for one of the first. After a [`Violation`] the connection must close: nobody can know
//! where the next record would begin.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod abort_request;
mod begin_request;
mod end_request;
mod get_values;
mod get_values_result;
mod limits;
mod name_value;
mod params;
mod record;
mod record_reader;
mod request_decoder;
mod response_decoder;
mod response_violation;
mod stderr;
mod stdin;
mod stdout;
mod stream;
mod unknown_type;
mod violation;

pub use abort_request::encode_abort_request;
pub use begin_request::{BeginRequest, Role, encode_begin_request};
pub use end_request::{EndRequest, ProtocolStatus, encode_end_request};
pub use get_values::{Variable, encode_get_values};
pub use limits::Limits;
pub use name_value::{NameValuePairs, PairTooLong};
pub use params::encode_params;
pub use record::{RecordType, RequestId};
pub use request_decoder::{ActiveRequest, Event, Received, RequestDecoder};
pub use response_decoder::{ResponseDecoder, ResponseEvent, ResponseReceived};
pub use response_violation::ResponseViolation;
pub use stderr::{encode_stderr, encode_stderr_end};
pub use stdin::{encode_stdin, encode_stdin_end, encode_stdin_header};
pub use stdout::{encode_stdout, encode_stdout_end, encode_stdout_header, encode_stdout_of};
pub use stream::LONGEST_CONTENT;
pub use unknown_type::encode_unknown_type;
pub use violation::{OtherProtocol, Violation};
