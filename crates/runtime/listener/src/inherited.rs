//! A socket that was left open by whoever started the process.

use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, getsockname, sockopt};

use crate::{Listener, Problem, tcp, unix};

/// Makes a listener of descriptor `number`, after all checks that can be made.
pub(crate) fn adopt(number: RawFd) -> Result<Listener, Problem> {
    let fd = duplicate(number)?;
    let kind = sockopt::socket_type(&fd).map_err(|error| match error {
        Errno::NOTSOCK => Problem::NotASocket(number),
        error => error.into(),
    })?;
    if kind != SocketType::STREAM {
        return Err(Problem::WrongKind(number, "not a stream socket"));
    }
    let family = sockopt::socket_domain(&fd)?;
    if !matches!(family, AddressFamily::INET | AddressFamily::INET6 | AddressFamily::UNIX) {
        return Err(Problem::WrongKind(number, "a socket of another family"));
    }
    if !sockopt::socket_acceptconn(&fd)? {
        return Err(Problem::NotListening(number));
    }
    fcntl_setfl(&fd, fcntl_getfl(&fd)? | OFlags::NONBLOCK)?;
    let address = getsockname(&fd)?;
    if family == AddressFamily::UNIX {
        let address = SocketAddrUnix::try_from(address)?;
        let path = address.path_bytes().unwrap_or_default();
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        return Ok(unix::listener(fd, path, None));
    }
    sockopt::set_tcp_nodelay(&fd, true)?;
    let address = SocketAddr::try_from(address)?;
    Ok(tcp::listener(fd, &address.ip().to_string(), address.port()))
}

/// Our own descriptor for the same socket. The given one stays open, because we cannot know who else has it; neither
/// survives the execution of another program.
#[allow(unsafe_code)]
fn duplicate(number: RawFd) -> Result<OwnedFd, Problem> {
    if number < 0 {
        return Err(Problem::NoDescriptor(number));
    }
    // SAFETY: a number from outside cannot be checked by the compiler. It is not negative, it is borrowed only until the
    // end of this function, and nothing is done with it but two calls that fail with EBADF where it is not open.
    let given = unsafe { BorrowedFd::borrow_raw(number) };
    let ours = fcntl_dupfd_cloexec(given, 3).map_err(|error| match error {
        Errno::BADF => Problem::NoDescriptor(number),
        error => error.into(),
    })?;
    fcntl_setfd(given, FdFlags::CLOEXEC)?;
    Ok(ours)
}
