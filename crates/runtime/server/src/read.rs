//! The reading side: from bytes on a connection to requests that are ready for their call.

use std::ops::Range;
use std::sync::Arc;

use millau_gateway::Error;

use crate::clock::deadline_after;
use crate::connection::{Connection, Received};
use crate::exchange::FrontExchange;
use crate::shift::{Shared, Shift};
use crate::slots::Tenant;
use crate::wire::Begun;

/// How often one connection may be read before the others have their turn.
const READS_IN_A_ROW: usize = 16;

/// From this size on a body that has arrived whole stays in the buffer it was received in; below, copying is cheaper.
const HOLD_FROM: usize = 4 * 1024;

/// What came of looking for a request.
enum Parsed {
    /// There is no whole head yet; what was received is in the connection's inbox.
    Unfinished(Box<Connection>),
    /// The connection has its next place.
    Settled,
    /// The request is ready, and this part of the input is its body, whole.
    Whole(Box<FrontExchange>, Range<usize>),
}

/// What the operator sets the limit with that a request was refused for.
fn settings_of(status: u16) -> &'static str {
    match status {
        413 => " (--limit-body-size)",
        414 => " (--limit-target-size)",
        431 => " (--limit-head-size, --limit-fields)",
        _ => "",
    }
}

impl Shared {
    /// Reads a connection whose tenant is at home, as far as it goes.
    pub(crate) fn read(self: &Arc<Self>, shift: &mut Shift, index: u32, scratch: &mut Vec<u8>, now: u64) {
        match shift.slots.take(index) {
            Tenant::Head(connection) => self.read_head(shift, connection, scratch, now),
            Tenant::Body(exchange) => self.read_body(shift, exchange, scratch, now),
            Tenant::Lingering(connection) => self.read_and_drop(shift, connection, scratch),
            Tenant::Sending(exchange) => {
                // What is sent while the response is still going out waits; only its end is worth knowing.
                let deadline = shift.slots.row(index).deadline;
                shift.slots.row(index).readable = true;
                shift.slots.put(index, Tenant::Sending(exchange), deadline);
            }
            other @ (Tenant::Away | Tenant::Free(_)) => {
                shift.slots.row(index).readable = true;
                shift.slots.row(index).tenant = other;
            }
        }
    }

    fn read_head(
        self: &Arc<Self>,
        shift: &mut Shift,
        mut connection: Box<Connection>,
        scratch: &mut Vec<u8>,
        now: u64,
    ) {
        if !connection.inbox.is_empty() && connection.head_since == 0 {
            // What came behind the request before has not been looked at.
            let inbox = std::mem::take(&mut connection.inbox);
            match self.parse(shift, connection, &inbox, now) {
                Parsed::Unfinished(unfinished) => connection = unfinished,
                Parsed::Settled => return,
                Parsed::Whole(exchange, body) => return self.hold(shift, exchange, &mut { inbox }, body),
            }
        }
        for _ in 0..READS_IN_A_ROW {
            match connection.receive(scratch) {
                Received::Data(length) => {
                    let mut held = Vec::new();
                    let parsed = if connection.inbox.is_empty() {
                        self.parse(shift, connection, &scratch[..length], now)
                    } else {
                        held = std::mem::take(&mut connection.inbox);
                        held.extend_from_slice(&scratch[..length]);
                        self.parse(shift, connection, &held, now)
                    };
                    match parsed {
                        Parsed::Unfinished(unfinished) => connection = unfinished,
                        Parsed::Settled => return,
                        Parsed::Whole(exchange, body) if held.is_empty() => {
                            return self.hold(shift, exchange, scratch, body);
                        }
                        Parsed::Whole(exchange, body) => return self.hold(shift, exchange, &mut held, body),
                    }
                    if connection.drained {
                        break;
                    }
                }
                Received::Nothing => break,
                Received::End | Received::Broken(_) => return self.close(shift, *connection),
            }
        }
        self.await_head(shift, connection, now);
    }

