//! The life of a worker, up to and after what the host does in it.

use std::os::fd::OwnedFd;

use rustix::process::{Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal};

use crate::host::Host;
use crate::message::Report;
use crate::orders::Orders;
use crate::scoreboard::Seat;
use crate::settings::SupervisorSettings;
use crate::signals::{self, Blocked, Signals};
use crate::template;
use crate::{FAILED, NOT_LOADED};

/// What a worker has when it is born. Everything else of its template is closed.
pub(crate) struct Birth {
    pub(crate) seat: Seat,
    /// Whether the template has not loaded the application.
    pub(crate) load: bool,
    pub(crate) line: OwnedFd,
    pub(crate) lifeline: OwnedFd,
    pub(crate) template: Pid,
    pub(crate) blocked: Blocked,
}

/// Lives; returns the exit code.
pub(crate) fn live(birth: Birth, settings: &SupervisorSettings, host: &dyn Host) -> i32 {
    let Birth { seat, load, line, lifeline, template, blocked } = birth;
    let pid = getpid();
    let signals = match Signals::install(signals::WORKER, blocked) {
        Ok(signals) => signals,
        Err(error) => {
            log::error!("a worker cannot install its signal handlers: {error}");
            return FAILED;
        }
    };
    // Nobody hears a worker that cannot say that it lives: it would serve without being known.
    if (Report::Started { seat: seat.number(), pid }).send(&line).is_err() {
        return FAILED;
    }
    if load {
        if !dies_with(template) {
            return FAILED;
        }
        let loaded = template::load(settings, host, &line);
        // From here on the end of the supervisor is an order to drain, and that of the template is nothing.
        let _ = set_parent_process_death_signal(None);
        if !loaded {
            return NOT_LOADED;
        }
        if let Err(error) = signals.reinstall() {
            log::error!("a worker cannot reinstall its signal handlers: {error}");
            return FAILED;
        }
    }
    let orders = match Orders::new(signals, lifeline, settings.graceful_timeout) {
        Ok(orders) => orders,
        Err(error) => {
            log::error!("a worker cannot watch for its orders: {error}");
            return FAILED;
        }
    };
    let mut line = Some(line);
    host.serve(seat, orders, &mut || {
        let Some(line) = line.take() else { return };
        if (Report::Ready { seat: seat.number(), pid }).send(line).is_err() {
            // The supervisor has given this worker up, or is gone.
            let _ = kill_process(pid, Signal::TERM);
        }
    })
}

/// Ties the life of this process to that of its parent, so that an import that never ends does not outlive it.
/// `false` if the parent is gone already.
pub(crate) fn dies_with(parent: Pid) -> bool {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    getppid() == Some(parent)
}
