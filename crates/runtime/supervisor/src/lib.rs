//! The supervisor: one process that starts the workers, watches them, replaces those that die, and stops them.
//!
//! ```text
//! supervisor ── template (generation 1) ── worker, worker, ...      draining after a reload
//!            └─ template (generation 2) ── worker, worker, ...      serving
//! ```
//!
//! Every load of the application has its own *template* process: it imports the application once and forks the
//! workers, so that they share the memory, and a reload sees new code. The supervisor itself never runs application
//! code and has a single thread.
//!
//! It knows neither Python nor HTTP: what a process of ours does is asked from a [`Host`].

#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod ending;
mod host;
mod line;
mod lost;
mod message;
mod orders;
mod orphans;
mod plan;
mod process;
#[allow(unsafe_code, reason = "the memory that processes share has to be mapped")]
mod scoreboard;
mod settings;
#[allow(unsafe_code, reason = "dispositions and masks of signals are set by libc alone")]
mod signals;
mod template;
mod watch;
mod worker;

pub use host::{Fork, Host, LoadError, Role};
pub use orders::Orders;
pub use rustix::process::Pid;
pub use scoreboard::{LONGEST_METHOD, LONGEST_TARGET, Seat};
pub use settings::SupervisorSettings;

/// Exit code of the supervisor after a stop that was asked for.
pub const STOPPED: i32 = 0;
/// Exit code when no worker can be brought up or kept for a reason other than the application's code.
pub const FAILED: i32 = 1;
/// Exit code when the application cannot be loaded at the first start.
pub const NOT_LOADED: i32 = 3;

/// Supervises until a signal says stop; returns the exit code of the command.
///
/// Listeners are opened by the caller before, and are inherited by every worker. The calling process must have a
/// single thread. In the processes that are forked on the way this function does not return: they end in
/// [`Host::exit`].
pub fn run(settings: &SupervisorSettings, host: &dyn Host) -> i32 {
    process::run(settings, host).unwrap_or_else(|error| {
        log::error!("the supervisor cannot go on: {error}");
        FAILED
    })
}