    /// Looks for one request in `input`.
    fn parse(self: &Arc<Self>, shift: &mut Shift, mut connection: Box<Connection>, input: &[u8], now: u64) -> Parsed {
        let mut exchange = shift.spare(self);
        match exchange.begin(&mut connection, input) {
            Ok(Begun::Head(length)) => {
                let rest = &input[length..];
                if rest.len() >= HOLD_FROM
                    && let Some(body) = connection.wire.whole_body(rest)
                {
                    connection.inbox.extend_from_slice(&rest[body..]);
                    exchange.adopt(connection);
                    return Parsed::Whole(exchange, length..length + body);
                }
                exchange.adopt(connection);
                self.feed(shift, exchange, rest, now);
                Parsed::Settled
            }
            Ok(Begun::More(consumed)) => {
                let rest = &input[consumed..];
                if connection.wire.is_blank(rest) {
                    connection.head_since = 0;
                } else if connection.head_since == 0 {
                    connection.head_since = now;
                }
                connection.inbox.extend_from_slice(rest);
                // A peer that asks and does not read the answer is given up; no other peer is that slow.
                let replied = exchange.reply(&connection);
                shift.keep(exchange);
                if replied {
                    return Parsed::Unfinished(connection);
                }
                self.close(shift, *connection);
                Parsed::Settled
            }
            Err(error) => {
                exchange.adopt(connection);
                self.refuse(shift, exchange, &error);
                Parsed::Settled
            }
        }
    }

    /// Lets an exchange keep the buffer in which its whole body lies, and puts another in its place.
    fn hold(&self, shift: &mut Shift, mut exchange: Box<FrontExchange>, buffer: &mut Vec<u8>, body: Range<usize>) {
        exchange.hold(buffer, body);
        shift.ready.push_back(exchange);
    }

    /// Hands body bytes to an exchange and finds its next place.
    fn feed(self: &Arc<Self>, shift: &mut Shift, mut exchange: Box<FrontExchange>, input: &[u8], now: u64) {
        match exchange.take_body(input) {
            Ok(consumed) => {
                if let Some(connection) = &mut exchange.connection {
                    connection.inbox.extend_from_slice(&input[consumed..]);
                }
                if exchange.is_ready() {
                    exchange.count();
                    shift.ready.push_back(exchange);
                } else {
                    self.await_body(shift, exchange, now);
                }
            }
            Err(error) => self.refuse(shift, exchange, &error),
        }
    }

    fn read_body(self: &Arc<Self>, shift: &mut Shift, mut exchange: Box<FrontExchange>, scratch: &mut [u8], now: u64) {
        if exchange.crowded_since.is_some() {
            // What the client sends on top stays with the kernel, and then with the client.
            let crowded = exchange.is_crowded();
            let Some(connection) = &mut exchange.connection else { return };
            if crowded {
                let index = connection.slot;
                let deadline = shift.slots.row(index).deadline;
                return self.at_home(shift, index, Tenant::Body(exchange), deadline);
            }
            let held = std::mem::take(&mut connection.inbox);
            self.feed(shift, exchange, &held, now);
            return;
        }
        for _ in 0..READS_IN_A_ROW {
            let Some(connection) = &mut exchange.connection else { return };
            match connection.receive(scratch) {
                Received::Data(length) => {
                    let held = std::mem::take(&mut connection.inbox);
                    let drained = connection.drained;
                    let taken = if held.is_empty() {
                        exchange.take_body(&scratch[..length]).map(|consumed| scratch[consumed..length].to_vec())
                    } else {
                        let whole = [&held, &scratch[..length]].concat();
                        exchange.take_body(&whole).map(|consumed| whole[consumed..].to_vec())
                    };
                    match taken {
                        Ok(rest) => {
                            if let Some(connection) = &mut exchange.connection {
                                connection.inbox = rest;
                            }
                        }
                        Err(error) => return self.refuse(shift, exchange, &error),
                    }
                    if exchange.is_ready() {
                        exchange.count();
                        return shift.ready.push_back(exchange);
                    }
                    if drained || exchange.crowded_since.is_some() {
                        break;
                    }
                }
                Received::Nothing => break,
                Received::End => {
                    let error = Error::peer(400, "the connection was closed in the middle of the body");
                    return self.refuse(shift, exchange, &error);
                }
                Received::Broken(_) => {
                    if let Some(connection) = exchange.release() {
                        self.close(shift, *connection);
                    }
                    return shift.keep(exchange);
                }
            }
        }
        self.await_body(shift, exchange, now);
    }

