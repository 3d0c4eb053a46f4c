//! The first line of a response: where the status stands.

use itoa::Buffer;

/// Where the status of a response stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstLine {
    /// `Status: 200 OK`, a field (RFC 3875 §6.3.3): CGI, FastCGI and SCGI.
    ///
    /// It stands there also when the RFC lets it be absent: a server that sees `Location` and no `Status` makes a
    /// redirect of its own (RFC 3875 §6.2.2 and §6.2.3).
    Status,
    /// `HTTP/1.1 200 OK` (RFC 9112 §4): uwsgi, whose responses are those of HTTP without framing of their own.
    StatusLine,
    /// The same, and `Connection: close`: what a program whose name begins with `nph-` writes goes to the client as it is,
    /// and ends with its connection (RFC 3875 §5).
    Nph,
}

impl FirstLine {
    /// Writes it to the end of `out`, and returns how many lines it is.
    pub(crate) fn encode(self, out: &mut Vec<u8>, status: u16, reason: &[u8]) -> usize {
        out.extend_from_slice(match self {
            Self::Status => b"Status: ",
            Self::StatusLine | Self::Nph => b"HTTP/1.1 ",
        });
        out.extend_from_slice(Buffer::new().format(status).as_bytes());
        out.push(b' ');
        out.extend_from_slice(reason);
        out.extend_from_slice(b"\r\n");
        if self != Self::Nph {
            return 1;
        }
        out.extend_from_slice(b"Connection: close\r\n");
        2
    }
}
