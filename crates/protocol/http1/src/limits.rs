//! How much a peer may send.

/// The limits of one request. All of them hold before memory is taken for what they limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head: request line and fields with all line ends, and the empty line before them if there is one.
    pub head_size: usize,
    /// Bytes of a request target (RFC 9112 §3 recommends at least 8000 for the request line).
    pub target_size: usize,
    /// Field lines of a head.
    pub fields: usize,
    /// Bytes of a body, after decoding; `u64::MAX` for any number.
    pub body_size: u64,
    /// Bytes of one chunk-size line with its extensions, without its line end. No setting: honest senders need about ten.
    pub chunk_line: usize,
    /// Bytes of chunk extensions in a whole body: without this limit, chunks of one byte would carry many times their own
    /// weight (RFC 9112 §7.1.1).
    pub chunk_extensions: usize,
    /// Bytes of a trailer section with all line ends. No setting: trailers are read and dropped, so nobody misses one.
    pub trailer_size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_size: 65_536,
            target_size: 16_384,
            fields: 100,
            body_size: 1 << 30,
            chunk_line: 256,
            chunk_extensions: 16_384,
            trailer_size: 8_192,
        }
    }
}
