//! Why a socket cannot listen, in one line for the operator.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A front that cannot be opened. The process exits with 4.
#[derive(Debug)]
pub struct ListenError {
    at: String,
    problem: Problem,
}

/// What is in the way.
#[derive(Debug)]
pub enum Problem {
    /// Another socket listens at the port.
    PortInUse(u16),
    /// A port below 1024, and the process may not.
    PortPrivileged(u16),
    /// No interface of this machine has the address.
    AddressNotHere(String),
    /// The machine does not speak the address's version of IP.
    NoSuchFamily(String),
    /// The name has no address.
    NotResolved(String, io::Error),
    /// A path longer than the system's 107 bytes: how many it has.
    PathTooLong(usize),
    /// The directory of the socket is missing.
    NoDirectory(PathBuf),
    /// Part of the path is a file.
    NotADirectory(PathBuf),
    /// At the path is something that is no socket, and it is not ours to replace.
    NotASocketFile(PathBuf),
    /// A process answers at the path.
    PathInUse(PathBuf),
    /// There is a socket, and whether somebody answers there cannot be found out.
    PathUnclear(PathBuf, io::Error),
    /// The process may not create the socket, or replace a stale one.
    NotPermitted(PathBuf),
    /// No descriptor of that number is open.
    NoDescriptor(i32),
    /// A descriptor that the process has opened itself, or has taken over already.
    NotInherited(i32),
    /// A descriptor that is no socket.
    NotASocket(i32),
    /// A socket that is not of a kind from which connections can be accepted: what it is instead.
    WrongKind(i32, &'static str),
    /// A socket that does not listen.
    NotListening(i32),
    /// LISTEN_FDS holds something that is no number of sockets.
    BadVariable(String),
    /// Something else.
    Other(io::Error),
}

/// The longest path of a UNIX socket, in bytes: `sun_path` holds 108, and most programs want a zero at its end.
pub(crate) const PATH_LIMIT: usize = 107;

impl ListenError {
    pub(crate) fn new(at: String, problem: Problem) -> Self {
        Self { at, problem }
    }

    /// What is in the way.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl From<rustix::io::Errno> for Problem {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Other(error.into())
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.at, self.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortInUse(port) => {
                write!(f, "the port is in use; `ss -ltnp 'sport = :{port}'` shows by whom")
            }
            Self::PortPrivileged(port) => write!(
                f,
                "port {port} needs a privilege, as those below 1024 do; take a higher one, let the service manager open \
                 it, or grant CAP_NET_BIND_SERVICE"
            ),
            Self::AddressNotHere(address) => {
                write!(f, "no interface of this machine has the address {address}; `ip address` shows those there are")
            }
            Self::NoSuchFamily(address) => {
                write!(f, "this machine does not speak the kind of address that {address} is")
            }
            Self::NotResolved(host, error) => write!(f, "the name '{host}' has no address ({error})"),
            Self::PathTooLong(length) => {
                write!(f, "the path has {length} bytes, and that of a socket at most {PATH_LIMIT}")
            }
            Self::NoDirectory(directory) => write!(f, "the directory {} does not exist", directory.display()),
            Self::NotADirectory(path) => write!(f, "{} is not a directory", path.display()),
            Self::NotASocketFile(path) => {
                write!(f, "{} exists and is not a socket; move it away or take another path", path.display())
            }
            Self::PathInUse(path) => {
                write!(f, "a process answers there; `ss -lxp 'src = {}'` shows which", path.display())
            }
            Self::PathUnclear(path, error) => {
                write!(f, "{} exists, and whether a process uses it cannot be found out ({error})", path.display())
            }
            Self::NotPermitted(path) => {
                write!(f, "this process may not create files in {}", path.display())
            }
            Self::NoDescriptor(number) => write!(
                f,
                "descriptor {number} is not open; whoever starts the process must leave it open, and say its number"
            ),
            Self::NotInherited(number) => write!(
                f,
                "descriptor {number} was not passed to this process; whoever starts it must leave a listening socket open, \
                 and say its number"
            ),
            Self::NotASocket(number) => write!(f, "descriptor {number} is not a socket"),
            Self::WrongKind(number, what) => {
                write!(f, "descriptor {number} is {what}; a stream socket of TCP or UNIX is needed")
            }
            Self::NotListening(number) => {
                write!(f, "descriptor {number} is a socket that does not listen; it must be bound and listen already")
            }
            Self::BadVariable(value) => write!(f, "LISTEN_FDS='{value}' is not a number of sockets"),
            Self::Other(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::NotResolved(_, error) | Problem::PathUnclear(_, error) | Problem::Other(error) => Some(error),
            _ => None,
        }
    }
}
