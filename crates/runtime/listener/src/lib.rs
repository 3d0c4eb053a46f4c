//! Sockets that listen: opened at a [`Bind`], inherited from whoever started the process, and removed again.
//!
//! A [`Listener`] is opened before the process forks; parent and children then accept from the same socket. It does not
//! block, is closed when another program is executed, and hands TCP_NODELAY down to the connections that are accepted
//! from it. Accepting is not done here.

#![deny(unsafe_code)] // Two blocks, in inherited.rs and defer_accept.rs, say why they must be there.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod defer_accept;
#[cfg(test)]
mod directory;
mod error;
mod inherited;
mod service_manager;
mod socket_file;
mod tcp;
mod unix;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use millau_config::{Address, Bind, Protocol};
use millau_gateway::Local;

pub use error::{ListenError, Problem};
pub use service_manager::{Activation, systemd_listeners};
use socket_file::SocketFile;

/// What a listening socket is made of, for those who handle accepted connections differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// TCP over IPv4 or IPv6: a peer has an address.
    Tcp,
    /// A UNIX socket: a peer is a process of this machine, without an address.
    Unix,
}

/// A socket that listens.
///
/// The file of a UNIX socket that was created here is removed when the listener is dropped, or before that by
/// [`Listener::remove_file`], but only by the process that created it.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    protocol: Protocol,
    family: Family,
    local: Arc<Local>,
    url: String,
    file: Option<SocketFile>,
}

impl Listener {
    /// Opens a socket at `bind` and lets it listen, or takes over the descriptor that `bind` names.
    ///
    /// `backlog` is how many connections the kernel keeps until they are accepted (it caps that silently at
    /// `net.core.somaxconn`), `unix_mode` the permission bits of a UNIX socket's file. Both say nothing about a
    /// descriptor that listens already.
    ///
    /// # Errors
    /// A [`ListenError`], whose text is one line for the operator.
    pub fn open(bind: &Bind, backlog: u32, unix_mode: u32) -> Result<Self, ListenError> {
        let opened = match &bind.address {
            Address::Tcp { host, port } => tcp::open(host, *port, backlog),
            Address::Unix(path) => unix::open(path, backlog, unix_mode),
            Address::Fd(number) => inherited::adopt(*number),
        };
        let listener = opened.map_err(|problem| ListenError::new(bind.to_string(), problem))?;
        if matches!(bind.address, Address::Tcp { .. }) && bind.protocol != Protocol::Http {
            defer_accept::defer_accept(&listener.fd);
        }
        Ok(listener.speaking(bind.protocol))
    }

    /// Opens another socket in place of one whose file is not at its path any more, so that nobody can connect to it; only
    /// in the process that created the file. `None`: it is there.
    ///
    /// # Errors
    /// As those of [`Listener::open`]: somebody else may listen there now.
    pub fn reopen(&self, backlog: u32, unix_mode: u32) -> Option<Result<Self, ListenError>> {
        let path = self.file.as_ref()?.lost()?;
        let opened = unix::open(path, backlog, unix_mode);
        Some(
            opened
                .map_err(|problem| ListenError::new(self.url.clone(), problem))
                .map(|new| new.speaking(self.protocol)),
        )
    }

    /// The same socket, for another protocol.
    fn speaking(mut self, protocol: Protocol) -> Self {
        if let Some(rest) = self.url.strip_prefix(self.protocol.scheme()) {
            self.url = format!("{}{rest}", protocol.scheme());
        }
        self.protocol = protocol;
        self
    }

    /// What is spoken here.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Our end of the connections that are accepted here, for the request.
    pub fn local(&self) -> Arc<Local> {
        Arc::clone(&self.local)
    }

    /// The address as a URL, with the port that it really has.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// TCP or UNIX.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Removes the file of a UNIX socket, if this process created it and it is still the same file. Does nothing else:
    /// the socket goes on listening for those who have it.
    pub fn remove_file(&self) {
        if let Some(file) = &self.file {
            file.remove();
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.remove_file();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_a_bind_says_and_names_it_when_it_cannot() {
        let open = |text: &str| Listener::open(&text.parse().unwrap(), 16, 0o660);
        assert!(open("http://127.0.0.1:0").unwrap().url().starts_with("http://127.0.0.1:"));

        let directory = directory::Directory::new();
        let bind = format!("http+unix:{}", directory.join("app.sock").display());
        assert_eq!(open(&bind).unwrap().url(), bind);
        let fastcgi = open(&bind.replace("http", "fastcgi")).unwrap();
        assert_eq!((fastcgi.protocol(), fastcgi.url()), (Protocol::Fastcgi, &*bind.replace("http", "fastcgi")));
        drop(fastcgi);
        let inside = format!("{bind}/app.sock");
        assert_eq!(
            open(&inside).unwrap_err().to_string(),
            format!("cannot listen on {inside}: the directory {} does not exist", &bind["http+unix:".len()..])
        );
        assert_eq!(
            open("http+fd:1000000").unwrap_err().to_string(),
            "cannot listen on http+fd:1000000: descriptor 1000000 is not open; whoever starts the process must leave it \
             open, and say its number"
        );
    }
}
