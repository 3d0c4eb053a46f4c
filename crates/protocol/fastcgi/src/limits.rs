//! How much a web server may send, and what it is told about how much it may ask.

/// The limits of one connection as the application. All of them hold before memory is taken for what they limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's PARAMS stream: names, values and their lengths.
    pub params_size: usize,
    /// Name-value pairs of a request.
    pub params: usize,
    /// Bytes of answers of the protocol itself that may wait to be sent: a peer that asks and does not read would fill the
    /// memory with them.
    pub replies_size: usize,
    /// What GET_VALUES tells as FCGI_MAX_CONNS. Whoever accepts connections keeps to it; the decoder does not count them.
    pub connections: u32,
    /// What GET_VALUES tells as FCGI_MAX_REQS.
    pub requests: u32,
}

impl Default for Limits {
    /// As much as front servers let through by default, several times over. `connections` and `requests` are for the
    /// caller to set.
    fn default() -> Self {
        Self { params_size: 262_144, params: 1_000, replies_size: 16_384, connections: 1, requests: 1 }
    }
}
