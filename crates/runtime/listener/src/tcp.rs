//! Listening at a host and a port.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use millau_gateway::{Local, Scheme};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, ipproto, listen, socket_with, sockopt};

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
    let name = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    let url = format!("http://{name}:{port}");
    Listener { fd, family: Family::Tcp, local: Arc::new(Local { name, port, scheme: Scheme::Http }), url, file: None }
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

fn explain(error: Errno, address: SocketAddr) -> Problem {
    match error {
        Errno::ADDRINUSE => Problem::PortInUse(address.port()),
        Errno::ACCESS => Problem::PortPrivileged(address.port()),
        Errno::ADDRNOTAVAIL => Problem::AddressNotHere(address.ip().to_string()),
        Errno::AFNOSUPPORT => Problem::NoSuchFamily(address.ip().to_string()),
        error => error.into(),
    }
}
