//! Why a script could not be started, in words that say what to do.

use std::io;
use std::path::Path;

use crate::interpreter::{FirstLine, search};

/// Explains the error with which the system refused to execute a script.
pub(crate) fn explain(script: &Path, error: &io::Error, path: &[u8]) -> String {
    let shown = script.display();
    let first_line = match FirstLine::of(script) {
        Ok(first_line) => first_line,
        Err(unreadable) => {
            return format!("{shown} cannot be executed: {error}; it cannot be read either: {unreadable}");
        }
    };
    match first_line {
        FirstLine::ByteOrderMark => format!(
            "{shown} cannot be executed: it begins with a byte order mark, so the system does not see its '#!'; save it \
             as UTF-8 without one: sed -i '1s/^\\xEF\\xBB\\xBF//' {shown}"
        ),
        FirstLine::Interpreter { carriage_return: true, .. } => format!(
            "{shown} cannot be executed: its first line ends with CR LF, so the system looks for an interpreter whose \
             name ends with CR; give it UNIX line ends: sed -i 's/\\r$//' {shown}"
        ),
        FirstLine::Interpreter { program, .. } if !program.exists() => format!(
            "{shown} cannot be executed: its first line names the interpreter {}, which does not exist; name one that \
             does",
            program.display()
        ),
        FirstLine::Interpreter { program, argument, .. } => {
            let wanted = argument.as_deref().filter(|_| program.ends_with("env"));
            match wanted {
                Some(name) if search(name, path).is_none() => format!(
                    "{shown} cannot be executed: there is no {} on its PATH ({}); name the interpreter's own path, or set \
                     PATH with --cgi-env",
                    name.display(),
                    String::from_utf8_lossy(path)
                ),
                _ => format!("{shown} cannot be executed with {}: {error}", program.display()),
            }
        }
        FirstLine::Other => format!(
            "{shown} cannot be executed: it does not begin with '#!' and the path of an interpreter; make that its first \
             line (#!/usr/bin/env python3, for instance)"
        ),
        FirstLine::Native => format!("{shown} cannot be executed: {error}; is it built for this machine?"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(content: &[u8]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let text = explain(file.path(), &io::Error::from_raw_os_error(2), b"/bin");
        text.replace(&file.path().display().to_string(), "FILE")
    }

    #[test]
    fn says_what_is_wrong_and_what_to_do() {
        assert!(explained(b"\xef\xbb\xbf#!/bin/sh\n").contains("byte order mark"));
        assert!(explained(b"#!/bin/sh\r\necho\r\n").contains("sed -i 's/\\r$//' FILE"));
        assert!(explained(b"#!/no/such\n").contains("the interpreter /no/such, which does not exist"));
        assert!(
            explained(b"#!/usr/bin/env no-such-python\n").contains("there is no no-such-python on its PATH (/bin)")
        );
        assert!(explained(b"print('x')\n").contains("does not begin with '#!'"));
        assert!(explained(b"\x7fELF").contains("built for this machine"));
        assert!(explained(b"#!/bin/sh\n").contains("No such file or directory"));
    }
}
