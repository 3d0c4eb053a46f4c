//! The error log and the access log.
//!
//! The error log is where the `log` facade leads to: one line per message, written with one `write(2)` to a file opened
//! for appending, so that the lines of several processes do not mix. The access log has a line per request, in a form that
//! a client cannot forge: whatever it sends is escaped.
//!
//! Both keep the standard streams that they write to under numbers of their own, and may be used by many threads at once, and in a process that was forked while others were writing.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod access_log;
mod apache;
#[cfg(test)]
mod directory;
mod error_log;
mod ip_address;
mod json;
mod record;
mod sink;
mod stamp;
mod standard_streams;

pub use access_log::AccessLog;
pub use error_log::{ErrorLog, install, reopen};
pub use millau_config::{AccessLogFormat, LogTarget};
pub use record::{Outcome, Record};
pub use sink::LogError;
pub use standard_streams::{off_standard_streams, open_closed_standard_streams, write_to_stderr};
