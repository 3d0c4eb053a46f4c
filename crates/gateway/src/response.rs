//! The head of a response, and the account of its body.

use crate::Fields;

/// Status, reason phrase and fields; the body follows through the [`Exchange`](crate::Exchange).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// 200 to 599; interim responses are the front's own affair.
    pub status: u16,
    /// The application's own words, without CR, LF or NUL; HTTP/1 passes them on as they are.
    pub reason: Vec<u8>,
    /// The fields, in order. Names are tokens, values are clean of CR, LF and NUL; hop-by-hop fields are the front's.
    pub fields: Fields,
}

impl Response {
    /// A response with the standard reason phrase of its status.
    ///
    /// ```
    /// assert_eq!(millau_gateway::Response::new(404).reason, b"Not Found");
    /// ```
    pub fn new(status: u16) -> Self {
        Self { status, reason: reason_phrase(status).as_bytes().to_vec(), fields: Fields::default() }
    }

    /// Makes it empty and keeps the memory.
    pub fn clear(&mut self) {
        self.status = 0;
        self.reason.clear();
        self.fields.clear();
    }

    /// True where the status forbids a body (RFC 9110 §6.4.1 and §15.3.6).
    pub fn forbids_body(&self) -> bool {
        matches!(self.status, 100..=199 | 204 | 205 | 304)
    }
}

/// The phrase that goes with a final status (RFC 9110 §15 and the registry of status codes); `Unknown` for one that is not registered.
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => "Unknown",
    }
}

/// What is known of the length of a response body when its head is sent, apart from what the fields say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// Exactly so many bytes follow.
    Known(u64),
    /// The end comes when it comes.
    Unknown,
}

/// The account of a body whose length was promised: nothing beyond it is sent, and less is a failure that must show.
///
/// ```
/// use millau_gateway::Tally;
/// let mut tally = Tally::promised(3);
/// assert_eq!(tally.admit(2), 2);
/// assert_eq!(tally.admit(2), 1); // one byte too many is cut off
/// assert!(tally.is_complete() && tally.excess() == 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    promised: Option<u64>,
    admitted: u64,
    excess: u64,
}

impl Tally {
    /// For a body that must have exactly `length` bytes.
    pub fn promised(length: u64) -> Self {
        Self { promised: Some(length), ..Self::default() }
    }

    /// For a body of any length.
    pub fn open() -> Self {
        Self::default()
    }

    /// How many of the next `length` bytes may be sent; they count as sent.
    pub fn admit(&mut self, length: u64) -> u64 {
        let room = self.promised.map_or(u64::MAX, |promised| promised - self.admitted);
        let admitted = length.min(room);
        self.admitted += admitted;
        self.excess += length - admitted;
        admitted
    }

    /// False while promised bytes are missing.
    pub fn is_complete(&self) -> bool {
        self.promised.is_none_or(|promised| promised == self.admitted)
    }

    /// Bytes that went beyond the promise.
    pub fn excess(&self) -> u64 {
        self.excess
    }

    /// Bytes that were admitted so far.
    pub fn admitted(&self) -> u64 {
        self.admitted
    }

    /// What was promised.
    pub fn promise(&self) -> Option<u64> {
        self.promised
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_tally_admits_all() {
        let mut tally = Tally::open();
        assert_eq!(tally.admit(u64::MAX / 2), u64::MAX / 2);
        assert!(tally.is_complete() && tally.excess() == 0);
    }

    #[test]
    fn statuses_without_a_body() {
        assert!([204, 205, 304].iter().all(|status| Response::new(*status).forbids_body()));
        assert!(!Response::new(200).forbids_body());
    }
}
