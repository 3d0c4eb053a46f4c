//! The worker: one reactor, the threads that share it, and the connections they serve.
//!
//! One thread leads: it polls, reads, parses and runs the applications of all ready requests back to back, then sends the
//! answers together. When it stays blocked inside one call, a watcher lets another thread take the lead, so that a fast
//! request costs no hand-over and a slow one stalls nobody.
//!
//! What is not here: Python (an application is a [`millau_gateway::Application`]), the wire format (`millau-http1`), the
//! decision how many workers there are (`millau-supervisor`).

#![deny(unsafe_code)]
// An exchange is large and moves from list to list: its box makes that one pointer.
#![allow(clippy::vec_box)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod blockers;
mod channel;
mod clock;
mod connection;
mod crew;
mod deadline;
mod deliver;
mod disk_share;
mod exchange;
mod forked;
mod lead;
mod options;
mod outbox;
mod pulse;
mod reactor;
mod read;
mod respond;
mod response_spool;
mod shift;
mod slots;
mod slow_readers;
mod spool;
mod watch;
mod wire;
mod worker;

pub use options::{Board, Options, Timeouts};
pub use worker::{StartError, Worker};
