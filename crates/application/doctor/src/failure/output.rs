//! What was wrong with the output of a script.

use std::ffi::OsStr;
use std::path::Path;

use millau_cgi::Defect;

use crate::{Finding, Mend, Place, Problem};

/// The finding for a defect that the decoder of CGI responses has met.
pub(super) fn finding(script: &Path, defect: &Defect) -> Finding {
    let place = Place::File(script.to_owned());
    let message = defect.to_string();
    // The decoder's words are "…; what to do": the doctor has more room for the latter.
    let what = message.split(';').next().unwrap_or(&message).to_owned();
    let header = header_in(script);
    let (problem, why, mend) = match defect {
        Defect::Empty => (
            Problem::NoOutput,
            "a CGI script answers by printing: a header, an empty line, and what is to be shown",
            format!("print a header first: {header}"),
        ),
        Defect::ByteOrderMark => (
            Problem::OutputBeforeHeader,
            "the mark becomes a part of the first field's name",
            "take the byte order mark out of the file that is printed first".to_owned(),
        ),
        Defect::StatusLine(_) => (
            Problem::MalformedHeader,
            "the web server writes the status line; only scripts whose name begins with nph- write it themselves (RFC 3875 §5)",
            "print a Status field in place of the first line: Status: 404 Not Found".to_owned(),
        ),
        Defect::BlankLineFirst => (
            Problem::OutputBeforeHeader,
            "the empty line ends the header, and here it ends it before it has begun",
            format!("print nothing before the header: {header}"),
        ),
        Defect::OutputBeforeHeader(_) => (
            Problem::OutputBeforeHeader,
            "whatever is printed first must be the header: a print for debugging, a warning or a page without header spoils it",
            format!("print the header before anything else, and messages to standard error: {header}"),
        ),
        Defect::NoBlankLine { .. } => (
            Problem::NoBlankLine,
            "an empty line tells where the header ends and the page begins (RFC 3875 §6.2)",
            format!("print an empty line after the last field: {header}"),
        ),
        Defect::MissingContentType => (
            Problem::NoContentType,
            "the browser must be told what it gets (RFC 3875 §6.3.1)",
            format!("print the type in the header: {header}"),
        ),
        Defect::HeadTooLarge { .. } => (
            Problem::NoBlankLine,
            "most often the empty line between header and page is missing, so that the page was read as header",
            format!("print an empty line after the last field: {header}"),
        ),
        Defect::ControlCharacter { .. } => (
            Problem::MalformedHeader,
            "a line break that comes in with data lets whoever sent the data write fields of their own",
            "take line breaks and control characters out of data before it goes into a field".to_owned(),
        ),
        Defect::Folded { .. } => (
            Problem::MalformedHeader,
            "lines that begin with blanks were continuations once; nothing accepts them any more (RFC 3875 §6.3)",
            "print each field on one line that begins with its name; mind the indentation of texts in triple quotes"
                .to_owned(),
        ),
        Defect::SpaceBeforeColon { .. } => (
            Problem::MalformedHeader,
            "no blank may stand before the colon (RFC 3875 §6.3)",
            format!("write it as in: {header}"),
        ),
        Defect::Repeated { .. } | Defect::BadStatus(_) | Defect::EmptyLocation | Defect::BadContentLength(_) => (
            Problem::MalformedHeader,
            "the web server cannot make a response of it (RFC 3875 §6.3)",
            message.split_once("; ").map_or_else(|| message.clone(), |(_, advice)| advice.to_owned()),
        ),
    };
    Finding::error(problem, place, what, why, Mend::Advice(mend))
}

/// The line that prints a header, in the script's language.
fn header_in(script: &Path) -> &'static str {
    match script.extension().and_then(OsStr::to_str) {
        Some("pl") => r#"print "Content-Type: text/html; charset=utf-8\n\n";"#,
        Some("sh" | "bash") => r"printf 'Content-Type: text/html; charset=utf-8\n\n'",
        Some("rb") => r#"print "Content-Type: text/html; charset=utf-8\n\n""#,
        _ => r#"print("Content-Type: text/html; charset=utf-8\n")"#,
    }
}
