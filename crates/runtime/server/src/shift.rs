//! What the threads of a worker share, and the lock around it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use millau_gateway::Application;
use millau_listener::Listener;

use crate::blockers::Blockers;
use crate::crew::{Numbers, SpareThreads};
use crate::deadline::Deadlines;
use crate::exchange::FrontExchange;
use crate::forked::end_if_forked;
use crate::lead::SWEEP_EVERY_MS;
use crate::options::{Board, Options};
use crate::pulse::Pulse;
use crate::reactor::Reactor;
use crate::response_spool::ResponseSpool;
use crate::slots::Slots;
use crate::slow_readers::SlowReaders;
use crate::spool::RequestSpool;
use crate::watch::Alarm;

/// How many spare exchanges are kept, with their memory.
const SPARE: usize = 256;

/// Everything that the threads of one worker have in common.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) application: Arc<dyn Application>,
    pub(crate) reactor: Reactor,
    pub(crate) pulse: Pulse,
    pub(crate) board: Option<Box<dyn Board>>,
    pub(crate) alarm: Alarm,
    /// Where calls have a limit to their time.
    pub(crate) deadlines: Option<Deadlines>,
    /// The order to finish has come: each response says that it is its connection's last.
    pub(crate) draining: AtomicBool,
    /// Threads that wait for a peer inside a call, or may have to.
    waiting: AtomicUsize,
    /// The share of the disk for request bodies.
    pub(crate) request_spool: Arc<RequestSpool>,
    /// The share of the disk for what slow readers leave.
    pub(crate) response_spool: Arc<ResponseSpool>,
    /// Followers wait here for the lead.
    pub(crate) crew: Condvar,
    shift: Mutex<Shift>,
}

/// What changes. The lock is never held during a call to the application, a poll or a send.
///
/// Whoever holds an interpreter's lock may take this one, so nobody may wait for the interpreter while holding it.
#[derive(Default)]
pub(crate) struct Shift {
    /// Counts the leads; a leader whose term is over finds another number here.
    pub(crate) term: u64,
    /// The lead is free: the next thread that looks takes it.
    pub(crate) vacant: bool,
    /// Threads that exist, and those of them that wait for a duty or are on their way to that.
    pub(crate) threads: usize,
    pub(crate) idle: usize,
    pub(crate) numbers: Numbers,
    pub(crate) spare_threads: SpareThreads,
    /// The system gave no thread when one was last asked for.
    pub(crate) hiring_failed: bool,
    /// Requests that are read and wait for their call.
    pub(crate) ready: VecDeque<Box<FrontExchange>>,
    /// So many times who came last is called first, because a call has been given up for want of a thread: those like it do
    /// not come before everybody behind them then. As many as there were connections, if the queue is not empty before.
    pub(crate) newest_first: usize,
    /// Requests that will block, as those like them did: each waits for a thread of its own.
    pub(crate) set_aside: VecDeque<Box<FrontExchange>>,
    pub(crate) blockers: Blockers,
    pub(crate) slow_readers: SlowReaders,
    /// The name of what the leader calls, for the blockers.
    pub(crate) in_call: u64,
    /// Responses that wait to be sent together.
    pub(crate) finished: Vec<Box<FrontExchange>>,
    /// Slots to be looked at without an event.
    pub(crate) attention: Vec<u32>,
    pub(crate) slots: Slots,
    /// Closed when the worker drains.
    pub(crate) listeners: Vec<Arc<Listener>>,
    spare: Vec<Box<FrontExchange>>,
    /// When the deadlines are looked at next, in milliseconds.
    pub(crate) next_sweep: u64,
    /// False while the listeners are not watched.
    pub(crate) accepting: bool,
    /// When the listeners are looked at without an event.
    pub(crate) next_look: u64,
    /// Not before this time is accepting tried again.
    pub(crate) accept_after: u64,
    /// Set once the worker is to finish: since when, in milliseconds.
    pub(crate) draining: Option<u64>,
    /// All is done, every thread goes.
    pub(crate) stopping: bool,
}

/// What a thread is to the worker, so that a response knows which way to go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// No thread of the worker.
    Outsider,
    /// Leads, or did when it last looked.
    Leader { term: u64 },
    /// Has lost the lead inside a call.
    Follower,
}

