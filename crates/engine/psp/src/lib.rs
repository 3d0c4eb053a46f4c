//! Python Server Pages: from a page to Python source text, with a map that leads every piece of it back to the page.
//!
//! The language is that of mod_python's PSP: `<% code %>`, `<%= expression %>`, `<%@ include file="..." %>`, `<%-- remark --%>`.
//! Nothing here reads a file or knows an interpreter: included files come from the caller, and what the Python text means is
//! Python's own affair.

#![forbid(unsafe_code)]

mod error;
mod lexer;
mod literal;
mod translation;
mod writer;

pub use error::{Failure, Fault, PageError};
pub use translation::{Segment, Translation, translate};

/// A file that a page includes, as the caller found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// What the file is called in the map and in errors.
    pub path: String,
    /// Its contents.
    pub bytes: Vec<u8>,
}
