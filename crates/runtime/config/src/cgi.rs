//! What can be set for CGI programs: how each directory's scripts are run, and what their environment holds.

use std::path::PathBuf;
use std::time::Duration;

use crate::suggestion;

/// How scripts are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CgiMode {
    /// Warm for Python scripts, exec for the rest.
    #[default]
    Auto,
    /// Each request starts the script anew.
    Exec,
    /// Each request runs in a process forked from an interpreter that has imported what the script imports.
    Warm,
    /// The script runs inside the worker's interpreter.
    Resident,
}

impl CgiMode {
    const NAMES: [(&str, Self); 4] =
        [("auto", Self::Auto), ("exec", Self::Exec), ("warm", Self::Warm), ("resident", Self::Resident)];
}

/// `MODE`, for every script, or `PATH=MODE`, for a script or those below a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgiModeRule {
    /// `None`: wherever nothing else is said.
    pub path: Option<PathBuf>,
    /// How it is run.
    pub mode: CgiMode,
}

impl std::str::FromStr for CgiModeRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, name) = match text.rsplit_once('=') {
            Some(("", _)) => {
                return Err("no path before '=': write DIR=MODE, for instance cgi-bin/admin=exec".to_owned());
            }
            Some((path, name)) => (Some(PathBuf::from(path)), name),
            None => (None, text),
        };
        let names = || CgiMode::NAMES.iter().map(|(name, _)| *name);
        let found = CgiMode::NAMES.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        match found {
            Some((_, mode)) => Ok(Self { path, mode: *mode }),
            None => {
                let hint = suggestion::hint(name, names());
                Err(format!("'{name}' is not one of {}{hint}", names().collect::<Vec<_>>().join(", ")))
            }
        }
    }
}

/// `NAME`, which hands the server's own variable on, or `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgiVariable {
    /// Not empty.
    pub name: String,
    /// `None`: the server's own, if it has one.
    pub value: Option<String>,
}

impl std::str::FromStr for CgiVariable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name.is_empty() || text.contains('\0') {
            return Err("a variable is NAME or NAME=VALUE, for instance TZ=Europe/Berlin".to_owned());
        }
        if name.eq_ignore_ascii_case("HTTP_PROXY") {
            return Err("programs take HTTP_PROXY for a field of the request: set http_proxy in the script".to_owned());
        }
        if OF_THE_REQUEST.contains(&name) || name.starts_with("HTTP_") {
            return Err(format!("{name} is what tells a program of its request (RFC 3875 §4.1): it cannot be set"));
        }
        Ok(Self { name: name.to_owned(), value })
    }
}

/// Variables that have another value with each request, and nothing that an operator could know better.
const OF_THE_REQUEST: [&str; 15] = [
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "GATEWAY_INTERFACE",
    "PATH_INFO",
    "PATH_TRANSLATED",
    "QUERY_STRING",
    "REDIRECT_STATUS",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "REMOTE_USER",
    "REQUEST_METHOD",
    "REQUEST_URI",
    "SCRIPT_FILENAME",
    "SCRIPT_NAME",
    "SERVER_PROTOCOL",
];

/// How CGI programs are run. The documentation, the range and the default of each field is its row in
/// [`SETTINGS`](crate::SETTINGS).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CgiSettings {
    /// How scripts are run, in the order given.
    pub modes: Vec<CgiModeRule>,
    /// Variables that every program has.
    pub variables: Vec<CgiVariable>,
    /// Programs get the client's credentials.
    pub pass_authorization: bool,
    /// Symbolic links may lead out of the directory.
    pub symlinks: bool,
    /// Programs of a worker at a time; at least 1.
    pub children: usize,
    /// Requests that wait for one to end.
    pub queue: usize,
    /// Without any output. Never zero.
    pub timeout: Duration,
    /// Bytes of output; [`u64::MAX`] where there is no limit.
    pub output_size: u64,
    /// Seconds of processor time; 0: no limit.
    pub cpu_seconds: usize,
    /// Bytes of address space; [`u64::MAX`] where there is no limit.
    pub memory: u64,
    /// Processes of the server's user; 0: no limit.
    pub processes: usize,
    /// Warm interpreters of a worker at a time; 0: none.
    pub warm_interpreters: usize,
    /// After this time without a request they end. Never zero.
    pub warm_idle: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_for_all_or_for_a_path() {
        let parsed = |text: &str| text.parse::<CgiModeRule>();
        assert_eq!(parsed("exec"), Ok(CgiModeRule { path: None, mode: CgiMode::Exec }));
        let rule = CgiModeRule { path: Some("a=b/c.py".into()), mode: CgiMode::Resident };
        assert_eq!(parsed("a=b/c.py=Resident"), Ok(rule));
        assert_eq!(
            parsed("x=wram"),
            Err("'wram' is not one of auto, exec, warm, resident; did you mean 'warm'?".to_owned())
        );
        assert!(parsed("=warm").unwrap_err().starts_with("no path before '='"));
    }

    #[test]
    fn a_variable_may_have_a_value() {
        let parsed = |text: &str| text.parse::<CgiVariable>().map(|variable| (variable.name, variable.value));
        assert_eq!(parsed("TZ"), Ok(("TZ".into(), None)));
        assert_eq!(parsed("A=b=c"), Ok(("A".into(), Some("b=c".into()))));
        assert_eq!(parsed("A="), Ok(("A".into(), Some(String::new()))));
        assert!(parsed("=x").is_err() && parsed("").is_err());
        assert!(parsed("HTTP_PROXY=http://proxy").is_err());
        for name in ["HTTP_X", "QUERY_STRING=a", "GATEWAY_INTERFACE"] {
            assert!(parsed(name).unwrap_err().contains("tells a program of its request"), "{name}");
        }
    }
}
