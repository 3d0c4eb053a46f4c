//! The first line of a script: which interpreter it names.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// How much of a script the kernel looks at (execve(2), "Interpreter scripts").
const LOOKED_AT: u64 = 256;

/// What a file begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FirstLine {
    /// `#!PROGRAM [ARGUMENT]`: the argument is everything behind the program, as the kernel passes it.
    Interpreter { program: PathBuf, argument: Option<OsString>, carriage_return: bool },
    /// A byte order mark, before `#!` or anything else.
    ByteOrderMark,
    /// A program that the machine executes itself (ELF).
    Native,
    /// Something else, or nothing.
    Other,
}

impl FirstLine {
    /// Reads it.
    ///
    /// # Errors
    /// The file cannot be opened or read.
    pub(crate) fn of(script: &Path) -> std::io::Result<Self> {
        let mut head = Vec::with_capacity(LOOKED_AT as usize);
        File::open(script)?.take(LOOKED_AT).read_to_end(&mut head)?;
        Ok(Self::parse(&head))
    }

    fn parse(head: &[u8]) -> Self {
        if head.starts_with(b"\xef\xbb\xbf") || head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            return Self::ByteOrderMark;
        }
        if head.starts_with(b"\x7fELF") {
            return Self::Native;
        }
        let Some(rest) = head.strip_prefix(b"#!") else { return Self::Other };
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let carriage_return = line.ends_with(b"\r");
        let line = line.trim_ascii();
        let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
        let argument = line[end..].trim_ascii();
        let program = PathBuf::from(OsStr::from_bytes(&line[..end]));
        let argument = (!argument.is_empty()).then(|| OsStr::from_bytes(argument).to_os_string());
        Self::Interpreter { program, argument, carriage_return }
    }

    /// The Python interpreter that runs the script, where it is one whose options a warm interpreter can have too.
    /// `path` is the PATH of the script.
    pub(crate) fn python(&self, path: &[u8]) -> Option<Python> {
        let Self::Interpreter { program, argument, carriage_return: false } = self else { return None };
        let argument = argument.as_deref().unwrap_or_default();
        let (program, options) = if program.file_name() == Some(OsStr::new("env")) {
            let mut words = argument.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let mut name = words.next()?;
            if name == b"-S" {
                name = words.next()?;
            } else if words.clone().next().is_some() {
                // The kernel gives it one argument, so that it looks for a program of this whole name.
                return None;
            }
            let options = words.map(|word| OsStr::from_bytes(word).to_os_string()).collect();
            (search(OsStr::from_bytes(name), path)?, options)
        } else {
            let options = if argument.is_empty() { Vec::new() } else { vec![argument.to_os_string()] };
            (program.clone(), options)
        };
        let name = program.file_name()?.as_bytes();
        let version = name.strip_prefix(b"python")?;
        let is_python =
            version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') && version.first() != Some(&b'2');
        let are_plain = options.iter().all(|option| is_plain(option.as_bytes()));
        (is_python && are_plain && program.is_absolute()).then_some(Python { program, options })
    }
}

/// Options that change how the interpreter runs a script, and not what it runs.
fn is_plain(option: &[u8]) -> bool {
    option.strip_prefix(b"-").is_some_and(|letters| {
        letters.starts_with(b"W")
            || letters.starts_with(b"X")
            || (!letters.is_empty() && letters.iter().all(|letter| b"bBdEIOPqRsSuv".contains(letter)))
    })
}

/// An interpreter and its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Python {
    pub(crate) program: PathBuf,
    pub(crate) options: Vec<OsString>,
}

/// Finds a program as env(1) does.
pub(crate) fn search(name: &OsStr, path: &[u8]) -> Option<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(name));
    }
    let directories = path.split(|byte| *byte == b':').map(|directory| Path::new(OsStr::from_bytes(directory)));
    directories.map(|directory| directory.join(name)).find(|file| {
        use rustix::fs::{Access, AtFlags, CWD, accessat};
        file.is_file() && accessat(CWD, file, Access::EXEC_OK, AtFlags::EACCESS).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(head: &str) -> Option<(String, Vec<String>)> {
        let python = FirstLine::parse(head.as_bytes()).python(b"/nowhere:/bin:/usr/bin")?;
        let options = python.options.iter().map(|option| option.to_str().unwrap().to_owned()).collect();
        Some((python.program.to_str().unwrap().to_owned(), options))
    }

    #[test]
    fn knows_a_python_script() {
        assert_eq!(python("#!/usr/bin/python3\nx"), Some(("/usr/bin/python3".into(), vec![])));
        assert_eq!(
            python("#! /srv/venv/bin/python3.11 -u\n"),
            Some(("/srv/venv/bin/python3.11".into(), vec!["-u".into()]))
        );
        assert_eq!(python("#!/opt/bin/python -sE"), Some(("/opt/bin/python".into(), vec!["-sE".into()])));
        assert_eq!(
            python("#!/usr/bin/env -S /opt/python3 -u -B\n"),
            Some(("/opt/python3".into(), vec!["-u".into(), "-B".into()]))
        );
        for other in [
            "#!/bin/sh\n",
            "#!/usr/bin/python2\n",
            "#!/usr/bin/python2.7\n",
            "#!/usr/bin/pythonw\n",
            "python3\n",
            "",
            "#!/usr/bin/python3 -m http.server\n",
            "#!/usr/bin/python3 -c print(1)\n",
            "#!python3\n",
            "#!/usr/bin/python3 -i\n",
            "#!/usr/bin/env\n",
            "#!/usr/bin/env VAR=1 python3\n",
            "#!/usr/bin/env python3 -u\n",
            "#!/usr/bin/python3\r\n",
        ] {
            assert_eq!(python(other), None, "{other:?}");
        }
    }

    #[test]
    fn env_searches_the_path() {
        let found = search(OsStr::new("sh"), b"/nowhere:/bin:/usr/bin").unwrap();
        assert_eq!(found, Path::new("/bin/sh"));
        assert_eq!(search(OsStr::new("no-such-program"), b"/bin"), None);
        assert_eq!(search(OsStr::new("/a/b"), b"/bin"), Some(PathBuf::from("/a/b")));
    }

    #[test]
    fn tells_what_a_file_begins_with() {
        assert_eq!(FirstLine::parse(b"\xef\xbb\xbf#!/bin/sh\n"), FirstLine::ByteOrderMark);
        assert_eq!(FirstLine::parse(b"\x7fELF\x02"), FirstLine::Native);
        assert_eq!(FirstLine::parse(b"print()\n"), FirstLine::Other);
        let FirstLine::Interpreter { program, argument, carriage_return } = FirstLine::parse(b"#!\t/bin/sh -e x\r\n")
        else {
            panic!("no interpreter")
        };
        assert_eq!((program, argument, carriage_return), ("/bin/sh".into(), Some("-e x".into()), true));
    }
}
