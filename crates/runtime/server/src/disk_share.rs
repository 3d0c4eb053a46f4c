//! How much of the disk a worker may take for one purpose.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// A limit that many files share, and what of it is taken.
pub(crate) struct DiskShare {
    limit: u64,
    taken: AtomicU64,
    /// The log has been told that there is no room.
    told: AtomicBool,
    /// What lies there, for the log.
    what: &'static str,
    /// The setting, and what comes of it when there is no room.
    consequence: &'static str,
}

impl DiskShare {
    pub(crate) fn new(limit: u64, what: &'static str, consequence: &'static str) -> Self {
        Self { limit, taken: AtomicU64::new(0), told: AtomicBool::new(false), what, consequence }
    }

    /// The most that there can be.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// True when so much could be taken now.
    pub(crate) fn has_room(&self, length: u64) -> bool {
        self.sum(self.taken.load(Relaxed), length).is_some()
    }

    /// Takes room for so much. `false`: there is none.
    pub(crate) fn take(&self, length: u64) -> bool {
        let taken = self.taken.fetch_update(Relaxed, Relaxed, |taken| self.sum(taken, length)).is_ok();
        if !taken {
            self.tell();
        }
        taken
    }

    /// Tells the log, once until there is room again, that somebody has found none.
    pub(crate) fn tell(&self) {
        if self.limit > 0 && !self.told.swap(true, Relaxed) {
            log::warn!(
                "{} bytes of {} are in files; the limit is {} {}",
                self.taken.load(Relaxed),
                self.what,
                self.limit,
                self.consequence
            );
        }
    }

    fn sum(&self, taken: u64, length: u64) -> Option<u64> {
        taken.checked_add(length).filter(|sum| *sum <= self.limit)
    }

    pub(crate) fn give_back(&self, length: u64) {
        let before = self.taken.fetch_sub(length, Relaxed);
        if before - length <= self.limit / 2 {
            self.told.store(false, Relaxed);
        }
    }

    /// Notes that the disk took no more.
    pub(crate) fn failed(&self, error: &io::Error) {
        if !self.told.swap(true, Relaxed) {
            let directory = std::env::temp_dir();
            log::error!(
                "operator error: {} cannot be kept in {} (TMPDIR names another directory): {error}",
                self.what,
                directory.display()
            );
        }
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_stays_within_the_limit() {
        let share = DiskShare::new(10, "bytes", "(--none)");
        assert!(share.take(6) && !share.take(5) && !share.take(u64::MAX) && share.take(4));
        assert!(!share.has_room(1) && share.has_room(0));
        share.give_back(4);
        assert!(share.has_room(4) && !share.has_room(5) && share.taken() == 6);
    }
}
