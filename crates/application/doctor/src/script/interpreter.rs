//! Programs on a PATH, as the serving user finds them, and which language they speak.

use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::access::{Access, EXECUTE};
use super::way;
use crate::User;

/// What a script is written in, by its interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    Shell,
    Other,
}

/// A program that runs scripts, with what stands between it and the script's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interpreter {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
}

impl Interpreter {
    pub(super) fn language(&self) -> Language {
        language_of(&self.program.file_name().unwrap_or_default().to_string_lossy())
    }
}

pub(super) fn language_of(program: &str) -> Language {
    // python3.11, python3.exe, pypy3
    let name = program.trim_end_matches(".exe").trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    match name {
        "python" | "pypy" | "pythonw" => Language::Python,
        "sh" | "bash" | "dash" | "ksh" | "zsh" | "ash" => Language::Shell,
        _ => Language::Other,
    }
}

/// What a suffix says about the interpreter, where no `#!` does.
pub(super) fn usual_for(path: &Path) -> &'static str {
    match path.extension().map(OsStrExt::as_bytes) {
        Some(b"pl") => "perl",
        Some(b"sh") => "sh",
        Some(b"rb") => "ruby",
        Some(b"php") => "php-cgi",
        _ => "python3",
    }
}

/// How the serving user fares with a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Missing,
    Closed,
    Usable,
}

/// Whether a program is there, and whether the user may start it, through every directory and link on the way.
pub(super) fn state(program: &Path, user: &User) -> State {
    let facts = match program.metadata() {
        Ok(facts) => facts,
        // This process may not look behind a directory, or behind a link that leads there; that is not absence.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return State::Closed,
        Err(_) => return State::Missing,
    };
    if !facts.is_file() {
        return State::Missing;
    }
    let permits = |path: &Path, facts: &Metadata| Access::of(path, facts).lacks(user, EXECUTE) == 0;
    let enters = |folder: &PathBuf| folder.metadata().is_ok_and(|facts| permits(folder, &facts));
    if permits(program, &facts) && way::to(program).iter().all(enters) { State::Usable } else { State::Closed }
}

/// The first program of that name which the user may start.
pub(super) fn on_path(search: &OsStr, name: &str, user: &User) -> Option<PathBuf> {
    std::env::split_paths(search)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|program| state(program, user) == State::Usable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_told_from_the_program() {
        for name in ["python", "python3", "python2.7", "python3.13", "pypy3", "python.exe"] {
            assert_eq!(language_of(name), Language::Python, "{name}");
        }
        assert_eq!(language_of("bash"), Language::Shell);
        assert_eq!(language_of("perl"), Language::Other);
    }

    #[test]
    fn a_program_in_a_closed_directory_is_there_but_not_usable() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("python9");
        std::fs::copy("/bin/true", &program).unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let other = User { name: "other".into(), uid: 54_321, gid: 54_321, groups: vec![54_321] };
        let owner = User::current();
        assert_eq!(state(&program, &other), State::Closed);
        assert_eq!(state(&program, &owner), State::Usable);
        assert_eq!(state(&folder.path().join("gone"), &owner), State::Missing);
        assert_eq!(on_path(folder.path().as_os_str(), "python9", &owner), Some(program));
        assert_eq!(on_path(folder.path().as_os_str(), "python9", &other), None);
    }
}
