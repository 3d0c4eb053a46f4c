//! What can be wrong with a page, and where.

use std::fmt;

/// One thing that is wrong with a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `<%` without `%>`, or `<%--` without `--%>`; the text is what must follow.
    Unterminated(&'static str),
    /// `<%= %>` with nothing in it.
    EmptyExpression,
    /// A directive that is not `include file="..."`.
    Directive,
    /// Files that include one another for ever, or more of them than any page needs.
    TooManyIncludes,
    /// A statement that opens a block, on one line with `<%`: where the block ends could not be said.
    BlockOnOneLine,
    /// Code that is not UTF-8. (Text may be anything: it is sent as it is.)
    Encoding,
    /// A NUL in code, which Python does not read.
    Nul,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unterminated(end) => write!(f, "what begins here is not ended: '{end}' is missing"),
            Self::EmptyExpression => f.write_str("there is no expression between '<%=' and '%>'"),
            Self::Directive => f.write_str("unknown directive: only <%@ include file=\"NAME\" %> is known"),
            Self::TooManyIncludes => f.write_str("too many includes: do the files include one another?"),
            Self::BlockOnOneLine => f.write_str(
                "a statement that opens a block must begin on a line of its own: put a line break after '<%'",
            ),
            Self::Encoding => f.write_str("the code is not UTF-8"),
            Self::Nul => f.write_str("the code holds a NUL character"),
        }
    }
}

/// A [`Fault`] and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageError {
    /// The path of the page or of the included file.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// Bytes before the place in its line.
    pub column: u32,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.path, self.line, self.fault)
    }
}

impl std::error::Error for PageError {}

/// Why a page could not be translated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure<E> {
    /// The page is wrong.
    Page(PageError),
    /// An included file could not be had.
    Include {
        /// The path of the file with the directive.
        path: String,
        /// The line of the directive, from 1.
        line: u32,
        /// The name in the directive.
        name: String,
        /// What the caller said.
        cause: E,
    },
}
