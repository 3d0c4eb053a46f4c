//! What is wrong with the output of a CGI program, precisely enough to say which line to mend.

use std::fmt;

use millau_gateway::Error;

/// What is wrong with the output of a CGI program; the program is at fault, and the client gets a 500.
///
/// Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The program has ended and has written nothing.
    Empty,
    /// The output begins with a byte order mark (EF BB BF), mostly that of the script file.
    ByteOrderMark,
    /// The output begins with a status line of HTTP, as only the output of `nph-` programs does (RFC 3875 §5).
    StatusLine(Quote),
    /// The output begins with an empty line, so that there is no header (RFC 3875 §6.2).
    BlankLineFirst,
    /// The first line of the output is no header line: a message or a traceback, say, came before the header.
    OutputBeforeHeader(Quote),
    /// A header line is continued on the next one, which begins with white space (RFC 3875 §6.3).
    Folded {
        /// The line that begins with white space.
        line: usize,
    },
    /// White space stands between a name and its colon (RFC 3875 §6.3).
    SpaceBeforeColon {
        /// Where.
        line: usize,
        /// The name.
        name: Quote,
    },
    /// The empty line that ends the header is missing (RFC 3875 §6.2): a line that is no header line follows the header,
    /// or the output ends.
    NoBlankLine {
        /// The line that is no header line; the last line where the output ends.
        line: usize,
        /// What stands there; nothing where the output ends.
        found: Option<Quote>,
    },
    /// A control character in the value of a field: a CR or LF that came in with data forges fields.
    ControlCharacter {
        /// Where.
        line: usize,
        /// The field's name.
        name: Quote,
    },
    /// A field that may stand there once stands there again (RFC 3875 §6.3).
    Repeated {
        /// The second one.
        line: usize,
        /// Its name.
        name: &'static str,
    },
    /// Status is not three digits, from 200 on, and a reason (RFC 3875 §6.3.3).
    BadStatus(Quote),
    /// Location is empty (RFC 3875 §6.3.2).
    EmptyLocation,
    /// Content-Length is no decimal number.
    BadContentLength(Quote),
    /// There is a body and no Content-Type (RFC 3875 §6.3.1); or none of the fields that make a CGI response (§6.3).
    MissingContentType,
    /// The header is larger than the limit, in bytes.
    HeadTooLarge {
        /// The limit.
        limit: usize,
    },
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the output of the CGI program ")?;
        match self {
            Self::Empty => {
                f.write_str("is empty: it ended without writing anything; see what it wrote to its error output")
            }
            Self::ByteOrderMark => {
                f.write_str("begins with a byte order mark; save the script as UTF-8 without a byte order mark")
            }
            Self::StatusLine(found) => write!(
                f,
                "begins with the status line {found}; write a Status field instead, or let the program's name begin \
                 with nph-"
            ),
            Self::BlankLineFirst => {
                f.write_str("begins with an empty line, so it has no header; write Content-Type before anything else")
            }
            Self::OutputBeforeHeader(found) => write!(
                f,
                "does not begin with a header line but with {found}; write Content-Type and an empty line before \
                 anything else"
            ),
            Self::Folded { line } => write!(
                f,
                "has white space at the beginning of line {line}, which is in the header; write each field on one line"
            ),
            Self::SpaceBeforeColon { line, name } => {
                write!(f, "has white space between {name} and its colon in line {line}; take it out")
            }
            Self::NoBlankLine { line, found: Some(found) } => write!(
                f,
                "has no empty line after its header: line {line} is {found}; write an empty line before the body"
            ),
            Self::NoBlankLine { line, found: None } => {
                write!(f, "ends in its header, with line {line}; write an empty line after the header")
            }
            Self::ControlCharacter { line, name } => write!(
                f,
                "has a control character in the value of {name} in line {line}; never put data into a header unchecked"
            ),
            Self::Repeated { line, name } => write!(f, "has a second {name} in line {line}; write it once"),
            Self::BadStatus(found) => {
                write!(f, "has the status {found}; write three digits from 200 on and a reason, as in 404 Not Found")
            }
            Self::EmptyLocation => f.write_str("has an empty Location; name a URL or a path that begins with /"),
            Self::BadContentLength(found) => {
                write!(f, "has the Content-Length {found}; write one decimal number, or leave it out")
            }
            Self::MissingContentType => f.write_str("has no Content-Type; write one before the empty line"),
            Self::HeadTooLarge { limit } => {
                write!(f, "has a header of more than {limit} bytes; is the empty line between header and body missing?")
            }
        }
    }
}

impl std::error::Error for Defect {}

impl From<Defect> for Error {
    fn from(defect: Defect) -> Self {
        Self::application(defect.to_string())
    }
}

/// A piece of the output, made fit to be shown: cut, and without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote(String);

impl Quote {
    /// Bytes that are shown of a line.
    const SIZE: usize = 80;

    pub(crate) fn of(line: &[u8]) -> Self {
        let shown = &line[..line.len().min(Self::SIZE)];
        let mut text = String::from_utf8_lossy(shown).replace(char::is_control, "\u{fffd}");
        if shown.len() < line.len() {
            text.push('…');
        }
        Self(text)
    }

    /// Without quotation marks.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millau_gateway::Fault;

    #[test]
    fn a_defect_is_the_programs_fault_and_says_what_to_do() {
        let error = Error::from(Defect::OutputBeforeHeader(Quote::of(b"Hello\x07")));
        assert_eq!((error.fault(), error.status()), (Fault::Application, 500));
        assert_eq!(
            error.message(),
            "the output of the CGI program does not begin with a header line but with \"Hello\u{fffd}\"; write \
             Content-Type and an empty line before anything else"
        );
    }

    #[test]
    fn a_quote_is_short() {
        let quote = Quote::of(&[b'a'; 1000]);
        assert_eq!(quote.as_str().chars().count(), Quote::SIZE + 1);
        assert_eq!(Quote::of("Grüße".as_bytes()).to_string(), "\"Grüße\"");
    }
}
