//! The server of a script: found, started, or started anew.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{
    FlockOperation, Mode, OFlags, RawDir, Stat, Timespec, Timestamps, UTIME_NOW, flock, futimens, lstat, open, rename,
    stat,
};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::environment::Environment;
use crate::invocation::Invocation;
use crate::place::Place;
use crate::process::{Command, Deadline, has_ended, now, pause, start};
use crate::text::{Reason, Shown, parent};

/// How long a server may take until it listens, and a queue before it until there is room.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many seconds nobody tries again after a start that failed.
const AFTER_FAILURE: i64 = 10;
/// How long a server that is to end may take until it does not listen any more.
const STOP: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);
/// A log that is longer is put aside when a server starts.
const LONGEST_LOG: i64 = 1024 * 1024;
/// The server ends when nobody wants anything for so many seconds, unless the script says otherwise.
const IDLE: &[u8] = b"MILLAU_EXIT_WHEN_IDLE=300";

/// What of the environment is meant for the server and not for one request.
const INHERITED: &[&[u8]] = &[
    b"PATH",
    b"HOME",
    b"USER",
    b"LOGNAME",
    b"SHELL",
    b"LANG",
    b"LANGUAGE",
    b"TZ",
    b"TMPDIR",
    b"LD_LIBRARY_PATH",
    b"XDG_RUNTIME_DIR",
];
const INHERITED_PREFIXES: &[&[u8]] = &[b"LC_", b"PYTHON", b"MILLAU_"];

/// The server, as far as this process knows it.
pub(crate) struct Server<'a> {
    invocation: &'a Invocation,
    environment: &'a Environment,
    place: &'a Place,
    /// Started by this process.
    child: Option<Pid>,
}

impl<'a> Server<'a> {
    pub(crate) fn new(invocation: &'a Invocation, environment: &'a Environment, place: &'a Place) -> Self {
        Self { invocation, environment, place, child: None }
    }

    /// A connection to a server that is as new as its script.
    ///
    /// # Errors
    /// There is none, and none could be started.
    pub(crate) fn connect(&mut self) -> Result<OwnedFd, String> {
        match self.connect_once()? {
            Some(connection) if !self.is_outdated() => return Ok(connection),
            _ => {}
        }
        let until = Deadline::after(PATIENCE);
        let _lock = self.lock(until)?;
        // Somebody else may have seen to it in the meantime.
        match self.connect_once()? {
            Some(connection) if !self.is_outdated() => return Ok(connection),
            Some(connection) => self.stop(&connection),
            None => {}
        }
        self.start(until)
    }

    /// A server has ended before it took the request. Whether another one may be looked for.
    ///
    /// # Errors
    /// It was started for this request: its application cannot be loaded, say.
    pub(crate) fn lost(&mut self) -> Result<(), String> {
        match self.child {
            None => Ok(()),
            Some(_) => Err(self.failed("the server ended before it took a request")),
        }
    }

    /// `None`: nobody listens.
    fn connect_once(&self) -> Result<Option<OwnedFd>, String> {
        let cannot = |error: Errno| format!("cannot connect to {}: {}", Shown(&self.place.socket), Reason(error));
        let address = SocketAddrUnix::new(&*self.place.socket).map_err(cannot)?;
        let mut until = None;
        loop {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(cannot)?;
            match connect(&socket, &address) {
                Ok(()) => return Ok(Some(socket)),
                Err(Errno::NOENT | Errno::CONNREFUSED) => return Ok(None),
                // The queue before the server is full.
                Err(Errno::AGAIN | Errno::INTR)
                    if !until.get_or_insert_with(|| Deadline::after(PATIENCE)).has_passed() =>
                {
                    pause(PAUSE);
                }
                Err(error) => return Err(cannot(error)),
            }
        }
    }

    /// True when the script was changed after the server had started; a time that lies ahead says nothing.
    fn is_outdated(&self) -> bool {
        match (lstat(&*self.place.socket), lstat(&*self.invocation.script)) {
            (Ok(started), Ok(script)) => changed(&started) < changed(&script) && changed(&script) <= now(),
            _ => false,
        }
    }

