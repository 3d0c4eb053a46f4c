//! The options of a Connection field (RFC 9110 §7.6.1).

use crate::token::{is_same, trim};

/// What the Connection fields of one message say, taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// It ends after this message.
    pub close: bool,
    /// It stays after this message.
    pub keep_alive: bool,
    /// Something else, such as the name of a field that is meant for this connection alone.
    pub other: bool,
}

impl ConnectionOptions {
    /// Adds one field's list. Options compare without case, and empty elements do not count (RFC 9110 §5.6.1.2).
    pub fn add(&mut self, value: &[u8]) {
        if is_same(value, b"keep-alive") {
            self.keep_alive = true;
            return;
        }
        for option in value.split(|byte| *byte == b',').map(trim) {
            match option.len() {
                0 => {}
                5 if is_same(option, b"close") => self.close = true,
                10 if is_same(option, b"keep-alive") => self.keep_alive = true,
                _ => self.other = true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_fields_are_one_list() {
        let mut options = ConnectionOptions::default();
        options.add(b"Keep-Alive, ,\tX");
        assert_eq!(options, ConnectionOptions { close: false, keep_alive: true, other: true });
        options.add(b"CLOSE");
        assert!(options.close);
        let mut options = ConnectionOptions::default();
        options.add(b"closed,keep alive");
        assert_eq!(options, ConnectionOptions { close: false, keep_alive: false, other: true });
    }
}
