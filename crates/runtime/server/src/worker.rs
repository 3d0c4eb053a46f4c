//! One worker process: its threads around one reactor.

use std::fmt;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use millau_gateway::Application;
use millau_listener::Listener;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::deadline::keep_deadlines;
use crate::forked;
use crate::options::{Board, Options};
use crate::reactor::Reactor;
use crate::shift::Shared;
use crate::watch::Alarm;

/// Serves an application at listeners until it is told to finish.
pub struct Worker {
    shared: Arc<Shared>,
    drain: OwnedFd,
}

/// Why a worker cannot start.
#[derive(Debug)]
pub struct StartError(io::Error);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the worker cannot start: {}", self.0)
    }
}

impl std::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl Worker {
    /// Prepares everything that can fail. `drain` becomes readable when the worker must finish.
    ///
    /// # Errors
    /// [`StartError`] when the system gives no descriptor for polling, or a listener cannot be watched.
    pub fn new(
        options: Options,
        application: Arc<dyn Application>,
        listeners: Vec<Arc<Listener>>,
        drain: OwnedFd,
        board: Option<Box<dyn Board>>,
    ) -> Result<Self, StartError> {
        let reactor = Reactor::new()?;
        reactor.add_drain(&drain)?;
        for (index, listener) in listeners.iter().enumerate() {
            reactor.add_listener(listener, index as u32)?;
        }
        let alarm = Alarm::new()?;
        listeners.iter().for_each(|listener| forked::withhold(listener.as_fd().as_raw_fd()));
        let shared = Arc::new(Shared::new(options, application, listeners, reactor, alarm, board));
        {
            let mut shift = shared.lock();
            shift.term = 1;
            shift.vacant = true;
            shift.accepting = true;
            shift.threads = 1;
        }
        Ok(Self { shared, drain })
    }

    /// Serves; the calling thread is the first of the worker's threads. Returns when every request is answered after the
    /// order to finish; then the process should end.
    ///
    /// # Errors
    /// [`StartError`] when the watcher's thread cannot be started.
    pub fn run(self) -> Result<(), StartError> {
        self.run_guarded(Arc::default())
    }

    /// Like [`Worker::run`] in a process that goes on afterwards: the worker's threads have ended by then. One that the
    /// application holds for longer than it may take is left behind, and the log says so.
    ///
    /// # Errors
    /// [`StartError`] when the watcher's thread cannot be started.
    pub fn run_and_clear_up(self) -> Result<(), StartError> {
        let (shared, until) = (self.shared.clone(), self.shared.options.timeouts.graceful);
        let over = Arc::new(AtomicBool::new(false));
        let result = self.run_guarded(over.clone());
        over.store(true, Relaxed);
        let until = Instant::now() + until;
        let mut shift = shared.lock();
        while !shift.numbers.is_empty() {
            if Instant::now() >= until {
                log::warn!("a request's thread is left behind: it goes on after its response was sent");
                break;
            }
            drop(shift);
            std::thread::sleep(Duration::from_millis(5));
            shift = shared.lock();
        }
        drop(shift);
        result
    }

    /// `over`: set once the guard has nothing to guard any more.
    fn run_guarded(self, over: Arc<AtomicBool>) -> Result<(), StartError> {
        let shared = self.shared;
        forked::notice();
        let (drain, graceful) = (self.drain, shared.options.timeouts.graceful);
        std::thread::Builder::new().name("millau-guard".into()).spawn(move || guard(&drain, graceful, &over))?;
        if shared.deadlines.is_some() {
            let shared = Arc::downgrade(&shared);
            std::thread::Builder::new().name("millau-deadlines".into()).spawn(move || keep_deadlines(&shared))?;
        }
        let watcher = if shared.options.threads_max > 1 {
            let shared = shared.clone();
            Some(std::thread::Builder::new().name("millau-watcher".into()).spawn(move || shared.keep_watch())?)
        } else {
            None
        };
        {
            let mut shift = shared.lock();
            for _ in 1..shared.options.threads_min {
                shared.hire(&mut shift);
            }
            shift.idle += 1;
        }
        shared.work(0);
        if let Some(watcher) = watcher {
            shared.alarm.ring();
            let _ = watcher.join();
        }
        Ok(())
    }
}

/// Ends the process when it has not ended by itself some time after the order. The supervisor kills it before, if there
/// still is one.
fn guard(drain: &OwnedFd, graceful: Duration, over: &AtomicBool) {
    loop {
        match rustix::event::poll(&mut [PollFd::new(drain, PollFlags::IN)], None) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => break,
            Err(error) => return log::error!("engine error: the order to finish cannot be waited for: {error}"),
        }
    }
    std::thread::sleep(graceful + Duration::from_secs(2));
    if over.load(Relaxed) {
        return;
    }
    log::error!("the worker could not finish in time and ends without waiting for its requests");
    std::process::abort();
}
