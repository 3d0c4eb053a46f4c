//! Where log lines go, and what an access log line looks like.

use std::path::PathBuf;

/// Where a log is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard output: `-` for the access log.
    Stdout,
    /// Standard error: `-` for the error log.
    Stderr,
    /// A file, which is appended to.
    File(PathBuf),
}

/// The form of a line in the access log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// The Common Log Format: `%h %l %u %t "%r" %>s %b`.
    Common,
    /// The common format, then Referer and User-Agent.
    #[default]
    Combined,
    /// One JSON object per line.
    Json,
}