thread_local! {
    pub(crate) static ROLE: Cell<Role> = const { Cell::new(Role::Outsider) };
    /// Responses of a thread that lost the lead: it sends them itself, once it is out of the interpreter.
    pub(crate) static OWN: RefCell<Vec<Box<FrontExchange>>> = const { RefCell::new(Vec::new()) };
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        application: Arc<dyn Application>,
        listeners: Vec<Arc<Listener>>,
        reactor: Reactor,
        alarm: Alarm,
        board: Option<Box<dyn Board>>,
    ) -> Self {
        let shift = Mutex::new(Shift { listeners, next_sweep: u64::MAX, ..Shift::default() });
        let (pulse, crew) = (Pulse::default(), Condvar::new());
        let deadlines = Deadlines::new(options.timeouts.request, options.threads_max);
        let request_spool = Arc::new(RequestSpool::new(options.request_spool));
        let response_spool = Arc::new(ResponseSpool::new(options.response_spool));
        Self {
            options,
            application,
            reactor,
            pulse,
            board,
            alarm,
            deadlines,
            draining: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            request_spool,
            response_spool,
            crew,
            shift,
        }
    }

    /// True while an application may wait for a peer that is slow to send or to read. No more than a quarter of the threads
    /// do at a time, so that slow peers cannot hold them all; beyond that, what is slow goes over the disk.
    pub(crate) fn may_wait(&self) -> bool {
        self.waiting.load(Relaxed) < self.options.threads_max / 4
    }

    /// So many more wait, or may have to.
    pub(crate) fn count_waiting(&self, more: isize) {
        self.waiting.fetch_add(more.cast_unsigned(), Relaxed);
    }

    /// Runs `wait`, which waits for a peer, and counts it.
    pub(crate) fn waiting<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.waiting.fetch_add(1, Relaxed);
        let result = wait();
        self.waiting.fetch_sub(1, Relaxed);
        result
    }

    /// Takes the lock. A thread that panicked under it has left it in order: nothing between two changes can panic.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Shift> {
        self.shift.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The term of the lead that this thread has, if it has.
    pub(crate) fn leads(&self) -> Option<u64> {
        match ROLE.get() {
            Role::Leader { term } if self.lock().term == term => Some(term),
            _ => None,
        }
    }

    /// Takes a response that is complete while its application goes on, from a thread that led in this term a moment ago.
    pub(crate) fn give_back_early(self: &Arc<Self>, exchange: Box<FrontExchange>, term: u64) {
        end_if_forked();
        let mut shift = self.lock();
        if shift.term == term {
            // Whoever leads next sends it, should this call take its time.
            return shift.finished.push(exchange);
        }
        drop(shift);
        self.deliver_apart(&mut vec![exchange]);
    }

    /// Takes a response that is complete (or broken) from whoever answered it.
    pub(crate) fn give_back(self: &Arc<Self>, exchange: Box<FrontExchange>) {
        end_if_forked();
        match ROLE.get() {
            Role::Leader { term } => {
                let mut shift = self.lock();
                if shift.term == term {
                    shift.finished.push(exchange);
                    return;
                }
                drop(shift);
                OWN.with_borrow_mut(|own| own.push(exchange));
            }
            Role::Follower => OWN.with_borrow_mut(|own| own.push(exchange)),
            Role::Outsider => {
                let mut exchanges = vec![exchange];
                self.deliver_apart(&mut exchanges);
            }
        }
    }
}

impl Shift {
    /// An empty exchange.
    pub(crate) fn spare(&mut self, shared: &Arc<Shared>) -> Box<FrontExchange> {
        self.spare.pop().unwrap_or_else(|| Box::new(FrontExchange::new(shared.clone())))
    }

    /// Takes the next request that is to be called.
    pub(crate) fn next_in_queue(&mut self) -> Option<Box<FrontExchange>> {
        if self.newest_first == 0 {
            return self.ready.pop_front();
        }
        self.newest_first -= 1;
        self.ready.pop_back()
    }

    /// Takes back requests that were in the queue before.
    pub(crate) fn return_to_queue(&mut self, mut requests: VecDeque<Box<FrontExchange>>) {
        if self.newest_first > 0 {
            requests.append(&mut self.ready);
            self.ready = requests;
        } else {
            self.ready.append(&mut requests);
        }
    }

    /// Keeps an exchange, empty, for the next request.
    pub(crate) fn keep(&mut self, exchange: Box<FrontExchange>) {
        if self.spare.len() < SPARE {
            self.spare.push(exchange);
        }
    }

    /// Drops the spare exchanges: they hold the shared state alive.
    pub(crate) fn forget_spares(&mut self) {
        self.spare.clear();
    }

    /// Asks that those who wait for room on disk be looked at soon.
    pub(crate) fn expect_room(&mut self, now: u64) {
        self.expect(now + SWEEP_EVERY_MS);
    }

    /// Asks that deadlines be looked at no later than this.
    pub(crate) fn expect(&mut self, deadline: u64) {
        self.next_sweep = self.next_sweep.min(deadline);
    }
}