    /// Lets only one process start or stop the server.
    fn lock(&self, until: Deadline) -> Result<OwnedFd, String> {
        let cannot = |error: Errno| format!("cannot lock {}: {}", Shown(&self.place.lock), Reason(error));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = open(&*self.place.lock, flags, Mode::RUSR | Mode::WUSR).map_err(cannot)?;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                Err(Errno::WOULDBLOCK | Errno::INTR) if !until.has_passed() => pause(PAUSE),
                Err(Errno::WOULDBLOCK) => return Err("another process takes too long to start the server".to_owned()),
                Err(error) => return Err(cannot(error)),
            }
        }
    }

    /// Asks the server behind a connection to end, and waits until it does not listen any more; what it is answering it
    /// finishes meanwhile.
    fn stop(&self, connection: &OwnedFd) {
        let number = || lstat(&*self.place.socket).map(|found| found.st_ino).ok();
        let before = number();
        match rustix::net::sockopt::socket_peercred(connection) {
            // Whoever listens is the supervisor.
            Ok(peer) if peer.uid == geteuid() => drop(kill_process(peer.pid, Signal::TERM)),
            _ => return,
        }
        let until = Deadline::after(STOP);
        while !until.has_passed() && number() == before {
            pause(PAUSE);
        }
    }

    /// Starts a server and waits until it listens.
    fn start(&mut self, until: Deadline) -> Result<OwnedFd, String> {
        if self.has_just_failed() {
            return Err(format!("the server could not be started a moment ago; its log is {}", Shown(&self.place.log)));
        }
        let child = self.spawn().map_err(|why| self.failed(&why))?;
        self.child = Some(child);
        loop {
            if let Some(connection) = self.connect_once()? {
                return Ok(connection);
            }
            match has_ended(child) {
                Ok(None) if !until.has_passed() => pause(PAUSE),
                Ok(None) => return Err(self.failed("the server takes too long to start")),
                Ok(Some(status)) => {
                    let how = match (status.exit_status(), status.terminating_signal()) {
                        (Some(status), _) => format!("exit status {status}"),
                        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
                    };
                    return Err(self.failed(&format!("the server ended with {how}")));
                }
                Err(error) => return Err(self.failed(&format!("the server cannot be waited for: {}", Reason(error)))),
            }
        }
    }

    /// True for a moment after a start that has failed, unless the script was changed since.
    fn has_just_failed(&self) -> bool {
        let Ok(failed) = stat(&*self.place.failed).map(|found| changed(&found)) else { return false };
        let ago = now().tv_sec - failed.tv_sec;
        (0..AFTER_FAILURE).contains(&ago)
            && !stat(&*self.invocation.script).is_ok_and(|script| changed(&script) > failed)
    }

    fn spawn(&self) -> Result<Pid, String> {
        if stat(&*self.place.log).is_ok_and(|log| log.st_size > LONGEST_LOG) {
            let _ = rename(&*self.place.log, [&*self.place.log, b".old"].concat());
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let log = open(&*self.place.log, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| format!("cannot open {}: {}", Shown(&self.place.log), Reason(error)))?;
        let front = [b"scgi+unix:", &*self.place.socket].concat();
        let millau = self.invocation.millau()?;
        let mut variables: Vec<&[u8]> = self.environment.all().to_vec();
        variables.retain(|variable| is_inherited(variable));
        let is_set = |name: &[u8]| variables.iter().any(|variable| variable.starts_with(name));
        let defaults = [(&b"MILLAU_UNIX_MODE="[..], &b"MILLAU_UNIX_MODE=600"[..]), (b"MILLAU_EXIT_WHEN_IDLE=", IDLE)];
        let missing: Vec<&[u8]> = defaults.iter().filter(|(name, _)| !is_set(name)).map(|(_, value)| *value).collect();
        variables.extend(missing);
        let command = Command::new(&millau, &[b"serve", &self.invocation.script, b"--bind", &front], &variables);
        close_on_exec();
        start(&command, parent(&self.invocation.script), &log)
            .map_err(|error| format!("cannot start {}: {}", Shown(&millau), Reason(error)))
    }

    /// Notes that a start has failed, so that not every request waits for the next failure.
    fn failed(&self, why: &str) -> String {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        if let Ok(file) = open(&*self.place.failed, flags, Mode::RUSR | Mode::WUSR) {
            let at = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
            let _ = futimens(&file, &Timestamps { last_access: at, last_modification: at });
        }
        format!("{why}; its log is {}", Shown(&self.place.log))
    }
}

/// When a file was last changed.
fn changed(found: &Stat) -> Timespec {
    Timespec { tv_sec: found.st_mtime, tv_nsec: found.st_mtime_nsec as i64 }
}

fn is_inherited(variable: &[u8]) -> bool {
    let name = variable.split(|byte| *byte == b'=').next().unwrap_or_default();
    INHERITED.contains(&name) || INHERITED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Sees to it that the server keeps nothing open that the web server has left open by mistake: a listening socket, say.
fn close_on_exec() {
    let Ok(directory) = open(c"/proc/self/fd", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    else {
        return;
    };
    let mut buffer = Vec::with_capacity(8 * 1024);
    let mut entries = RawDir::new(&directory, buffer.spare_capacity_mut());
    while let Some(Ok(entry)) = entries.next() {
        let number = entry.file_name().to_str().ok().and_then(|name| name.parse::<i32>().ok());
        if let Some(number) = number.filter(|number| *number > 2) {
            // SAFETY: it is used for one call only; a number that is not open any more makes that call fail.
            let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
            let _ = fcntl_setfd(descriptor, FdFlags::CLOEXEC);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_request_reaches_the_server() {
        for name in ["HTTP_COOKIE", "REMOTE_USER", "OIDC_CLAIM_email", "PATH_INFO", "SSL_CLIENT_CERT", "LD_PRELOAD"] {
            assert!(!is_inherited(format!("{name}=PATH").as_bytes()), "{name}");
        }
        for name in ["PATH", "LC_ALL", "PYTHONPATH", "MILLAU_THREADS"] {
            assert!(is_inherited(format!("{name}=x").as_bytes()), "{name}");
        }
    }
}
