//! What the kernel calls the relay with: `millau-relay [--millau=PATH] SCRIPT`, and then whatever the client likes.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rustix::fd::AsRawFd as _;
use rustix::fs::{Mode, OFlags, open, readlink};

use crate::text::{Reason, Shown, join, parent};

const MILLAU: &[u8] = b"--millau=";

const USAGE: &str = "millau-relay is the first line of a CGI program: #!/path/to/millau-relay. The lines below it name the \
                     application. millau relay FILE TARGET writes such a file.";

/// The script, and the command that knows what is in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// Absolute, without links: whoever calls it by whatever name, it is one script with one server.
    pub(crate) script: Vec<u8>,
    /// The command `millau`, if the script's first line names it.
    named: Option<Vec<u8>>,
}

impl Invocation {
    /// Reads the arguments. What follows the script is passed over: a web server hands over a query without `=` as
    /// arguments (RFC 3875 §4.4), so it comes from the client.
    ///
    /// # Errors
    /// What to tell whoever has started it by hand.
    pub(crate) fn read(arguments: &[&[u8]]) -> Result<Self, String> {
        let mut words = arguments.iter().skip(1);
        let mut script = words.next();
        let named = script.and_then(|word| word.strip_prefix(MILLAU)).map(<[u8]>::to_vec);
        if named.is_some() {
            script = words.next();
        }
        let script = *script.ok_or(USAGE)?;
        let wrong = |error| format!("{}: {}. {USAGE}", Shown(script), Reason(error));
        let file = open(script, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(wrong)?;
        let own = format!("/proc/self/fd/{}", file.as_raw_fd());
        let script = readlink(own, Vec::with_capacity(256)).map_err(wrong)?.into_bytes();
        Ok(Self { script, named })
    }

    /// The command `millau`: named in the script's first line, or beside the relay.
    ///
    /// # Errors
    /// The relay cannot find out where it is.
    pub(crate) fn millau(&self) -> Result<Vec<u8>, String> {
        match &self.named {
            Some(path) => Ok(path.clone()),
            None => readlink(c"/proc/self/exe", Vec::new())
                .map(|relay| join(parent(relay.as_bytes()), b"millau"))
                .map_err(|error| format!("millau-relay cannot find itself: {}", Reason(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Invocation, String> {
        let arguments: Vec<&[u8]> = arguments.iter().map(|argument| argument.as_bytes()).collect();
        Invocation::read(&arguments)
    }

    #[test]
    fn the_script_is_the_first_argument_and_what_follows_does_not_count() {
        for arguments in [&["r", "/dev/null"][..], &["r", "/dev/../dev/null", "--millau=/evil", "x"]] {
            let invocation = read(arguments).unwrap();
            assert_eq!(invocation.script, b"/dev/null");
            assert!(invocation.millau().unwrap().ends_with(b"/millau"));
            assert_ne!(invocation.millau().unwrap(), b"/evil");
        }
    }

    #[test]
    fn the_command_may_be_named_before_the_script() {
        let invocation = read(&["r", "--millau=/venv/bin/millau", "/dev/null", "--millau=/evil"]).unwrap();
        assert_eq!(
            (&*invocation.script, &*invocation.millau().unwrap()),
            (&b"/dev/null"[..], &b"/venv/bin/millau"[..])
        );
    }

    #[test]
    fn without_a_script_it_says_what_it_is_for() {
        for arguments in [&["r"][..], &["r", "--millau=/x"], &["r", "/no/such/file"]] {
            assert!(read(arguments).unwrap_err().contains("first line of a CGI program"));
        }
    }
}
