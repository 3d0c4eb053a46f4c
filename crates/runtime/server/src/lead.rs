//! The leader: polls, reads, runs what is ready, sends.

use std::cell::Cell;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use millau_config::Protocol;
use millau_gateway::{Error, Exchange, Peer};
use millau_log::off_standard_streams;
use rustix::io::Errno;
use rustix::net::{SocketAddrAny, SocketFlags};

use crate::blockers::Blockers;
use crate::clock::{deadline_after, now_ms};
use crate::connection::Connection;
use crate::deliver::Batch;
use crate::exchange::FrontExchange;
use crate::forked::{end_if_forked, forget};
use crate::reactor::{Events, Token};
use crate::shift::{ROLE, Role, Shared, Shift};
use crate::slots::Tenant;
use crate::wire::Wire;

/// How much is received at once.
pub(crate) const RECEIVE_PIECE: usize = 64 * 1024;
/// Answers are held back while further calls run, but no longer than this: calls back to back find their code and data in
/// the caches, and a peer is woken less often.
const HOLD_BACK: Duration = Duration::from_micros(1500);
/// Deadlines, and who waits for room on disk, are looked at no more often than this.
pub(crate) const SWEEP_EVERY_MS: u64 = 100;
/// Connections that are taken from a listener before others have their turn.
const ACCEPTS_IN_A_ROW: usize = 64;
/// While a worker drains, a connection may still send one more request within this time, if the worker has it.
const DRAIN_GRACE_MS: u64 = 1000;
/// How long accepting pauses when descriptors have run out.
const ACCEPT_PAUSE_MS: u64 = 100;
/// How often the listeners are looked at without an event. A connection is announced to one worker alone: if that was killed
/// (or stopped) before it could accept, nobody else would hear of it until the next one comes.
const LOOK_AGAIN_MS: u64 = 1000;

/// What a thread needs to lead; kept while it follows.
pub(crate) struct Desk {
    /// What is received goes here first; always [`RECEIVE_PIECE`] long.
    scratch: Vec<u8>,
    events: Events,
    batch: Batch,
    number: usize,
}

impl Desk {
    /// For the thread with this number, counted from 0.
    pub(crate) fn new(number: usize) -> Self {
        Self { scratch: vec![0; RECEIVE_PIECE], events: Events::new(), batch: Batch::default(), number }
    }
}

impl Shared {
    /// True once the worker is to finish.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// Leads until the lead is lost or all is done.
    pub(crate) fn lead(self: &Arc<Self>, desk: &mut Desk, term: u64) {
        ROLE.set(Role::Leader { term });
        let mut shift = self.lock();
        self.pulse.lead();
        loop {
            shift = self.deliver(shift, &mut desk.batch);
            if !shift.set_aside.is_empty() {
                // Not before: they need the interpreter, which this thread has left by now.
                self.call_followers(&mut shift);
            }
            if (shift.ready.is_empty() || shift.newest_first > 0) && !has_drained(&shift) {
                shift = self.gather(shift, desk);
                if shift.ready.is_empty() {
                    shift.newest_first = 0;
                }
            }
            if has_drained(&shift) {
                shift.stopping = true;
                shift.forget_spares();
                self.crew.notify_all();
                break;
            }
            if shift.ready.is_empty() {
                continue;
            }
            drop(shift);
            let mut lost = false;
            let watched = self.options.threads_max > 1;
            self.application.batch(&mut || {
                if watched {
                    self.alarm.set();
                }
                lost = self.run(desk, term);
            });
            if lost {
                break;
            }
            if watched {
                self.alarm.take_back();
            }
            shift = self.lock();
        }
        ROLE.set(Role::Follower);
        self.deliver_own();
    }

