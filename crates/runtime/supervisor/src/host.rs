//! What the supervisor asks from whoever runs the application: the one door to Python is on the other side of it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use rustix::process::Pid;

use crate::{Orders, Seat};

/// The side of a fork on which the caller finds itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    /// This is the new process.
    Child,
    /// This is the process that forked; the new one has this number.
    Parent(Pid),
}

/// What a forked process of ours is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Imports the application and forks workers. It serves nothing.
    Template,
    /// Serves requests.
    Worker,
}

/// Why the application cannot be loaded: a text for the log, with the traceback and with what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    text: String,
}

impl LoadError {
    /// The text may have several lines; it should not end with a line break.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for LoadError {}

/// Runs the application on behalf of the supervisor.
///
/// Every method is called on the thread that called [`run`](crate::run), or on the thread that a fork of it left.
pub trait Host {
    /// `fork(2)`, with the hooks of the interpreter (`os.fork`). All signals are blocked during the call.
    fn fork(&self) -> io::Result<Fork>;

    /// Imports the application: in a template, or in each worker if nothing is preloaded.
    fn load(&self) -> Result<(), LoadError>;

    /// In a template after [`load`](Host::load): prepares the heap for being shared (`gc.freeze`), and tells how many
    /// threads there are besides this one. If there are any, forking is unsafe, and the workers load by themselves.
    fn settle(&self) -> usize;

    /// The files that the loaded application came from, for reload on change. Asked after a load that failed, too.
    fn sources(&self) -> Vec<PathBuf>;

    /// In a worker: serves until `orders` say stop. Calls `ready` once, when it accepts connections.
    /// Returns the exit code of the process; 0 after it was told to drain.
    fn serve(&self, seat: Seat, orders: Orders, ready: &mut dyn FnMut()) -> i32;

    /// In the supervisor, once, when the end has begun and before the workers are told to drain: closes the listening
    /// sockets. The templates, which hold them too, end at the same time; so, when the last worker has accepted what
    /// was waiting and closed its own, clients are refused at once instead of waiting for a server that ends.
    fn stop_listening(&self) {}

    /// Ends a forked process. The default ends it at once (`_exit`), without exit handlers of C or Python:
    /// those of a template would undo what its workers still need.
    fn exit(&self, role: Role, code: i32) -> ! {
        let _ = role;
        crate::signals::exit_at_once(code)
    }
}
