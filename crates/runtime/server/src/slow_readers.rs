//! Calls whose responses are read slowly, and their share of the threads.
//!
//! A call that has begun holds its thread until its response is written, and that takes as long as its reader wants. So a
//! request whose like is held by a slow reader waits before its call while such calls have their share, and the other
//! threads are there for everybody else.

use std::collections::VecDeque;

use crate::exchange::FrontExchange;

/// What a call counts as. Its target has the name that it has among the blockers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    target: u64,
    /// Its own reader is slow, and not only one of the same target.
    pub(crate) slow: bool,
    /// When it was seen to be slow, such calls had their share already.
    pub(crate) beyond_share: bool,
}

/// The calls for slow readers, and the requests that wait for such calls to end.
#[derive(Default)]
pub(crate) struct SlowReaders {
    held: Vec<Hold>,
    waiting: VecDeque<Box<FrontExchange>>,
    /// The log has been told that the share is used up.
    told: bool,
}

impl SlowReaders {
    /// Counts a request that is about to be called, if calls of its target are held by slow readers. `None`: those have their
    /// share, which is half of so many threads, and the request waits here.
    pub(crate) fn admit(&mut self, mut exchange: Box<FrontExchange>, threads: usize) -> Option<Box<FrontExchange>> {
        let target = exchange.target_name;
        if !self.holds(target) || exchange.hold.is_some() {
            return Some(exchange);
        }
        if self.has_share(threads) {
            if !std::mem::replace(&mut self.told, true) {
                log::warn!(
                    "slow readers hold {} of {threads} threads: further requests like theirs wait until some have ended",
                    self.held.len()
                );
            }
            self.waiting.push_back(exchange);
            return None;
        }
        exchange.hold = Some(self.count(Hold { target, slow: false, beyond_share: false }));
        Some(exchange)
    }

    /// The reader of a call is slow; `hold`: what the call counted as before.
    pub(crate) fn note(&mut self, target: u64, hold: Option<Hold>, threads: usize) -> Hold {
        hold.inspect(|hold| self.uncount(*hold));
        let beyond_share = self.has_share(threads);
        self.count(Hold { target, slow: true, beyond_share })
    }

    /// A call has ended: gives out the requests that waited for that.
    pub(crate) fn end(&mut self, hold: Hold, threads: usize) -> VecDeque<Box<FrontExchange>> {
        self.uncount(hold);
        self.told &= self.held.len() > threads / 4;
        std::mem::take(&mut self.waiting)
    }

    fn holds(&self, target: u64) -> bool {
        self.held.iter().any(|hold| hold.slow && hold.target == target)
    }

    fn has_share(&self, threads: usize) -> bool {
        self.held.len() >= threads / 2
    }

    fn count(&mut self, hold: Hold) -> Hold {
        self.held.push(hold);
        hold
    }

    fn uncount(&mut self, hold: Hold) {
        if let Some(index) = self.held.iter().position(|other| *other == hold) {
            self.held.swap_remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_known_while_a_reader_of_it_is_slow() {
        let mut readers = SlowReaders::default();
        assert!(!readers.holds(1));
        let first = readers.note(1, None, 4);
        assert!(readers.holds(1) && !readers.holds(2));
        let admitted = readers.count(Hold { target: 1, slow: false, beyond_share: false });
        readers.end(first, 4);
        assert!(!readers.holds(1), "a call whose reader is not slow makes no other wait");
        let second = readers.note(1, Some(admitted), 4);
        assert!(readers.holds(1) && readers.held == [second]);
    }

    #[test]
    fn half_of_the_threads_are_their_share() {
        let mut readers = SlowReaders::default();
        let first = readers.note(1, None, 4);
        let second = readers.note(2, None, 4);
        let third = readers.note(3, None, 4);
        assert_eq!([first, second, third].map(|hold| hold.beyond_share), [false, false, true]);
        readers.end(first, 4);
        assert!(readers.has_share(4));
        readers.end(third, 4);
        assert!(!readers.has_share(4) && readers.held == [second]);
    }
}
