//! The one epoll instance that all threads of a worker share.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};
use rustix::io::Errno;

/// Who an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// Someone has put work where the poller looks for it.
    Wake,
    /// The supervisor wants this worker to finish.
    Drain,
    /// A connection waits at this listener.
    Listener(u32),
    /// Something happened to the connection in this slot. The turn tells a slot's tenants apart.
    Slot {
        /// Which slot.
        index: u32,
        /// Which tenant, modulo 2^30.
        turn: u32,
    },
}

impl Token {
    fn pack(self) -> u64 {
        match self {
            Self::Wake => 0,
            Self::Drain => 1,
            Self::Listener(index) => 2 | u64::from(index) << 32,
            Self::Slot { index, turn } => 3 | u64::from(turn & TURN_MASK) << 2 | u64::from(index) << 32,
        }
    }

    fn unpack(data: u64) -> Self {
        let index = (data >> 32) as u32;
        match data & 3 {
            0 => Self::Wake,
            1 => Self::Drain,
            2 => Self::Listener(index),
            _ => Self::Slot { index, turn: data as u32 >> 2 },
        }
    }
}

/// A slot's turn is counted modulo this plus one.
pub(crate) const TURN_MASK: u32 = (1 << 30) - 1;

/// What is known of a descriptor after an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readiness {
    pub(crate) read: bool,
    pub(crate) write: bool,
    /// The peer has closed its side, or everything.
    pub(crate) closed: bool,
}

/// Events of one poll; keeps its memory.
pub(crate) struct Events(Vec<epoll::Event>);

impl Events {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(256))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Token, Readiness)> {
        self.0.iter().map(|event| {
            let flags = event.flags;
            let closed = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
            let readiness = Readiness {
                read: flags.contains(EventFlags::IN) || closed,
                write: flags.contains(EventFlags::OUT),
                closed,
            };
            (Token::unpack(event.data.u64()), readiness)
        })
    }
}

/// epoll and the descriptor that interrupts it.
pub(crate) struct Reactor {
    epoll: OwnedFd,
    wake: OwnedFd,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let wake = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Edge-triggered: the counter is never read back, each write is one event.
        epoll::add(&epoll, &wake, EventData::new_u64(Token::Wake.pack()), EventFlags::IN | EventFlags::ET)?;
        Ok(Self { epoll, wake })
    }

    /// True when polling would give something at once.
    pub(crate) fn has_events(&self) -> bool {
        let mut descriptors = [PollFd::new(&self.epoll, PollFlags::IN)];
        rustix::event::poll(&mut descriptors, Some(&Timespec::default())).is_ok_and(|count| count > 0)
    }

    /// Watches a connection for everything, edge-triggered, so that it need never be changed.
    pub(crate) fn add_connection(&self, socket: impl AsFd, index: u32, turn: u32) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        let data = EventData::new_u64(Token::Slot { index, turn }.pack());
        Ok(epoll::add(&self.epoll, socket, data, flags)?)
    }

    /// Watches a listener. Exclusive: of several workers that share it, one wakes.
    pub(crate) fn add_listener(&self, socket: impl AsFd, index: u32) -> io::Result<()> {
        let data = EventData::new_u64(Token::Listener(index).pack());
        Ok(epoll::add(&self.epoll, socket, data, EventFlags::IN | EventFlags::EXCLUSIVE)?)
    }

    /// Watches for the order to finish.
    pub(crate) fn add_drain(&self, descriptor: impl AsFd) -> io::Result<()> {
        let data = EventData::new_u64(Token::Drain.pack());
        Ok(epoll::add(&self.epoll, descriptor, data, EventFlags::IN | EventFlags::ET)?)
    }

    pub(crate) fn remove(&self, descriptor: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, descriptor)?)
    }

    /// Ends the wait of whoever polls.
    pub(crate) fn wake(&self) {
        // Fails only when the counter is full, and then the poller is about to wake anyway.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Waits for events, at most `timeout`. A signal counts as an empty poll.
    pub(crate) fn poll(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.0.clear();
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        match epoll::wait(&self.epoll, spare_capacity(&mut events.0), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_went() {
        for token in [
            Token::Wake,
            Token::Drain,
            Token::Listener(7),
            Token::Slot { index: u32::MAX, turn: TURN_MASK },
            Token::Slot { index: 0, turn: 0 },
        ] {
            assert_eq!(Token::unpack(token.pack()), token);
        }
    }

    #[test]
    fn every_wake_is_seen() {
        let reactor = Reactor::new().unwrap();
        let mut events = Events::new();
        for _ in 0..3 {
            reactor.wake();
            reactor.poll(&mut events, None).unwrap();
            assert_eq!(events.iter().map(|(token, _)| token).collect::<Vec<_>>(), [Token::Wake]);
        }
        reactor.poll(&mut events, Some(Duration::ZERO)).unwrap();
        assert_eq!(events.iter().count(), 0);
    }
}
