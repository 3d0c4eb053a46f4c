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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::{UnixListener, UnixStream};

    use rustix::io::fcntl_getfd;
    use rustix::net::accept;

    use crate::Family;
    use crate::directory::Directory;

    use super::*;

    fn problem(number: RawFd) -> String {
        adopt(number).unwrap_err().to_string()
    }

    #[test]
    fn takes_over_a_tcp_socket() {
        let given = TcpListener::bind("127.0.0.1:0").unwrap();
        fcntl_setfd(&given, FdFlags::empty()).unwrap();
        let port = given.local_addr().unwrap().port();
        let listener = adopt(given.as_raw_fd()).unwrap();
        assert_eq!(listener.url(), format!("http://127.0.0.1:{port}"));
        assert_eq!(listener.family(), Family::Tcp);
        assert_eq!((listener.local().name.as_str(), listener.local().port), ("127.0.0.1", port));
        assert!(fcntl_getfd(&given).unwrap().contains(FdFlags::CLOEXEC));
        assert!(fcntl_getfd(&listener).unwrap().contains(FdFlags::CLOEXEC));
        drop(given);

        assert_eq!(accept(&listener).unwrap_err(), Errno::AGAIN);
        let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(sockopt::tcp_nodelay(accept(&listener).unwrap()).unwrap());
    }

    #[test]
    fn takes_over_a_unix_socket_and_leaves_its_file_to_its_owner() {
        let directory = Directory::new();
        let path = directory.join("app.sock");
        let given = UnixListener::bind(&path).unwrap();
        let listener = adopt(given.as_raw_fd()).unwrap();
        assert_eq!(listener.url(), format!("http+unix:{}", path.display()));
        assert_eq!(listener.family(), Family::Unix);
        listener.remove_file();
        drop(listener);
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn refuses_what_does_not_listen() {
        let file = File::open("/dev/null").unwrap();
        let number = file.as_raw_fd();
        assert_eq!(problem(number), format!("descriptor {number} is not a socket"));

        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        let number = datagrams.as_raw_fd();
        assert_eq!(
            problem(number),
            format!("descriptor {number} is not a stream socket; a stream socket of TCP or UNIX is needed")
        );

        let (connected, _other) = UnixStream::pair().unwrap();
        let number = connected.as_raw_fd();
        assert_eq!(
            problem(number),
            format!("descriptor {number} is a socket that does not listen; it must be bound and listen already")
        );

        for number in [-1, i32::MIN, 1_000_000] {
            assert_eq!(
                problem(number),
                format!(
                    "descriptor {number} is not open; whoever starts the process must leave it open, and say its number"
                )
            );
        }
    }
}
