//! The threads of a worker: how they come, wait for the lead, and go.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use crate::blockers::QUICK;
use crate::exchange::FrontExchange;
use crate::lead::Desk;
use crate::shift::{ROLE, Role, Shared, Shift};

/// A thread that nobody has needed for so long goes.
const IDLE: Duration = Duration::from_secs(10);
/// As much stack as CPython expects of a thread: deep recursion must end in RecursionError, not in a crash.
const STACK: usize = 8 * 1024 * 1024;

/// What a thread that follows is called to do.
enum Duty {
    /// Lead, for this term.
    Lead(u64),
    /// Answer one request that will block.
    Call(Box<FrontExchange>),
}

impl Shared {
    /// The life of the thread with this number: leads and follows by turns.
    pub(crate) fn work(self: &Arc<Self>, number: usize) {
        self.application.thread(&mut || {
            let mut desk = Desk::new(number);
            let mut shift = self.lock();
            while let Some(duty) = self.follow(shift, number) {
                match duty {
                    Duty::Lead(term) => self.lead(&mut desk, term),
                    Duty::Call(exchange) => self.call_apart(number, exchange),
                }
                shift = self.lock();
                shift.idle += 1;
            }
        });
    }

    /// Waits for something to do, counted as idle before. `None`: this thread is not needed any more.
    fn follow(&self, mut shift: MutexGuard<'_, Shift>, number: usize) -> Option<Duty> {
        let duty = loop {
            if shift.stopping {
                break None;
            }
            if shift.vacant {
                shift.vacant = false;
                break Some(Duty::Lead(shift.term));
            }
            if let Some(exchange) = shift.set_aside.pop_front() {
                break Some(Duty::Call(exchange));
            }
            let (idle, spare) = (shift.idle, shift.threads > self.options.threads_min && number > 0);
            if spare && shift.spare_threads.take_one(idle) {
                break None;
            }
            let (again, waited) =
                self.crew.wait_timeout(shift, IDLE).unwrap_or_else(std::sync::PoisonError::into_inner);
            shift = again;
            let spare = shift.threads > self.options.threads_min && number > 0;
            if waited.timed_out() && !shift.vacant && shift.set_aside.is_empty() && spare {
                break None;
            }
        };
        shift.idle -= 1;
        let idle = shift.idle;
        shift.spare_threads.note(idle);
        if duty.is_none() {
            shift.threads -= 1;
        }
        duty
    }

    /// How many threads wait or are on their way, or may still be started.
    pub(crate) fn threads_to_come(&self, shift: &Shift) -> usize {
        let more = if shift.hiring_failed { 0 } else { self.options.threads_max.saturating_sub(shift.threads) };
        shift.idle + more
    }

    /// True when every thread but the one that polls has something to do, and none can be started. While the only thread
    /// there is asks, nobody polls: then it is true when there is something to poll for.
    pub(crate) fn lacks_threads(&self) -> bool {
        let shift = self.lock();
        let awaited = || self.options.threads_max > 1 || !shift.ready.is_empty() || self.reactor.has_events();
        self.threads_to_come(&shift) == 0 && awaited()
    }

    /// Finds a thread for each request that was set aside; those that none will come for are the leader's own again.
    pub(crate) fn call_followers(self: &Arc<Self>, shift: &mut Shift) {
        let wanted = shift.set_aside.len();
        for _ in 0..wanted.min(shift.idle) {
            self.crew.notify_one();
        }
        for _ in shift.idle..wanted.min(self.threads_to_come(shift)) {
            self.hire(shift);
        }
        for _ in shift.idle..wanted {
            // A thread that was on its way to one may have been given the lead instead.
            let exchange = shift.set_aside.pop_front();
            shift.ready.extend(exchange);
        }
    }

    /// Runs one request that was set aside, and sends its answer.
    fn call_apart(self: &Arc<Self>, number: usize, exchange: Box<FrontExchange>) {
        let target = exchange.target_name;
        ROLE.set(Role::Follower);
        let mut exchange = Some(exchange);
        let mut quick = true;
        self.application.batch(&mut || {
            // Inside: waiting for the interpreter says nothing about the call.
            let began = Instant::now();
            if let Some(exchange) = exchange.take() {
                self.call(number, exchange);
            }
            quick = began.elapsed() < QUICK;
        });
        self.deliver_own();
        let mut shift = self.lock();
        if quick { shift.blockers.quick(target) } else { shift.blockers.blocked(target) }
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

    /// Starts one more thread, which counts as idle from now on.
    pub(crate) fn hire(self: &Arc<Self>, shift: &mut Shift) {
        let number = shift.numbers.take();
        let shared = self.clone();
        let thread = std::thread::Builder::new().name(format!("millau-{}", number + 1)).stack_size(STACK);
        match thread.spawn(move || {
            shared.work(number);
            shared.lock().numbers.give(number);
        }) {
            Ok(_) => {
                shift.threads += 1;
                shift.idle += 1;
                shift.hiring_failed = false;
            }
            Err(error) => {
                shift.hiring_failed = true;
                shift.numbers.give(number);
                log::error!("operator error: no further thread can be started: {error}; calls wait for those that run");
            }
        }
    }
}

/// Threads that nobody has needed for a while, although each of them has had something to do now and then: the system wakes
/// the one that has waited longest.
#[derive(Default)]
pub(crate) struct SpareThreads {
    since: Option<Instant>,
    /// How many waited when the fewest did, since then.
    fewest: usize,
    /// How many may go.
    over: usize,
}

impl SpareThreads {
    /// So many wait now.
    fn note(&mut self, idle: usize) {
        self.fewest = self.fewest.min(idle);
    }

    /// True for a thread that may go; `idle` wait now, this one among them.
    fn take_one(&mut self, idle: usize) -> bool {
        let now = Instant::now();
        if self.since.is_none_or(|since| now - since >= IDLE) {
            self.over = if self.since.is_some() { self.fewest } else { 0 };
            self.since = Some(now);
            self.fewest = idle;
        }
        let goes = self.over > 0;
        self.over -= usize::from(goes);
        goes
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

    /// True when no thread but the first is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.taken.iter().all(|taken| !taken)
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
