//! How long an application may take for a response. After that the request ends, whatever its thread goes on doing.
//!
//! A thread cannot be stopped from outside. So a thread of its own looks at what runs, answers over the application's head,
//! and ends the connection; what the application says later goes nowhere. The others go on. When every thread of the worker
//! is held by such a call, the worker ends, and another takes its place.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use millau_gateway::{Error, Peer, reason_phrase};
use rustix::net::{SendFlags, Shutdown};

use crate::exchange::FrontExchange;
use crate::shift::Shared;

/// How often calls are looked at, at the most and at the least.
const LOOKS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// The calls of all threads, where there is a limit to their time.
pub(crate) struct Deadlines {
    limit: Duration,
    calls: Vec<Mutex<Call>>,
}

/// Which call of which thread an exchange belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    thread: usize,
    number: u64,
}

/// The last call of a thread; keeps its memory.
#[derive(Default)]
struct Call {
    number: u64,
    /// `None`: it is over.
    since: Option<Instant>,
    thread: i32,
    socket: Option<Arc<OwnedFd>>,
    local: bool,
    /// What the peer gets if nothing was sent before.
    answer: Vec<u8>,
    described: String,
    /// Part of the response has gone out.
    started: bool,
    /// What its peer does not do, while it waits for that.
    awaits: Option<&'static str>,
    /// Its time is over, and its connection has ended.
    cut: bool,
}

impl Deadlines {
    /// For so many threads; `None` where calls may take as long as they want.
    pub(crate) fn new(limit: Duration, threads: usize) -> Option<Self> {
        (!limit.is_zero()).then(|| Self { limit, calls: (0..threads).map(|_| Mutex::default()).collect() })
    }

    fn lock(&self, thread: usize) -> Option<MutexGuard<'_, Call>> {
        Some(self.calls.get(thread)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn find(&self, ticket: Ticket) -> Option<MutexGuard<'_, Call>> {
        self.lock(ticket.thread).filter(|call| call.number == ticket.number && call.since.is_some())
    }

    /// A call begins.
    pub(crate) fn begin(&self, thread: usize, exchange: &FrontExchange) -> Option<Ticket> {
        let connection = exchange.connection.as_deref()?;
        let mut call = self.lock(thread)?;
        call.number += 1;
        call.since = Some(Instant::now());
        call.thread = rustix::thread::gettid().as_raw_nonzero().get();
        call.socket = Some(connection.socket.clone());
        call.local = connection.peer == Peer::Local;
        call.described = exchange.describe();
        call.started = false;
        call.awaits = None;
        call.cut = false;
        let call = &mut *call;
        call.answer.clear();
        let error = Error::application("no response in time").with_status(504);
        let options = &exchange.shared.options;
        exchange.wire.encode_refusal(&mut call.answer, &error, reason_phrase(504), &exchange.request, options);
        Some(Ticket { thread, number: call.number })
    }

    /// The call is about to send a part of its response.
    pub(crate) fn started(&self, ticket: Ticket) {
        if let Some(mut call) = self.find(ticket) {
            call.started = true;
        }
    }

    /// The call begins or ends to wait for its peer.
    pub(crate) fn awaits(&self, ticket: Ticket, what: Option<&'static str>) {
        if let Some(mut call) = self.find(ticket) {
            call.awaits = what;
        }
    }

    /// The call has brought its response to an end. Tells whether its time was over before.
    pub(crate) fn end(&self, ticket: Ticket) -> Ended {
        let Some(mut call) = self.find(ticket) else { return Ended::InTime };
        call.since = None;
        call.socket = None;
        match (call.cut, call.started) {
            (false, _) => Ended::InTime,
            (true, false) => Ended::Answered,
            (true, true) => Ended::Cut,
        }
    }
}

/// How the call had fared when its response was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    InTime,
    /// Its time was over, and the peer has been answered with 504.
    Answered,
    /// Its time was over in the middle of the response.
    Cut,
}

/// The life of the thread that looks at the calls; it ends with the worker.
pub(crate) fn keep_deadlines(shared: &Weak<Shared>) {
    loop {
        let Some(shared) = shared.upgrade() else { return };
        let Some(deadlines) = &shared.deadlines else { return };
        if shared.lock().stopping {
            return;
        }
        shared.look_at_calls(deadlines);
        let pause = (deadlines.limit / 8).clamp(LOOKS.0, LOOKS.1);
        drop(shared);
        std::thread::sleep(pause);
    }
}

impl Shared {
    fn look_at_calls(&self, deadlines: &Deadlines) {
        let mut held = 0;
        for thread in 0..deadlines.calls.len() {
            let Some(mut call) = deadlines.lock(thread) else { continue };
            if call.cut && call.since.is_some() {
                held += 1;
            } else if call.since.is_some_and(|since| since.elapsed() > deadlines.limit) {
                call.cut = true;
                // A wait for the peer ends with the connection.
                held += usize::from(call.awaits.is_none());
                let outcome = call.end_connection();
                let (described, number, awaits) = (call.described.clone(), call.thread, call.awaits);
                // The log and the interpreter may take their time; the call may end meanwhile.
                drop(call);
                let limit = deadlines.limit.as_secs_f64();
                if let Some(what) = awaits {
                    log::warn!(
                        "{described}: peer error: no whole response within {limit} s (--request-timeout), because {what}: \
                         {outcome}"
                    );
                    continue;
                }
                let doing = self.application.whereabouts(number).unwrap_or_default();
                log::error!(
                    "{described}: application error: no whole response within {limit} s (--request-timeout): {outcome}; its \
                     thread is held until the call ends{}{doing}",
                    if doing.is_empty() { "" } else { ". It is at\n" }
                );
            }
        }
        if held >= self.options.threads_max {
            log::error!(
                "every thread is held by a call whose time is over: the worker ends, and another takes its place"
            );
            std::process::abort();
        }
    }
}

impl Call {
    /// Answers in place of the application, if it has not begun to, and ends the connection so that nobody takes half a
    /// response for whole.
    fn end_connection(&mut self) -> &'static str {
        let Some(socket) = self.socket.take() else { return "nobody was left to answer" };
        if self.started {
            // A connection over TCP that is dissolved is reset at once, although others still hold the socket.
            if self.local || rustix::net::connect_unspec(&socket).is_err() {
                let _ = rustix::net::shutdown(&socket, Shutdown::Both);
            }
            return "the response is cut";
        }
        let sent = rustix::net::send(&socket, &self.answer, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
        // Only this side: the peer may still be sending its body, and a reset would take the answer back.
        let _ = rustix::net::shutdown(&socket, Shutdown::Write);
        if sent.is_ok_and(|length| length == self.answer.len()) { "the client gets 504" } else { "the client is gone" }
    }
}
