//! Listening at a host and a port.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use millau_config::Protocol;
use millau_gateway::{Local, Scheme};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, ipproto, listen, socket_with, sockopt};
use rustix::system::uname;

use crate::{Family, Listener, Problem};

pub(crate) fn open(host: &str, port: u16, backlog: u32) -> Result<Listener, Problem> {
    let address = resolve(host, port)?;
    let fd = socket(&address).map_err(|error| explain(error, address))?;
    bind(&fd, &address)
        .and_then(|()| listen(&fd, i32::try_from(backlog).unwrap_or(i32::MAX)))
        .map_err(|error| explain(error, address))?;
    let port = SocketAddr::try_from(getsockname(&fd)?)?.port();
    Ok(listener(fd, host, port))
}

/// A socket that listens already; `name` is what it is called in `SERVER_NAME`.
pub(crate) fn listener(fd: OwnedFd, name: &str, port: u16) -> Listener {
    // RFC 3875 §4.1.14: an IPv6 address as a server name stands in brackets.
    let host = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    let url = format!("http://{host}:{port}");
    let name = if is_wildcard(name) { machine_name().unwrap_or(host) } else { host };
    Listener {
        fd,
        protocol: Protocol::Http,
        family: Family::Tcp,
        local: Arc::new(Local { name, port, scheme: Scheme::Http }),
        url,
        file: None,
    }
}

/// An address that nobody can connect to, so no URL can be made with it.
fn is_wildcard(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}

fn machine_name() -> Option<String> {
    let system = uname();
    system.nodename().to_str().ok().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// The first IPv4 address, because that is the one which front servers are told (`127.0.0.1` for `localhost`); else the
/// first address.
fn resolve(host: &str, port: u16) -> Result<SocketAddr, Problem> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, port));
    }
    let not_resolved = |error| Problem::NotResolved(host.to_owned(), error);
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(not_resolved)?.collect();
    let first = addresses.iter().find(|address| address.is_ipv4()).or_else(|| addresses.first());
    first.copied().ok_or_else(|| not_resolved(std::io::ErrorKind::NotFound.into()))
}

fn socket(address: &SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    // Connections of the process before us that are still in TIME_WAIT do not keep the port from us.
    sockopt::set_socket_reuseaddr(&fd, true)?;
    if address.is_ipv6() {
        // So that [::] and 0.0.0.0 can both be given, and no peer's address is an IPv4 address in disguise.
        sockopt::set_ipv6_v6only(&fd, true)?;
    }
    sockopt::set_tcp_nodelay(&fd, true)?;
    Ok(fd)
}

/// What an error of one of the calls above means.
fn explain(error: Errno, address: SocketAddr) -> Problem {
    match error {
        Errno::ADDRINUSE => Problem::PortInUse(address.port()),
        Errno::ACCESS => Problem::PortPrivileged(address.port()),
        Errno::ADDRNOTAVAIL => Problem::AddressNotHere(address.ip().to_string()),
        Errno::AFNOSUPPORT => Problem::NoSuchFamily(address.ip().to_string()),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::os::fd::AsFd;

    use rustix::fs::{OFlags, fcntl_getfl};
    use rustix::io::{FdFlags, fcntl_getfd};
    use rustix::net::{accept, acceptfrom};

    use super::*;

    fn problem(result: Result<Listener, Problem>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn port_0_is_a_free_port_and_the_url_says_which() {
        let listener = open("127.0.0.1", 0, 16).unwrap();
        let local = listener.local();
        assert_ne!(local.port, 0);
        assert_eq!(local.name, "127.0.0.1");
        assert_eq!(local.scheme, Scheme::Http);
        assert_eq!(listener.url(), format!("http://127.0.0.1:{}", local.port));
        assert_eq!(listener.family(), Family::Tcp);
        TcpStream::connect(("127.0.0.1", local.port)).unwrap();
    }

    #[test]
    fn accepting_does_not_block_and_hands_down_nodelay() {
        let listener = open("127.0.0.1", 0, 16).unwrap();
        assert!(fcntl_getfl(&listener).unwrap().contains(OFlags::NONBLOCK));
        assert_eq!(accept(&listener).unwrap_err(), Errno::AGAIN);
        let _client = TcpStream::connect(("127.0.0.1", listener.local().port)).unwrap();
        let (accepted, _) = acceptfrom(&listener).unwrap();
        assert!(sockopt::tcp_nodelay(accepted).unwrap());
        assert!(fcntl_getfd(listener.as_fd()).unwrap().contains(FdFlags::CLOEXEC));
    }

    #[test]
    fn a_port_in_use_is_refused_and_named() {
        let first = open("127.0.0.1", 0, 16).unwrap();
        let port = first.local().port;
        let expected = format!("the port is in use; `ss -ltnp 'sport = :{port}'` shows by whom");
        assert_eq!(problem(open("127.0.0.1", port, 16)), expected);
        assert_eq!(problem(open("0.0.0.0", port, 16)), expected);
    }

    #[test]
    fn a_port_is_free_again_while_its_last_connections_are_in_time_wait() {
        let first = open("127.0.0.1", 0, 16).unwrap();
        let port = first.local().port;
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        // Whoever closes first is the one that waits.
        drop(acceptfrom(&first).unwrap());
        drop(client);
        drop(first);
        open("127.0.0.1", port, 16).unwrap();
    }

    #[test]
    fn a_foreign_address_is_refused() {
        // Set aside for documentation by RFC 5737, so it is nobody's.
        assert_eq!(
            problem(open("192.0.2.1", 0, 16)),
            "no interface of this machine has the address 192.0.2.1; `ip address` shows those there are"
        );
    }

    #[test]
    fn a_name_is_looked_up_and_kept() {
        let listener = open("localhost", 0, 16).unwrap();
        assert_eq!(listener.local().name, "localhost");
        assert!(SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap().is_ipv4());
        let message = problem(open("no such host", 1, 16));
        assert!(message.starts_with("the name 'no such host' has no address ("), "{message}");
    }

    #[test]
    fn ipv6_is_ipv6_only_and_in_brackets() {
        let v6 = match open("::", 0, 16) {
            Err(Problem::NoSuchFamily(address)) => return assert_eq!(address, "::"),
            opened => opened.unwrap(),
        };
        let port = v6.local().port;
        assert_eq!(v6.url(), format!("http://[::]:{port}"));
        open("0.0.0.0", port, 16).unwrap();
        if let Ok(loopback) = open("::1", 0, 16) {
            assert_eq!(loopback.local().name, "[::1]");
        }
    }

    #[test]
    fn a_wildcard_is_named_after_the_machine() {
        let listener = open("0.0.0.0", 0, 16).unwrap();
        assert_eq!(listener.url(), format!("http://0.0.0.0:{}", listener.local().port));
        assert_eq!(Some(&listener.local().name), machine_name().as_ref());
        assert!(!is_wildcard("localhost") && !is_wildcard("127.0.0.1") && is_wildcard("::"));
    }

    #[test]
    fn every_error_is_explained() {
        let address = "[::1]:80".parse().unwrap();
        assert_eq!(
            explain(Errno::ACCESS, address).to_string(),
            "port 80 needs a privilege, as those below 1024 do; take a higher one, let the service manager open it, or \
             grant CAP_NET_BIND_SERVICE"
        );
        assert_eq!(
            explain(Errno::AFNOSUPPORT, address).to_string(),
            "this machine does not speak the kind of address that ::1 is"
        );
        assert!(matches!(explain(Errno::NOBUFS, address), Problem::Other(_)));
    }
}
