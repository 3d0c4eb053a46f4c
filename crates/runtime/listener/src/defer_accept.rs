//! A connection is to be accepted when its first bytes are there: for listeners at which only front servers connect.
//!
//! A front server connects and sends its request at once. Whoever is woken between the two accepts a connection that has
//! nothing to say yet, reads in vain, and must be woken again; the front server on the same core is interrupted for that.
//! Browsers are different: they connect in advance, so HTTP is left alone.

use std::os::fd::{AsFd, AsRawFd};

/// Seconds that a silent peer is kept back; then it is accepted, and the time limit for its first request begins. The kernel
/// rounds up to its own retransmissions.
const SECONDS: libc::c_int = 1;

/// Lets the kernel hold back connections without data (TCP_DEFER_ACCEPT, tcp(7)). Where it does not know how, nothing is
/// lost but time.
pub(crate) fn defer_accept(socket: impl AsFd) {
    let seconds = SECONDS;
    let size = size_of_val(&seconds) as libc::socklen_t;
    #[allow(unsafe_code)]
    // SAFETY: the descriptor is open for as long as it is borrowed; the option's value is one `int`, which lives as long as
    // the call, and the length says so.
    let _ = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            (&raw const seconds).cast(),
            size,
        )
    };
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpStream;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use crate::Listener;

    /// Whether somebody can be accepted within so many milliseconds.
    fn is_waiting(listener: &Listener, milliseconds: u64) -> bool {
        let timeout = Timespec::try_from(Duration::from_millis(milliseconds)).unwrap();
        poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&timeout)).unwrap() == 1
    }

    #[test]
    fn a_front_servers_connection_is_accepted_when_it_has_something_to_say() {
        let open = |text: &str| Listener::open(&text.parse().unwrap(), 16, 0o660).unwrap();
        let (scgi, http) = (open("scgi://127.0.0.1:0"), open("http://127.0.0.1:0"));
        let connect = |listener: &Listener| TcpStream::connect(("127.0.0.1", listener.local().port)).unwrap();
        let mut front_server = connect(&scgi);
        assert!(!is_waiting(&scgi, 50));
        front_server.write_all(b"1").unwrap();
        assert!(is_waiting(&scgi, 10_000));
        let _browser = connect(&http);
        assert!(is_waiting(&http, 10_000));
    }
}