    fn read_and_drop(self: &Arc<Self>, shift: &mut Shift, mut connection: Box<Connection>, scratch: &mut [u8]) {
        for _ in 0..READS_IN_A_ROW {
            match connection.receive(scratch) {
                Received::Data(_) if !connection.drained => {}
                Received::Data(_) | Received::Nothing => break,
                Received::End | Received::Broken(_) => return self.close(shift, *connection),
            }
        }
        let index = connection.slot;
        let deadline = shift.slots.row(index).deadline;
        self.at_home(shift, index, Tenant::Lingering(connection), deadline);
    }

    fn refuse(self: &Arc<Self>, shift: &mut Shift, mut exchange: Box<FrontExchange>, error: &Error) {
        let (described, status) = (exchange.describe(), error.status());
        log::log!(exchange.peer_level(), "{described}: refused with {status}: {error}{}", settings_of(status));
        exchange.refuse(error);
        shift.finished.push(exchange);
    }

    /// Puts a connection where it waits for a head, or for the rest of one.
    pub(crate) fn await_head(self: &Arc<Self>, shift: &mut Shift, mut connection: Box<Connection>, now: u64) {
        let timeouts = &self.options.timeouts;
        let deadline = if connection.head_since > 0 {
            deadline_after(connection.head_since, timeouts.header)
        } else if connection.used {
            deadline_after(now, timeouts.keep_alive)
        } else {
            deadline_after(now, timeouts.header)
        };
        let deadline = if shift.draining.is_some() { deadline.min(now + self.drain_grace_ms()) } else { deadline };
        if self.watch(shift, &mut connection) {
            let index = connection.slot;
            self.at_home(shift, index, Tenant::Head(connection), deadline);
        } else {
            self.close(shift, *connection);
        }
    }

    fn await_body(self: &Arc<Self>, shift: &mut Shift, mut exchange: Box<FrontExchange>, now: u64) {
        let deadline = deadline_after(exchange.crowded_since.unwrap_or(now), self.options.timeouts.body);
        let Some(mut connection) = exchange.connection.take() else { return };
        let index = connection.slot;
        let crowded = exchange.crowded_since.is_some();
        if crowded {
            shift.expect_room(now);
        }
        let invited = crowded || exchange.invite_body(&connection).is_ok();
        let watched = invited && self.watch(shift, &mut connection);
        exchange.connection = Some(connection);
        if watched {
            self.at_home(shift, index, Tenant::Body(exchange), deadline);
        } else if let Some(connection) = exchange.release() {
            self.close(shift, *connection);
        }
    }

    /// Puts a tenant in its slot and sees to what happened while it was away.
    pub(crate) fn at_home(&self, shift: &mut Shift, index: u32, mut tenant: Tenant, deadline: u64) {
        let mut unread = false;
        if let Some(connection) = tenant.connection() {
            connection.closing |= std::mem::take(&mut shift.slots.row(index).closed);
            unread = !connection.drained;
        }
        // Whose body waits for room is looked at by the sweep.
        unread &= !tenant.is_crowded();
        shift.slots.put(index, tenant, deadline);
        shift.expect(deadline);
        let slot = shift.slots.row(index);
        let writable = std::mem::take(&mut slot.writable);
        // Who sends keeps in mind that there is something to read, for when it has sent.
        let readable = !matches!(slot.tenant, Tenant::Sending(_)) && std::mem::take(&mut slot.readable);
        if readable | writable | unread {
            shift.attention.push(index);
        }
    }

    /// Lets the reactor watch the connection, if it does not yet.
    pub(crate) fn watch(&self, shift: &mut Shift, connection: &mut Connection) -> bool {
        if connection.watched {
            return true;
        }
        let turn = shift.slots.row(connection.slot).turn;
        match self.reactor.add_connection(connection.socket(), connection.slot, turn) {
            Ok(()) => {
                connection.watched = true;
                true
            }
            Err(error) => {
                log::error!("a connection cannot be watched and is closed: {error} (raise fs.epoll.max_user_watches?)");
                false
            }
        }
    }

    /// Closes a connection and frees its slot.
    pub(crate) fn close(&self, shift: &mut Shift, connection: Connection) {
        shift.slots.release(connection.slot);
        self.note_connections(shift);
        drop(connection);
    }

    /// Like `close`, for whoever is outside of the shift.
    pub(crate) fn abandon(&self, connection: Connection) {
        let mut shift = self.lock();
        self.close(&mut shift, connection);
        // A worker that drains may have waited for this one.
        self.reactor.wake();
    }
}
