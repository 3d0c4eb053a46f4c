//! A socket that was left open by whoever started the process.

use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, FdFlags, fcntl_dupfd_cloexec, fcntl_getfd, fcntl_setfd};
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
    // end of this function, and nothing is done with it but calls that fail with EBADF where it is not open.
    let given = unsafe { BorrowedFd::borrow_raw(number) };
    // What survived the execution of this program lacks the flag; what was opened since, here and by the interpreter, has
    // it. Without this look a wrong number could name a listener of our own.
    match fcntl_getfd(given) {
        Ok(flags) if flags.contains(FdFlags::CLOEXEC) => return Err(Problem::NotInherited(number)),
        Ok(_) => {}
        Err(Errno::BADF) => return Err(Problem::NoDescriptor(number)),
        Err(error) => return Err(error.into()),
    }
    let ours = fcntl_dupfd_cloexec(given, 3)?;
    fcntl_setfd(given, FdFlags::CLOEXEC)?;
    Ok(ours)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::{AsFd, AsRawFd};
    use std::os::unix::net::{UnixListener, UnixStream};

    use rustix::net::accept;

    use crate::Family;
    use crate::directory::Directory;

    use super::*;

    /// As if whoever started the process had opened it.
    fn passed(fd: &(impl AsFd + AsRawFd)) -> RawFd {
        fcntl_setfd(fd, FdFlags::empty()).unwrap();
        fd.as_raw_fd()
    }

    fn problem(number: RawFd) -> String {
        adopt(number).unwrap_err().to_string()
    }

    #[test]
    fn takes_over_a_tcp_socket() {
        let given = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = given.local_addr().unwrap().port();
        let listener = adopt(passed(&given)).unwrap();
        assert_eq!(listener.url(), format!("http://127.0.0.1:{port}"));
        assert_eq!(listener.family(), Family::Tcp);
        assert_eq!((listener.local().name.as_str(), listener.local().port), ("127.0.0.1", port));
        assert!(fcntl_getfd(&given).unwrap().contains(FdFlags::CLOEXEC));
        assert!(fcntl_getfd(&listener).unwrap().contains(FdFlags::CLOEXEC));
        drop(given);

        assert!(fcntl_getfl(&listener).unwrap().contains(OFlags::NONBLOCK));
        assert_eq!(accept(&listener).unwrap_err(), Errno::AGAIN);
        let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(sockopt::tcp_nodelay(accept(&listener).unwrap()).unwrap());
    }

    #[test]
    fn takes_over_a_unix_socket_and_leaves_its_file_to_its_owner() {
        let directory = Directory::new();
        let path = directory.join("app.sock");
        let given = UnixListener::bind(&path).unwrap();
        let listener = adopt(passed(&given)).unwrap();
        assert_eq!(listener.url(), format!("http+unix:{}", path.display()));
        assert_eq!(listener.family(), Family::Unix);
        listener.remove_file();
        drop(listener);
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn refuses_what_does_not_listen() {
        let file = File::open("/dev/null").unwrap();
        let number = passed(&file);
        assert_eq!(problem(number), format!("descriptor {number} is not a socket"));

        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        let number = passed(&datagrams);
        assert_eq!(
            problem(number),
            format!("descriptor {number} is not a stream socket; a stream socket of TCP or UNIX is needed")
        );

        let (connected, _other) = UnixStream::pair().unwrap();
        let number = passed(&connected);
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

    #[test]
    fn refuses_what_was_opened_here_or_is_taken_already() {
        let given = TcpListener::bind("127.0.0.1:0").unwrap();
        let number = given.as_raw_fd();
        let expected = format!(
            "descriptor {number} was not passed to this process; whoever starts it must leave a listening socket open, and \
             say its number"
        );
        assert_eq!(problem(number), expected);
        let _first = adopt(passed(&given)).unwrap();
        assert_eq!(problem(number), expected);
    }
}
