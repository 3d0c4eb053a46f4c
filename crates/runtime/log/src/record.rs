//! What the access log is told about a request.

use std::time::{Duration, SystemTime};

use millau_gateway::{Peer, Version};

/// How the exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The whole response was sent.
    Complete,
    /// The peer left before that.
    Disconnected,
    /// The peer did not move on within the limits.
    TimedOut,
    /// The response was cut: the application failed half-way, or the server stopped.
    Aborted,
}

impl Outcome {
    /// As the log has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Disconnected => "disconnected",
            Self::TimedOut => "timed-out",
            Self::Aborted => "aborted",
        }
    }
}

/// One request and what became of it. Bytes are as received; the log escapes them.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The other end of the connection.
    pub peer: Peer,
    /// The client in a trusted front server's words, which then is logged instead of `peer`.
    pub remote_addr: Option<&'a [u8]>,
    /// Who it was, if anybody found out.
    pub user: Option<&'a [u8]>,
    /// When the request was received.
    pub time: SystemTime,
    /// Empty where no request line could be read.
    pub method: &'a [u8],
    /// As received.
    pub target: &'a [u8],
    /// The client's version of HTTP.
    pub version: Version,
    /// The status that was sent; 0 where none was.
    pub status: u16,
    /// Bytes of the body that were sent, without framing.
    pub bytes_sent: u64,
    /// The Referer field.
    pub referer: Option<&'a [u8]>,
    /// The User-Agent field.
    pub user_agent: Option<&'a [u8]>,
    /// The host that was asked for.
    pub host: Option<&'a [u8]>,
    /// From the first byte of the request to the last of the response.
    pub duration: Duration,
    /// How it ended.
    pub outcome: Outcome,
}

/// A request as in the tests of the formats.
#[cfg(test)]
pub(crate) fn sample() -> Record<'static> {
    Record {
        peer: Peer::Inet("203.0.113.7:4711".parse().unwrap()),
        remote_addr: None,
        user: None,
        time: std::time::UNIX_EPOCH + Duration::from_millis(1_795_378_200_123),
        method: b"GET",
        target: b"/a?b=c",
        version: Version::Http11,
        status: 200,
        bytes_sent: 13,
        referer: Some(b"http://example.org/"),
        user_agent: Some(b"curl/8"),
        host: Some(b"example.org"),
        duration: Duration::from_micros(1234),
        outcome: Outcome::Complete,
    }
}
