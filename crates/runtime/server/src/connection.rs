//! One connection between two requests; small, because thousands may be idle.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millau_gateway::{Local, Peer};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::RecvFlags;

use crate::wire::Wire;

/// A socket, and what has been received on it but not used.
pub(crate) struct Connection {
    /// Shared with whoever ends a call whose time is over.
    pub(crate) socket: Arc<OwnedFd>,
    pub(crate) peer: Peer,
    pub(crate) local: Arc<Local>,
    pub(crate) slot: u32,
    /// True once the reactor watches the socket.
    pub(crate) watched: bool,
    /// True when the last read has emptied the socket.
    pub(crate) drained: bool,
    /// The reactor has seen the peer's close, which has not been read yet: it shows no further edge.
    pub(crate) closing: bool,
    /// True once the peer has closed its side.
    pub(crate) ended: bool,
    /// True once a request was answered: from then on silence means keep-alive, not a missing head.
    pub(crate) used: bool,
    /// A close would reset it, also one by the kernel: a response is under way whose end nobody else would miss.
    pub(crate) guarded: bool,
    /// What the peer had not taken when that was last looked at, and when it had last been seen to take something.
    pub(crate) untaken: Cell<Option<(u64, u64)>>,
    /// The protocol, and where in it the connection stands; elsewhere while an exchange has the connection.
    pub(crate) wire: Wire,
    /// When the first byte of the head (or the connection) came, in milliseconds.
    pub(crate) head_since: u64,
    /// When the last response was out (or the connection came), in milliseconds.
    pub(crate) idle_since: u64,
    /// Received and not used; without memory while it is empty.
    pub(crate) inbox: Vec<u8>,
}

/// What a read brought.
pub(crate) enum Received {
    /// So many bytes are in the buffer.
    Data(usize),
    /// Nothing there now.
    Nothing,
    /// The peer has closed its side.
    End,
    /// The connection is broken.
    Broken(io::Error),
}

impl Connection {
    /// Reads once, and remembers whether more may be there: an edge that has been seen does not come again.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        let size = buffer.len();
        loop {
            let result = rustix::net::recv(&self.socket, &mut *buffer, RecvFlags::DONTWAIT);
            // A short read has emptied the socket: what arrives later is a new edge. A close that came before is not.
            self.drained = match result {
                Ok((length, _)) => length < size && !self.closing,
                Err(_) => true,
            };
            return match result {
                Ok((0, _)) => Received::End,
                Ok((length, _)) => Received::Data(length),
                Err(Errno::AGAIN) => Received::Nothing,
                Err(Errno::INTR) => continue,
                Err(error) => Received::Broken(error.into()),
            };
        }
    }

    /// Waits until the socket is ready for one of `flags`. `false`: the time is over; zero is no limit.
    pub(crate) fn wait_for(&self, flags: PollFlags, timeout: Duration) -> Result<bool, Errno> {
        let until = (!timeout.is_zero()).then(|| Instant::now() + timeout);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let left = left.map(|left| Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            });
            match rustix::event::poll(&mut [PollFd::new(&self.socket, flags)], left.as_ref()) {
                Ok(count) => return Ok(count > 0),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The socket, borrowed.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Makes the close that follows a reset, which no peer can take for a regular end.
    pub(crate) fn reset_on_close(&self) {
        // A UNIX socket knows no reset; nothing more can be done for its peer.
        let _ = rustix::net::sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO));
    }

    /// For how many milliseconds the peer has taken nothing of what the kernel keeps for it, as far as the looks tell; the
    /// first one says 0. A large socket buffer becomes writable only when a third of it is free, which takes a slow reader
    /// minutes.
    pub(crate) fn silence(&self, now: u64) -> u64 {
        let Some(untaken) = untaken(&self.socket) else { return u64::MAX };
        let since = match self.untaken.get() {
            Some((before, since)) if before == untaken => since,
            _ => now,
        };
        self.untaken.set(Some((untaken, since)));
        now.saturating_sub(since)
    }

    /// Has the kernel reset the connection should this process die now. To be taken back before it is closed in order.
    pub(crate) fn guard(&mut self) {
        if !self.guarded && self.peer != Peer::Local {
            self.reset_on_close();
            self.guarded = true;
        }
    }

    /// Takes [`Connection::guard`] back, and forgets how the last response was read.
    pub(crate) fn unguard(&mut self) {
        self.untaken.set(None);
        if self.guarded {
            // Cannot fail: it has been set on this socket before.
            let _ = rustix::net::sockopt::set_socket_linger(&self.socket, None);
            self.guarded = false;
        }
    }

    /// Tells the peer that nothing more will come, so that it reads what was sent before it sees the close.
    pub(crate) fn shut_down_sending(&self) {
        // Fails only when the peer is gone already.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write);
    }
}

/// Bytes that were sent and that the peer's side has not acknowledged (or, of a UNIX socket, read).
fn untaken(socket: &OwnedFd) -> Option<u64> {
    let mut count: libc::c_int = 0;
    // SAFETY: this request writes one int, and the address is that of one.
    #[allow(unsafe_code)]
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    if result == 0 { u64::try_from(count).ok() } else { None }
}