    /// Runs what is ready, back to back. `true`: the lead is lost.
    fn run(self: &Arc<Self>, desk: &mut Desk, term: u64) -> bool {
        let watched = self.options.threads_max > 1;
        let mut first_answer: Option<Instant> = None;
        let mut shift = self.lock();
        loop {
            if !shift.finished.is_empty() {
                let now = Instant::now();
                if now - *first_answer.get_or_insert(now) > HOLD_BACK {
                    shift = self.deliver(shift, &mut desk.batch);
                    first_answer = None;
                }
            }
            let Some(mut exchange) = shift.next_in_queue() else { return false };
            if watched {
                let target = Blockers::name(&exchange.request.method, exchange.request.target());
                exchange.target_name = target;
                match shift.slow_readers.admit(exchange, self.options.threads_max) {
                    Some(admitted) => exchange = admitted,
                    None => continue,
                }
                if shift.blockers.expects(target) && shift.set_aside.len() < self.threads_to_come(&shift) {
                    shift.set_aside.push_back(exchange);
                    continue;
                }
                shift.in_call = target;
            }
            drop(shift);
            self.pulse.enter();
            self.call(desk.number, exchange);
            shift = self.lock();
            if shift.term != term {
                ROLE.set(Role::Follower);
                return true;
            }
            self.pulse.leave();
            if watched {
                let target = shift.in_call;
                shift.blockers.quick(target);
            }
            if shift.newest_first > 0 {
                // Somebody may have come during the call.
                return false;
            }
        }
    }

    /// Tells the board how many connections there are.
    pub(crate) fn note_connections(&self, shift: &Shift) {
        if let Some(board) = &self.board {
            board.connections(shift.slots.occupied());
        }
    }

    /// Calls the application for one request.
    pub(crate) fn call(&self, thread: usize, mut exchange: Box<FrontExchange>) {
        if let Some(deadlines) = &self.deadlines {
            exchange.ticket = deadlines.begin(thread, &exchange);
        }
        if let Some(board) = &self.board {
            board.begin(thread, &exchange.request.method, exchange.request.target());
        }
        let call = AssertUnwindSafe(|| self.application.call(Exchange::new(exchange)));
        if catch_unwind(call).is_err() {
            log::error!("engine error: a call into the application panicked; please report it with the lines above");
        }
        end_if_forked();
        if let Some(board) = &self.board {
            board.end(thread);
        }
    }

    /// Polls once and reads whatever there is.
    fn gather<'a>(self: &'a Arc<Self>, mut shift: MutexGuard<'a, Shift>, desk: &mut Desk) -> MutexGuard<'a, Shift> {
        let timeout = self.timeout(&shift);
        drop(shift);
        if let Err(error) = self.reactor.poll(&mut desk.events, timeout) {
            // Without its reactor a worker is of no use; the supervisor starts another.
            log::error!(
                "the worker ends: polling failed: {error}; has the application closed descriptors that are not its own?"
            );
            std::process::abort();
        }
        shift = self.lock();
        let now = now_ms();
        for (token, readiness) in desk.events.iter() {
            match token {
                Token::Wake => {}
                Token::Drain => self.drain(&mut shift, &mut desk.scratch, now),
                Token::Listener(listener) => {
                    self.accept(&mut shift, listener as usize, &mut desk.scratch, now);
                }
                Token::Slot { index, turn } => {
                    let Some(slot) = shift.slots.find(index, turn) else { continue };
                    match slot.tenant {
                        Tenant::Away => {
                            slot.readable |= readiness.read;
                            slot.writable |= readiness.write;
                            slot.closed |= readiness.closed;
                        }
                        Tenant::Sending(_) => {
                            slot.readable |= readiness.read;
                            slot.closed |= readiness.closed;
                            if readiness.write || readiness.closed {
                                self.send_more(&mut shift, index);
                            }
                        }
                        _ if readiness.read => {
                            if let Some(connection) = slot.tenant.connection() {
                                connection.drained = false;
                                connection.closing |= readiness.closed;
                            }
                            self.read(&mut shift, index, &mut desk.scratch, now);
                        }
                        _ => {}
                    }
                }
            }
        }
        if !shift.attention.is_empty() {
            for index in std::mem::take(&mut shift.attention) {
                match shift.slots.row(index).tenant {
                    Tenant::Sending(_) => self.send_more(&mut shift, index),
                    Tenant::Head(_) | Tenant::Body(_) | Tenant::Lingering(_) => {
                        self.read(&mut shift, index, &mut desk.scratch, now);
                    }
                    Tenant::Away => shift.slots.row(index).readable = true,
                    Tenant::Free(_) => {}
                }
            }
        }
        if now >= shift.next_sweep {
            self.sweep(&mut shift, now);
        }
        if shift.accepting && now >= shift.next_look {
            for listener in 0..shift.listeners.len() {
                self.accept(&mut shift, listener, &mut desk.scratch, now);
            }
            shift.next_look = now + LOOK_AGAIN_MS;
        }
        self.see_to_listeners(&mut shift, now);
        shift
    }

