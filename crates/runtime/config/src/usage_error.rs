//! What is wrong with a command line or an environment, in one line.

use std::fmt;

/// A command line, or a variable in the environment, that cannot be obeyed. The process exits with 2.
///
/// Its text is one line that says where, what is wrong, and what to write instead; it has no "error:" before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError(String);

impl UsageError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}
