//! The life of a template: it imports the application, then forks a worker whenever it is told to.
//!
//! It is the parent of its workers, so it is the first to know that one has died. It tells the supervisor, but keeps
//! the dead worker's number until the supervisor has heard of it: a signal can never reach a process that got the
//! number afterwards.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, getpid, waitid, waitpid};

use crate::ending::Ending;
use crate::host::{Fork, Host, Role};
use crate::message::{Command, Received, Report};
use crate::scoreboard::Scoreboard;
use crate::settings::SupervisorSettings;
use crate::signals::{self, Blocked, Signals, exit_at_once};
use crate::worker;
use crate::{FAILED, NOT_LOADED, STOPPED};

/// What a template has when it is born. Everything else of the supervisor is closed.
pub(crate) struct Birth {
    pub(crate) preload: bool,
    pub(crate) line: OwnedFd,
    pub(crate) supervisor: Pid,
    pub(crate) blocked: Blocked,
}

/// Lives as a template, and in its forks as a worker. Never returns, not even by a panic: the caller's stack belongs to
/// the supervisor.
pub(crate) fn live(
    birth: Birth,
    lifeline: OwnedFd,
    board: Scoreboard,
    settings: &SupervisorSettings,
    host: &dyn Host,
) -> ! {
    let role = Cell::new(Role::Template);
    let code = catch_unwind(AssertUnwindSafe(|| match serve_commands(birth, lifeline, board, settings, host) {
        Life::Ended(code) => code,
        Life::Worker(birth) => {
            role.set(Role::Worker);
            worker::live(birth, settings, host)
        }
    }));
    let code = code.unwrap_or_else(|_| {
        log::error!("a {} panicked", if role.get() == Role::Template { "template" } else { "worker" });
        FAILED
    });
    let _ = catch_unwind(AssertUnwindSafe(|| -> () { host.exit(role.get(), code) }));
    exit_at_once(code)
}

/// How the life as a template ends.
enum Life {
    Ended(i32),
    Worker(worker::Birth),
}

/// A worker that the supervisor has not told to forget.
struct Child {
    seat: usize,
    pid: Pid,
    reported: bool,
}

fn serve_commands(
    birth: Birth,
    lifeline: OwnedFd,
    board: Scoreboard,
    settings: &SupervisorSettings,
    host: &dyn Host,
) -> Life {
    let Birth { preload, line, supervisor, blocked } = birth;
    let signals = match Signals::install(signals::TEMPLATE, blocked) {
        Ok(signals) => signals,
        Err(error) => {
            log::error!("a template cannot install its signal handlers: {error}");
            return Life::Ended(FAILED);
        }
    };
    if !worker::dies_with(supervisor) {
        return Life::Ended(FAILED);
    }
    let mut threads = 0;
    if preload {
        if !load(settings, host, &line) {
            return Life::Ended(NOT_LOADED);
        }
        threads = host.settle();
        if let Err(error) = signals.reinstall() {
            log::error!("a template cannot reinstall its signal handlers: {error}");
            return Life::Ended(FAILED);
        }
    }
    // The first message that cannot be delivered means that the supervisor is gone.
    if (Report::Loaded { threads }).send(&line).is_err() {
        return Life::Ended(FAILED);
    }

    let mut children: Vec<Child> = Vec::new();
    loop {
        let mut ready = [PollFd::new(&line, PollFlags::IN), PollFd::new(&signals, PollFlags::IN)];
        match poll(&mut ready, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => {
                log::error!("a template cannot wait for commands: {error}");
                return Life::Ended(FAILED);
            }
        }
        // Only SIGCHLD is noted. It is taken before the children are asked, so that none is missed.
        signals.take();
        if report_dead(&mut children, &line).is_err() {
            return Life::Ended(STOPPED);
        }
        loop {
            match Command::receive(&line) {
                Ok(Received::Message(Command::Start { seat })) => {
                    let template = getpid();
                    let blocked = Blocked::new();
                    match host.fork() {
                        Ok(Fork::Child) => {
                            drop(signals);
                            let (seat, load) = (board.seat(seat), !preload);
                            return Life::Worker(worker::Birth { seat, load, line, lifeline, template, blocked });
                        }
                        Ok(Fork::Parent(pid)) => children.push(Child { seat, pid, reported: false }),
                        Err(error) => {
                            log::error!("a worker cannot be forked: {error}");
                            let _ = (Report::NotStarted { seat }).send(&line);
                        }
                    }
                }
                Ok(Received::Message(Command::Reap { pid })) => {
                    // Only what was reported as dead is ever reaped, so this does not wait.
                    children.retain(|child| child.pid != pid);
                    let _ = waitpid(Some(pid), WaitOptions::NOHANG);
                }
                Ok(Received::Nothing) => break,
                Ok(Received::Closed) => return Life::Ended(STOPPED),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    log::warn!("a template ignores a message: {error}");
                }
                Err(error) => {
                    log::error!("the line to the supervisor is broken: {error}");
                    return Life::Ended(FAILED);
                }
            }
        }
    }
}

/// Loads the application, in this template or in a worker of it. Tells the supervisor which files to watch and whether
/// it failed, and the log why.
pub(crate) fn load(settings: &SupervisorSettings, host: &dyn Host, line: impl AsFd) -> bool {
    let loaded = host.load();
    if settings.reload {
        for source in host.sources() {
            // A file too long to be named is not worth failing for.
            let _ = Report::Source(source).send(&line);
        }
    }
    if let Err(error) = &loaded {
        log::error!("{error}");
        let _ = Report::LoadFailed.send(&line);
    }
    loaded.is_ok()
}

/// Tells the supervisor which workers have died since the last time.
fn report_dead(children: &mut [Child], line: &OwnedFd) -> io::Result<()> {
    // Each by its number: other children belong to the application.
    for child in children.iter_mut().filter(|child| !child.reported) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let ending = match waitid(WaitId::Pid(child.pid), options) {
            Ok(Some(status)) => Ending::of_id(&status),
            Ok(None) | Err(Errno::INTR) => continue,
            Err(_) => Ending::Unknown,
        };
        child.reported = true;
        (Report::Ended { seat: child.seat, pid: child.pid, ending }).send(line)?;
    }
    Ok(())
}