    fn timeout(&self, shift: &Shift) -> Option<Duration> {
        if !shift.attention.is_empty() || !shift.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let mut next = shift.next_sweep;
        if shift.accept_after > 0 {
            next = next.min(shift.accept_after);
        }
        if shift.accepting {
            next = next.min(shift.next_look);
        }
        if next == u64::MAX {
            return None;
        }
        Some(Duration::from_millis(next.saturating_sub(now_ms()) + 5))
    }

    fn send_more(&self, shift: &mut Shift, index: u32) {
        match shift.slots.take(index) {
            Tenant::Sending(exchange) => shift.finished.push(exchange),
            other => shift.slots.row(index).tenant = other,
        }
    }

    /// Sees to connections whose time is over, and to those for which there is room on disk now.
    fn sweep(self: &Arc<Self>, shift: &mut Shift, now: u64) {
        let mut next = u64::MAX;
        let (mut over, mut roomy) = (Vec::new(), Vec::new());
        for (index, slot) in shift.slots.at_home() {
            if slot.deadline <= now {
                over.push(index);
                continue;
            }
            next = next.min(slot.deadline);
            if let Tenant::Body(exchange) = &slot.tenant
                && exchange.crowded_since.is_some()
            {
                next = now;
                if !exchange.is_crowded() {
                    roomy.push(index);
                }
            }
        }
        shift.attention.extend(roomy);
        shift.next_sweep = next.max(now + SWEEP_EVERY_MS);
        if next == u64::MAX {
            shift.next_sweep = u64::MAX;
        }
        for index in over {
            match shift.slots.take(index) {
                Tenant::Head(connection) if connection.wire.is_blank(&connection.inbox) => {
                    self.close(shift, *connection)
                }
                Tenant::Head(connection) => {
                    let mut exchange = shift.spare(self);
                    exchange.adopt_blank(connection);
                    exchange.refuse(&Error::peer(408, "the head of the request did not arrive in time"));
                    shift.finished.push(exchange);
                }
                Tenant::Body(mut exchange) if exchange.crowded_since.is_some() => {
                    let error = Error::operator("there was no room on disk for the request's body (--request-spool)");
                    log::warn!("{}: refused with 503: {error}", exchange.describe());
                    exchange.refuse(&error.with_status(503));
                    shift.finished.push(exchange);
                }
                Tenant::Body(mut exchange) => {
                    exchange.refuse(&Error::peer(408, "the body of the request did not arrive in time"));
                    shift.finished.push(exchange);
                }
                Tenant::Sending(mut exchange) => {
                    let timeout = u64::try_from(self.options.timeouts.send.as_millis()).unwrap_or(u64::MAX);
                    let silence = exchange.connection.as_mut().map_or(u64::MAX, |connection| connection.silence(now));
                    if silence < timeout {
                        self.at_home(shift, index, Tenant::Sending(exchange), now + (timeout - silence));
                        continue;
                    }
                    log::debug!("{}: the client is too slow to read; the response is cut", exchange.describe());
                    exchange.given_up = true;
                    shift.finished.push(exchange);
                }
                Tenant::Lingering(connection) => self.close(shift, *connection),
                Tenant::Away | Tenant::Free(_) => {}
            }
        }
    }

    /// Takes connections from a listener. `true`: there may be more.
    fn accept(self: &Arc<Self>, shift: &mut Shift, listener: usize, scratch: &mut Vec<u8>, now: u64) -> bool {
        let Some(listener) = shift.listeners.get(listener).cloned() else { return false };
        for _ in 0..ACCEPTS_IN_A_ROW {
            if shift.slots.occupied() >= self.options.connections {
                return false;
            }
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let accepted = rustix::net::acceptfrom_with(&listener, flags)
                .and_then(|(socket, address)| Ok((off_standard_streams(socket)?, address)));
            let (socket, address) = match accepted {
                Ok(accepted) => accepted,
                Err(Errno::AGAIN) => return false,
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(error) => {
                    if shift.accept_after == 0 {
                        log::error!("operator error: no connection can be accepted on {}: {error}", listener.url());
                    }
                    shift.accept_after = now + ACCEPT_PAUSE_MS;
                    return false;
                }
            };
            let peer = address.and_then(|address: SocketAddrAny| SocketAddr::try_from(address).ok());
            if !self.is_welcome(listener.protocol(), peer) {
                continue;
            }
            let slot = shift.slots.reserve();
            self.note_connections(shift);
            let connection = Connection {
                socket: Arc::new(socket),
                peer: peer.map_or(Peer::Local, Peer::Inet),
                local: listener.local(),
                slot,
                watched: false,
                drained: false,
                closing: false,
                ended: false,
                used: false,
                guarded: false,
                untaken: Cell::default(),
                wire: Wire::new(listener.protocol(), &self.options),
                head_since: 0,
                idle_since: now,
                inbox: Vec::new(),
            };
            let deadline = deadline_after(now, self.options.timeouts.header);
            shift.slots.put(slot, Tenant::Head(Box::new(connection)), deadline);
            self.read(shift, slot, scratch, now);
        }
        true
    }

