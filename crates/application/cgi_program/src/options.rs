//! What the operator decides about CGI programs.

use std::path::{Path, PathBuf};

use crate::limits::Limits;

/// How a script is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Warm for Python scripts, exec for the rest.
    #[default]
    Auto,
    /// A new process for each request, which executes the script.
    Exec,
    /// A process for each request, forked from an interpreter that has imported what the script imports. A script that is
    /// not Python, or cannot be run so, is executed.
    Warm,
    /// Inside the worker's own interpreter, one request at a time: for speed, without isolation. Only Python scripts can.
    Resident,
}

/// How a directory of CGI programs is served. Every field is a row of the settings table.
#[derive(Clone, Debug)]
pub struct Options {
    /// How scripts are run where no directory says otherwise.
    pub mode: Mode,
    /// The same below these directories, or for these scripts; the longest path that holds a script counts.
    pub modes: Vec<(PathBuf, Mode)>,
    /// The variables that a program has besides those of the request, in place of the server's own.
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
    /// Programs get the client's credentials (`HTTP_AUTHORIZATION`).
    pub pass_authorization: bool,
    /// A symbolic link may lead out of the directory.
    pub follow_symlinks: bool,
    /// Failures are explained to the client, and not only to the log.
    pub debug: bool,
    /// How much of anything.
    pub limits: Limits,
    /// The program that a warm interpreter runs; empty where there is none.
    pub warm_program: PathBuf,
}

impl Options {
    /// A variable of the environment that every program has.
    pub(crate) fn variable(&self, name: &[u8]) -> Option<&[u8]> {
        self.environment.iter().find(|(own, _)| own == name).map(|(_, value)| &**value)
    }

    /// How the script at this path is run.
    pub(crate) fn mode(&self, script: &Path) -> Mode {
        let holding = self.modes.iter().filter(|(directory, _)| script.starts_with(directory));
        holding.max_by_key(|(directory, _)| directory.as_os_str().len()).map_or(self.mode, |(_, mode)| *mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_directory_decides() {
        let options = Options {
            mode: Mode::Exec,
            modes: vec![("/a".into(), Mode::Warm), ("/a/b".into(), Mode::Resident), ("/a/b/c.py".into(), Mode::Auto)],
            environment: Vec::new(),
            pass_authorization: false,
            follow_symlinks: false,
            debug: false,
            limits: Limits::default(),
            warm_program: PathBuf::new(),
        };
        let mode = |path: &str| options.mode(Path::new(path));
        assert_eq!(mode("/x.py"), Mode::Exec);
        assert_eq!(mode("/a/x.py"), Mode::Warm);
        assert_eq!(mode("/ab/x.py"), Mode::Exec);
        assert_eq!(mode("/a/b/x.py"), Mode::Resident);
        assert_eq!(mode("/a/b/c.py"), Mode::Auto);
    }
}
