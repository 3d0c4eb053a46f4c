//! How a process ended.

use std::fmt;

use rustix::process::{WaitIdStatus, WaitStatus};

/// How a process ended, as `wait` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It ended by itself, with this exit code.
    Exit(i32),
    /// A signal killed it.
    Signal(i32),
    /// Somebody else has asked for its status first (code of the application that waits for any child).
    Unknown,
}

impl Ending {
    /// The ending in what `waitpid` gave for a process that has ended.
    pub(crate) fn of(status: WaitStatus) -> Self {
        let exit = status.exit_status().map(Self::Exit);
        exit.or_else(|| status.terminating_signal().map(Self::Signal)).unwrap_or(Self::Unknown)
    }

    /// The ending in what `waitid` gave for a process that has ended.
    pub(crate) fn of_id(status: &WaitIdStatus) -> Self {
        let exit = status.exit_status().map(Self::Exit);
        exit.or_else(|| status.terminating_signal().map(Self::Signal)).unwrap_or(Self::Unknown)
    }
}

impl fmt::Display for Ending {
    /// Continues a sentence that begins with the process: "worker 17 was killed by SIGSEGV".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unknown => f.write_str("ended"),
            Self::Exit(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => match signal_name(signal) {
                Some(name) => write!(f, "was killed by {name}"),
                None => write!(f, "was killed by signal {signal}"),
            },
        }
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGABRT => "SIGABRT",
        libc::SIGALRM => "SIGALRM",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGHUP => "SIGHUP",
        libc::SIGILL => "SIGILL",
        libc::SIGINT => "SIGINT",
        libc::SIGKILL => "SIGKILL",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGSYS => "SIGSYS",
        libc::SIGTERM => "SIGTERM",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_read_as_the_rest_of_a_sentence() {
        assert_eq!(Ending::Exit(3).to_string(), "exited with code 3");
        assert_eq!(Ending::Signal(9).to_string(), "was killed by SIGKILL");
        assert_eq!(Ending::Signal(libc::SIGSEGV).to_string(), "was killed by SIGSEGV");
        assert_eq!(Ending::Unknown.to_string(), "ended");
        assert_eq!(Ending::Signal(40).to_string(), "was killed by signal 40");
    }
}