    /// False for a peer that is none of the front servers that may connect here.
    fn is_welcome(&self, protocol: Protocol, peer: Option<SocketAddr>) -> bool {
        let (Some(peer), true) = (peer, protocol != Protocol::Http) else { return true };
        let address = peer.ip().to_canonical();
        let named = &self.options.front_servers;
        let by_fastcgi = self.options.web_server_addresses.as_ref().filter(|_| protocol == Protocol::Fastcgi);
        let welcome = (named.is_empty() || named.contains(&address))
            && by_fastcgi.is_none_or(|addresses| addresses.contains(&address));
        if !welcome {
            log::warn!("{peer} is none of the front servers that may connect here; its connection is closed");
        }
        welcome
    }

    /// Watches the listeners exactly while connections may come.
    fn see_to_listeners(&self, shift: &mut Shift, now: u64) {
        if shift.accept_after > 0 && now >= shift.accept_after {
            shift.accept_after = 0;
        }
        let wanted =
            shift.draining.is_none() && shift.accept_after == 0 && shift.slots.occupied() < self.options.connections;
        if wanted == shift.accepting {
            return;
        }
        for (index, listener) in shift.listeners.iter().enumerate() {
            let change =
                if wanted { self.reactor.add_listener(listener, index as u32) } else { self.reactor.remove(listener) };
            if let Err(error) = change {
                log::error!("engine error: the listener {} cannot be watched: {error}", listener.url());
            }
        }
        shift.accepting = wanted;
    }

    /// The order to finish has come: nothing new is accepted; a connection that has been silent for a while closes, one
    /// that has just been used may send one more request, whose answer says that it is the last.
    ///
    /// Connections that wait at a listener are taken first: if no other process has it open, they would be reset.
    fn drain(self: &Arc<Self>, shift: &mut Shift, scratch: &mut Vec<u8>, now: u64) {
        if shift.draining.is_some() {
            return;
        }
        shift.draining = Some(now);
        self.draining.store(true, Relaxed);
        // First out of the reactor, then the last look: a connection that is announced to this worker alone, and that it
        // does not take, would wait until another one comes.
        self.see_to_listeners(shift, now);
        for listener in 0..shift.listeners.len() {
            while self.accept(shift, listener, scratch, now) {}
        }
        let grace = self.drain_grace_ms();
        let homes: Vec<u32> = shift.slots.at_home().map(|(index, _)| index).collect();
        for index in homes {
            let slot = shift.slots.row(index);
            if let Tenant::Head(connection) = &slot.tenant {
                let silent = connection.used
                    && connection.wire.is_blank(&connection.inbox)
                    && connection.idle_since + grace < now;
                slot.deadline = if silent { now } else { slot.deadline.min(now + grace) };
            }
        }
        shift.next_sweep = now;
        shift.listeners.drain(..).for_each(|listener| forget(listener.as_fd().as_raw_fd()));
    }
}

impl Shared {
    /// For how long a connection is kept for one more request while the worker drains: by the time when the worker is
    /// ended, it shall have ended itself.
    pub(crate) fn drain_grace_ms(&self) -> u64 {
        let half = self.options.timeouts.graceful.as_millis() / 2;
        u64::try_from(half).map_or(DRAIN_GRACE_MS, |half| half.min(DRAIN_GRACE_MS))
    }
}

/// True when the worker is to finish and nobody is left to serve.
fn has_drained(shift: &Shift) -> bool {
    shift.draining.is_some() && shift.slots.occupied() == 0
}
