//! How much a front server may send.

/// The limits of one request. All of them hold before memory is taken for what they limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the variables. The packet cannot carry more than 65535.
    pub block_size: usize,
    /// Variables.
    pub pairs: usize,
    /// Bytes of a body; `u64::MAX` for any number.
    pub body_size: u64,
}

impl Default for Limits {
    fn default() -> Self {
        // A front server adds some thirty variables to what the client has sent.
        Self { block_size: 65_535, pairs: 1_000, body_size: 1 << 30 }
    }
}
