//! One connection: a non-blocking socket, the request under way on it and the response as far as it is read.

use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, sockopt};

use crate::response::Reader;

/// A socket with one request under way, or none.
pub struct Connection {
    socket: OwnedFd,
    /// Index of the template of the request under way.
    pub template: usize,
    /// When the request began: with the connection, if that was made for it.
    pub began: Instant,
    /// The response.
    pub reader: Reader,
    /// Bytes of the request that the socket took.
    sent: usize,
    /// A response has been read on this connection.
    pub used: bool,
}

impl Connection {
    /// Begins to connect; the request goes out when the socket is writable.
    pub fn open(address: SocketAddrV4, template: usize, began: Instant) -> Result<Self, Errno> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, Some(ipproto::TCP))?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        match rustix::net::connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error),
        }
        Ok(Self { socket, template, began, reader: Reader::new(), sent: 0, used: false })
    }

    /// The socket, to register it.
    pub fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// Sets the next request on a kept connection; [`Connection::send`] sends it.
    pub fn ask(&mut self, template: usize, began: Instant) {
        self.template = template;
        self.began = began;
        self.sent = 0;
    }

    /// Sends of `request` what is left and what the socket takes; the rest waits until it is writable.
    pub fn send(&mut self, request: &[u8]) -> Result<(), Errno> {
        while self.sent < request.len() {
            match rustix::net::send(&self.socket, &request[self.sent..], SendFlags::NOSIGNAL) {
                Ok(count) => self.sent += count,
                // NOTCONN: the connection is not yet made.
                Err(Errno::AGAIN | Errno::NOTCONN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads once. `None` when there is nothing to read now; 0 bytes when the peer has closed.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<Option<usize>, Errno> {
        loop {
            match rustix::net::recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
                Ok((count, _)) => return Ok(Some(count)),
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
