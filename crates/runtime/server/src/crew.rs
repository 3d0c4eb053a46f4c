//! The threads of a worker: how they come, wait for the lead, and go.

use std::sync::Arc;
use std::time::Duration;

use crate::lead::Desk;
use crate::shift::{Shared, Shift};

/// A thread that nobody has needed for so long goes.
const IDLE: Duration = Duration::from_secs(10);
/// As much stack as CPython expects of a thread: deep recursion must end in RecursionError, not in a crash.
const STACK: usize = 8 * 1024 * 1024;

impl Shared {
    /// The life of the thread with this number: leads and follows by turns.
    pub(crate) fn work(self: &Arc<Self>, number: usize) {
        self.application.thread(&mut || {
            let mut desk = Desk::new(number);
            while let Some(term) = self.follow(number) {
                self.lead(&mut desk, term);
            }
        });
    }

    /// Waits for the lead. `None`: this thread is not needed any more.
    fn follow(&self, number: usize) -> Option<u64> {
        let mut shift = self.lock();
        shift.idle += 1;
        let lead = loop {
            if shift.stopping {
                break None;
            }
            if shift.vacant {
                shift.vacant = false;
                break Some(shift.term);
            }
            let (again, waited) =
                self.crew.wait_timeout(shift, IDLE).unwrap_or_else(std::sync::PoisonError::into_inner);
            shift = again;
            let spare = shift.threads > self.options.threads_min && number > 0;
            if waited.timed_out() && !shift.vacant && spare {
                break None;
            }
        };
        shift.idle -= 1;
        if lead.is_none() {
            shift.threads -= 1;
        }
        lead
    }

    /// Opens the lead for another thread: one that waits, or a new one, or, at the limit, the first whose call ends.
    pub(crate) fn hand_over(self: &Arc<Self>, shift: &mut Shift) {
        shift.term += 1;
        shift.vacant = true;
        if shift.idle > 0 {
            self.crew.notify_one();
        } else if shift.threads < self.options.threads_max {
            self.hire(shift);
        }
    }

    /// Starts one more thread.
    pub(crate) fn hire(self: &Arc<Self>, shift: &mut Shift) {
        let number = shift.numbers.take();
        let shared = self.clone();
        let thread = std::thread::Builder::new().name(format!("millau-{}", number + 1)).stack_size(STACK);
        match thread.spawn(move || {
            shared.work(number);
            shared.lock().numbers.give(number);
        }) {
            Ok(_) => shift.threads += 1,
            Err(error) => {
                shift.numbers.give(number);
                log::error!("operator error: no further thread can be started: {error}; calls wait for those that run");
            }
        }
    }
}

/// Thread numbers from 1 up; the smallest free one is given first, so that they stay below the limit of threads.
#[derive(Default)]
pub(crate) struct Numbers {
    taken: Vec<bool>,
}

impl Numbers {
    fn take(&mut self) -> usize {
        let free = self.taken.iter().position(|taken| !taken).unwrap_or_else(|| {
            self.taken.push(false);
            self.taken.len() - 1
        });
        self.taken[free] = true;
        free + 1
    }

    fn give(&mut self, number: usize) {
        if let Some(taken) = self.taken.get_mut(number - 1) {
            *taken = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_small() {
        let mut numbers = Numbers::default();
        assert_eq!((numbers.take(), numbers.take()), (1, 2));
        numbers.give(1);
        assert_eq!((numbers.take(), numbers.take()), (1, 3));
    }
}
