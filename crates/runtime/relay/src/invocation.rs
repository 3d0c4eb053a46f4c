//! What the kernel calls the relay with: `millau-relay [--millau=PATH] SCRIPT`, and then whatever the client likes.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

const MILLAU: &[u8] = b"--millau=";

const USAGE: &str = "millau-relay is the first line of a CGI program: #!/path/to/millau-relay. The lines below it name the \
                     application. millau relay FILE TARGET writes such a file.";

/// The script, and the command that knows what is in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// Absolute, without links: whoever calls it by whatever name, it is one script with one server.
    pub(crate) script: PathBuf,
    /// The command `millau`: named in the script's first line, or beside the relay.
    pub(crate) millau: PathBuf,
}

impl Invocation {
    /// Reads the arguments. What follows the script is passed over: a web server hands over a query without `=` as
    /// arguments (RFC 3875 §4.4), so it comes from the client.
    ///
    /// # Errors
    /// What to tell whoever has started it by hand.
    pub(crate) fn read(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        arguments.next();
        let mut script = arguments.next();
        let named = script.as_ref().and_then(|word| word.as_bytes().strip_prefix(MILLAU)).map(OsStr::from_bytes);
        let named = named.map(PathBuf::from);
        if named.is_some() {
            script = arguments.next();
        }
        let script = PathBuf::from(script.ok_or(USAGE)?);
        let script = script.canonicalize().map_err(|error| format!("{}: {error}. {USAGE}", script.display()))?;
        let millau = match named {
            Some(path) => path,
            None => std::env::current_exe()
                .map(|relay| relay.with_file_name("millau"))
                .map_err(|error| format!("millau-relay cannot find itself: {error}"))?,
        };
        Ok(Self { script, millau })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Invocation, String> {
        Invocation::read(arguments.iter().map(OsString::from))
    }

    #[test]
    fn the_script_is_the_first_argument_and_what_follows_does_not_count() {
        for arguments in [&["r", "/dev/null"][..], &["r", "/dev/../dev/null", "--millau=/evil", "x"]] {
            let invocation = read(arguments).unwrap();
            assert_eq!(invocation.script, PathBuf::from("/dev/null"));
            assert_eq!(invocation.millau.file_name(), Some(OsStr::new("millau")));
            assert_ne!(invocation.millau, PathBuf::from("/evil"));
        }
    }

    #[test]
    fn the_command_may_be_named_before_the_script() {
        let invocation = read(&["r", "--millau=/venv/bin/millau", "/dev/null", "--millau=/evil"]).unwrap();
        let expected = Invocation { script: "/dev/null".into(), millau: "/venv/bin/millau".into() };
        assert_eq!(invocation, expected);
    }

    #[test]
    fn without_a_script_it_says_what_it_is_for() {
        for arguments in [&["r"][..], &["r", "--millau=/x"], &["r", "/no/such/file"]] {
            assert!(read(arguments).unwrap_err().contains("first line of a CGI program"));
        }
    }
}
