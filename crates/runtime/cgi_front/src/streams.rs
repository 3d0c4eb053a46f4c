//! The standard streams of a CGI program, put where nobody writes by mistake.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stderr, stdin, stdout};

/// Where the request's body comes from and where the response goes: descriptors that nobody else in this process knows.
#[derive(Debug)]
pub struct Streams {
    /// `None`: standard input was closed, so there is no body.
    pub(crate) input: Option<OwnedFd>,
    pub(crate) output: OwnedFd,
}

impl Streams {
    /// Takes descriptors 0 and 1 away from everybody else: from here on what is printed goes to standard error, and who
    /// reads standard input finds its end. To be called before the application is imported.
    ///
    /// # Errors
    /// Standard output is closed, or no descriptor can be had.
    pub fn take() -> io::Result<Self> {
        let nothing = File::options().read(true).write(true).open("/dev/null")?;
        if rustix::io::fcntl_getfd(stderr()) == Err(Errno::BADF) {
            dup2_stderr(&nothing)?;
        }
        let streams = Self {
            input: match private(stdin()) {
                Err(Errno::BADF) => None,
                input => Some(input?),
            },
            output: private(stdout())?,
        };
        dup2_stdin(&nothing)?;
        dup2_stdout(stderr())?;
        Ok(streams)
    }

    /// Streams that are not those of this process.
    pub fn new(input: Option<OwnedFd>, output: OwnedFd) -> Self {
        Self { input, output }
    }
}

/// A duplicate that is none of the standard descriptors and that no process gets which this one starts: it would keep
/// the web server waiting for the end of the response.
fn private(descriptor: impl AsFd) -> Result<OwnedFd, Errno> {
    fcntl_dupfd_cloexec(descriptor, 3)
}
