//! What mends a problem: a command that is shown, and for the safe ones the same done by the doctor itself.
//!
//! Safe is what changes no meaning of a script that works, takes nothing away that cannot be put back, and touches
//! nothing but the script (or the permissions of a directory above it that has the script's owner). Nothing else is
//! ever done, whatever is asked for.

mod edit;
#[cfg(test)]
mod tests;

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What is to be done about a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// There is no command for it.
    Advice(String),
    /// A command that the operator decides about.
    Command(String),
    /// A command whose effect the doctor may produce by itself.
    Safe(SafeMend),
}

impl Mend {
    /// The command, ready to be pasted into a shell, or the advice.
    pub fn command(&self) -> String {
        match self {
            Self::Advice(text) | Self::Command(text) => text.clone(),
            Self::Safe(mend) => mend.command(),
        }
    }

    /// The mend that may be done without asking.
    pub fn safe(&self) -> Option<&SafeMend> {
        match self {
            Self::Safe(mend) => Some(mend),
            _ => None,
        }
    }
}

/// The list of safe mends. There are no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SafeMend {
    /// Adds and takes away permission bits.
    Permissions {
        /// The file or directory.
        path: PathBuf,
        /// In the words of chmod, `o+rx` say.
        symbolic: String,
        /// Bits to be set.
        add: u32,
        /// Bits to be cleared.
        remove: u32,
    },
    /// CR LF becomes LF.
    LineEndings(PathBuf),
    /// CR alone becomes LF.
    LoneCarriageReturns(PathBuf),
    /// The byte order mark goes.
    ByteOrderMark(PathBuf),
    /// UTF-16 with a byte order mark becomes UTF-8 without.
    Utf16(PathBuf),
    /// Blanks and empty lines before the `#!` go.
    Leading(PathBuf),
    /// The first line, which is a `#!`, becomes this one.
    ReplaceShebang {
        /// The script.
        path: PathBuf,
        /// The new line, without its end.
        line: String,
    },
    /// A first line is put in.
    InsertShebang {
        /// The script.
        path: PathBuf,
        /// The new line, without its end.
        line: String,
    },
    /// A line that declares the encoding is put in after the `#!`, which is there or is put in before (PEP 263).
    CodingLine {
        /// The script.
        path: PathBuf,
        /// The encoding's name for Python.
        encoding: String,
    },
}

impl SafeMend {
    /// The command that does it.
    pub fn command(&self) -> String {
        match self {
            Self::Permissions { path, symbolic, .. } => format!("chmod {symbolic} {}", quoted(path)),
            Self::LineEndings(path) => format!(r"sed -i 's/\r$//' {}", quoted(path)),
            Self::LoneCarriageReturns(path) => format!(r"sed -i 's/\r/\n/g' {}", quoted(path)),
            Self::ByteOrderMark(path) => format!(r"LC_ALL=C sed -i '1s/^\xEF\xBB\xBF//' {}", quoted(path)),
            Self::Utf16(path) => {
                let (old, new) = (quoted(path), quoted(&with_suffix(path, ".utf8")));
                format!("iconv -f UTF-16 -t UTF-8 {old} > {new} && cat {new} > {old} && rm {new}")
            }
            Self::Leading(path) => format!(r"LC_ALL=C sed -i -z '1s/^[[:space:]]*#!/#!/' {}", quoted(path)),
            Self::ReplaceShebang { path, line } => {
                format!("sed -i {} {}", quoted(Path::new(&format!("1c {line}"))), quoted(path))
            }
            Self::InsertShebang { path, line } => {
                format!("sed -i {} {}", quoted(Path::new(&format!("1i {line}"))), quoted(path))
            }
            Self::CodingLine { path, encoding } => {
                format!("sed -i '1a # -*- coding: {encoding} -*-' {}", quoted(path))
            }
        }
    }

    /// Where it is done.
    pub fn path(&self) -> &Path {
        match self {
            Self::LineEndings(path)
            | Self::LoneCarriageReturns(path)
            | Self::ByteOrderMark(path)
            | Self::Utf16(path)
            | Self::Leading(path)
            | Self::Permissions { path, .. }
            | Self::ReplaceShebang { path, .. }
            | Self::InsertShebang { path, .. }
            | Self::CodingLine { path, .. } => path,
        }
    }

    /// Does what the command does. A file is replaced at once or stays as it was; owner and permissions stay. `false`: it
    /// was so already.
    ///
    /// # Errors
    /// What the system refuses, and files that are not (any more) what this can be done to. Nothing has changed then.
    pub fn apply(&self) -> io::Result<bool> {
        match self {
            Self::Permissions { path, add, remove, .. } => {
                let mode = std::fs::metadata(path)?.permissions().mode() & 0o7777;
                let wanted = (mode & !remove) | add;
                if mode != wanted {
                    std::fs::set_permissions(path, std::fs::Permissions::from_mode(wanted))?;
                }
                Ok(mode != wanted)
            }
            Self::LineEndings(path) => edit::rewrite(path, edit::without_carriage_returns),
            Self::LoneCarriageReturns(path) => edit::rewrite(path, edit::carriage_returns_to_line_feeds),
            Self::ByteOrderMark(path) => edit::rewrite(path, edit::without_byte_order_mark),
            Self::Utf16(path) => edit::rewrite(path, edit::from_utf16),
            Self::Leading(path) => edit::rewrite(path, edit::without_leading_space),
            Self::ReplaceShebang { path, line } => edit::rewrite(path, |text| edit::with_first_line(text, line)),
            Self::InsertShebang { path, line } => edit::rewrite(path, |text| edit::with_line_in_front(text, line)),
            Self::CodingLine { path, encoding } => {
                let line = format!("# -*- coding: {encoding} -*-");
                edit::rewrite(path, |text| edit::with_coding_line(text, &line))
            }
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A path as one word of a shell. A name that is no text is shown with replacement characters.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text.into_owned();
    }
    // A word that begins with a dash would be taken for an option.
    let start = if text.starts_with('-') { "./" } else { "" };
    format!("'{start}{}'", text.replace('\'', r"'\''"))
}
