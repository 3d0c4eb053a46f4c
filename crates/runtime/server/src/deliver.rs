//! The sending side: complete responses go out, their connections find their next place.

use std::io;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use millau_gateway::Peer;
use millau_log::{Outcome, Record};

use crate::clock::{deadline_after, now_ms};
use crate::exchange::FrontExchange;
use crate::outbox::Sent;
use crate::shift::{OWN, Shared, Shift};
use crate::slots::Tenant;
use crate::wire::Afterwards;

/// How long a closed connection is kept so that its peer can read the response before a reset could overtake it.
const LINGER: Duration = Duration::from_secs(2);

impl Shared {
    /// Sends what is finished, without the lock, and settles the connections.
    pub(crate) fn deliver<'a>(
        self: &'a Arc<Self>,
        mut shift: MutexGuard<'a, Shift>,
        batch: &mut Batch,
    ) -> MutexGuard<'a, Shift> {
        while !shift.finished.is_empty() {
            std::mem::swap(&mut shift.finished, &mut batch.exchanges);
            drop(shift);
            self.send(batch);
            shift = self.lock();
            self.settle(&mut shift, batch);
        }
        shift
    }

    /// Sends responses for a thread that does not lead.
    pub(crate) fn deliver_apart(self: &Arc<Self>, exchanges: &mut Vec<Box<FrontExchange>>) {
        if exchanges.is_empty() {
            return;
        }
        let mut batch = Batch::default();
        std::mem::swap(exchanges, &mut batch.exchanges);
        self.send(&mut batch);
        let mut shift = self.lock();
        self.settle(&mut shift, &mut batch);
        if !shift.attention.is_empty() || shift.draining.is_some() || !shift.accepting {
            self.reactor.wake();
        }
    }

    /// Sends the responses that this thread finished after it had lost the lead.
    pub(crate) fn deliver_own(self: &Arc<Self>) {
        let mut own = OWN.take();
        self.deliver_apart(&mut own);
    }

    fn send(&self, batch: &mut Batch) {
        batch.results.clear();
        for exchange in &mut batch.exchanges {
            // Only where the close follows at once: what is held back for it must not be taken back by a reset.
            let is_last = exchange.afterwards() == Afterwards::Close && exchange.is_read_out();
            let result = match &exchange.connection {
                Some(_) if exchange.given_up => Err(io::ErrorKind::TimedOut.into()),
                Some(connection) if is_last => exchange.outbox.send_last(connection.socket()),
                Some(connection) => exchange.outbox.send(connection.socket()),
                None => Err(io::ErrorKind::NotConnected.into()),
            };
            if let Err(error) = &result {
                report(exchange, error);
                exchange.break_off();
            }
            if !matches!(result, Ok(Sent::Blocked)) {
                self.record(exchange, &mut batch.log_lines);
            }
            batch.results.push(result);
        }
        if let Some(log) = &self.options.access_log {
            log.write(&mut batch.log_lines);
        }
    }

    fn settle(self: &Arc<Self>, shift: &mut Shift, batch: &mut Batch) {
        let now = now_ms();
        for (mut exchange, result) in batch.exchanges.drain(..).zip(batch.results.drain(..)) {
            let afterwards = exchange.afterwards();
            // Nothing more is expected: a close alone resets nothing.
            let is_read_out = exchange.is_read_out();
            match result {
                Ok(Sent::Blocked) => {
                    exchange.guard();
                    let Some(connection) = &mut exchange.connection else { continue };
                    let index = connection.slot;
                    connection.silence(now);
                    if self.watch(shift, connection) {
                        let deadline = deadline_after(now, self.options.timeouts.send);
                        self.at_home(shift, index, Tenant::Sending(exchange), deadline);
                    } else if let Some(connection) = exchange.release() {
                        self.close(shift, *connection);
                    }
                    continue;
                }
                Ok(Sent::All) => {
                    let Some(mut connection) = exchange.release() else { continue };
                    connection.unguard();
                    connection.used = true;
                    connection.idle_since = now;
                    match afterwards {
                        Afterwards::Keep => {
                            if !connection.inbox.is_empty() {
                                shift.attention.push(connection.slot);
                            }
                            self.await_head(shift, connection, now);
                        }
                        Afterwards::Close if connection.ended || is_read_out => {
                            // A close alone would take back what is still held for it, should anything have come meanwhile.
                            if connection.peer != Peer::Local {
                                connection.shut_down_sending();
                            }
                            self.close(shift, *connection);
                        }
                        Afterwards::Close => {
                            connection.shut_down_sending();
                            connection.inbox = Vec::new();
                            let index = connection.slot;
                            if self.watch(shift, &mut connection) {
                                let deadline = deadline_after(now, LINGER);
                                self.at_home(shift, index, Tenant::Lingering(connection), deadline);
                                shift.attention.push(index);
                            } else {
                                self.close(shift, *connection);
                            }
                        }
                        Afterwards::Reset => {
                            connection.reset_on_close();
                            self.close(shift, *connection);
                        }
                    }
                }
                Err(_) => {
                    if let Some(connection) = exchange.release() {
                        connection.reset_on_close();
                        self.close(shift, *connection);
                    }
                }
            }
            shift.keep(exchange);
        }
    }

    fn record(&self, exchange: &FrontExchange, lines: &mut Vec<u8>) {
        let Some(log) = &self.options.access_log else { return };
        let request = &exchange.request;
        let record = Record {
            peer: request.peer,
            remote_addr: request.front.as_ref().and_then(|front| front.remote_addr.as_deref()),
            user: exchange.user.as_deref(),
            time: SystemTime::now(),
            method: &request.method,
            target: request.target(),
            version: request.version,
            status: exchange.status,
            bytes_sent: exchange.body_sent(),
            referer: request.fields.get(b"referer"),
            user_agent: request.fields.get(b"user-agent"),
            host: request.host(),
            duration: exchange.began.map(|began| Instant::now() - began).unwrap_or_default(),
            outcome: if exchange.is_broken() { Outcome::Aborted } else { Outcome::Complete },
        };
        log.append(lines, &record);
    }
}

fn report(exchange: &FrontExchange, error: &io::Error) {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        log::error!("{}: {error}; the response is cut", exchange.describe());
    } else {
        log::debug!("{}: the response could not be sent: {error}", exchange.describe());
    }
}

/// Responses on their way out; keeps its memory.
#[derive(Default)]
pub(crate) struct Batch {
    exchanges: Vec<Box<FrontExchange>>,
    results: Vec<io::Result<Sent>>,
    log_lines: Vec<u8>,
}
