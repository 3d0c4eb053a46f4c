//! One thing that is wrong: what, where, why it breaks, and what mends it.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::{Mend, Problem};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Works, and is worth knowing.
    Note,
    /// Works here and now, or for some.
    Warning,
    /// Does not work.
    Error,
}

impl Severity {
    /// The word in front of a finding.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Where it is: a file with a line, or an address of the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The whole file or directory.
    File(PathBuf),
    /// A line of it, counted from 1.
    Line(PathBuf, usize),
    /// A URL that was asked.
    Url(String),
}

impl Place {
    /// A file, or a line of it where one is known.
    pub fn of(path: &Path, line: Option<usize>) -> Self {
        match line {
            Some(line) => Self::Line(path.to_owned(), line),
            None => Self::File(path.to_owned()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Line(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Url(url) => f.write_str(url),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which of the known problems it is.
    pub problem: Problem,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What is wrong, in one line that begins in lower case and ends without a full stop.
    pub what: String,
    /// Why that breaks, in a sentence or two.
    pub why: String,
    /// What mends it.
    pub mend: Mend,
}

impl Finding {
    /// Something that does not work.
    pub fn error(problem: Problem, place: Place, what: impl Into<String>, why: impl Into<String>, mend: Mend) -> Self {
        Self { problem, severity: Severity::Error, place, what: what.into(), why: why.into(), mend }
    }

    /// Something that works here and now.
    pub fn warning(
        problem: Problem,
        place: Place,
        what: impl Into<String>,
        why: impl Into<String>,
        mend: Mend,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(problem, place, what, why, mend) }
    }

    /// Something that is worth knowing.
    pub fn note(problem: Problem, place: Place, what: impl Into<String>, why: impl Into<String>, mend: Mend) -> Self {
        Self { severity: Severity::Note, ..Self::error(problem, place, what, why, mend) }
    }

    /// One line for a log: what, where, and what mends it.
    pub fn line(&self) -> String {
        let text = format!("{}: {} ({}); to mend it: {}", self.place, self.what, self.problem, self.mend.command());
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

impl fmt::Display for Finding {
    /// Four lines for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} [{}]", self.severity.name(), shown(&self.what), self.problem)?;
        writeln!(f, "  where: {}", shown(&self.place.to_string()))?;
        writeln!(f, "  why:   {}", shown(&self.why))?;
        write!(f, "  mend:  {}", shown(&self.mend.command()))
    }
}

/// Without what a file name or a script's own words could do to a terminal.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_finding_reaches_the_terminal_as_a_command() {
        let place = Place::File("/srv/\u{1b}[2Jx".into());
        let finding =
            Finding::error(Problem::NotExecutable, place, "it\u{7} is", "because", Mend::Advice("do\u{1b}c".into()));
        assert!(!finding.to_string().contains(['\u{1b}', '\u{7}']));
        assert!(!finding.line().contains(['\u{1b}', '\u{7}', '\n']));
    }
}
