//! The server of a script: found, started, or started anew.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::{Signal, geteuid, kill_process, setsid};

use crate::invocation::Invocation;
use crate::place::Place;

/// How long a server may take until it listens, and a queue before it until there is room.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long nobody tries again after a start that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// How long a server that is to end may take until it does not listen any more.
const STOP: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);
/// A log that is longer is put aside when a server starts.
const LONGEST_LOG: u64 = 1024 * 1024;
/// The server ends when nobody wants anything for so long, unless the script says otherwise.
const IDLE_SECONDS: &str = "300";

/// What of the environment is meant for the server and not for one request.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "XDG_RUNTIME_DIR",
];
const INHERITED_PREFIXES: &[&str] = &["LC_", "PYTHON", "MILLAU_"];

/// The server, as far as this process knows it.
pub(crate) struct Server<'a> {
    invocation: &'a Invocation,
    place: &'a Place,
    /// Started by this process.
    child: Option<Child>,
}

impl<'a> Server<'a> {
    pub(crate) fn new(invocation: &'a Invocation, place: &'a Place) -> Self {
        Self { invocation, place, child: None }
    }

    /// A connection to a server that is as new as its script.
    ///
    /// # Errors
    /// There is none, and none could be started.
    pub(crate) fn connect(&mut self) -> Result<OwnedFd, String> {
        let until = Instant::now() + PATIENCE;
        match self.connect_once()? {
            Some(connection) if !self.is_outdated() => return Ok(connection),
            _ => {}
        }
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
        match &mut self.child {
            None => Ok(()),
            Some(_) => Err(self.failed("the server ended before it took a request")),
        }
    }

    /// `None`: nobody listens.
    fn connect_once(&self) -> Result<Option<OwnedFd>, String> {
        let cannot = |error: Errno| format!("cannot connect to {}: {error}", self.place.socket.display());
        let address = SocketAddrUnix::new(&self.place.socket).map_err(cannot)?;
        let until = Instant::now() + PATIENCE;
        loop {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(cannot)?;
            match connect(&socket, &address) {
                Ok(()) => return Ok(Some(socket)),
                Err(Errno::NOENT | Errno::CONNREFUSED) => return Ok(None),
                // The queue before the server is full.
                Err(Errno::AGAIN | Errno::INTR) if Instant::now() < until => sleep(PAUSE),
                Err(error) => return Err(cannot(error)),
            }
        }
    }

    /// True when the script was changed after the server had started; a time that lies ahead says nothing.
    fn is_outdated(&self) -> bool {
        let changed = |path: &Path| path.symlink_metadata().and_then(|metadata: Metadata| metadata.modified());
        match (changed(&self.place.socket), changed(&self.invocation.script)) {
            (Ok(started), Ok(script)) => started < script && script <= SystemTime::now(),
            _ => false,
        }
    }

    /// Lets only one process start or stop the server.
    fn lock(&self, until: Instant) -> Result<OwnedFd, String> {
        let cannot = |error: Errno| format!("cannot lock {}: {error}", self.place.lock.display());
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = open(&self.place.lock, flags, Mode::RUSR | Mode::WUSR).map_err(cannot)?;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                Err(Errno::WOULDBLOCK | Errno::INTR) if Instant::now() < until => sleep(PAUSE),
                Err(Errno::WOULDBLOCK) => return Err("another process takes too long to start the server".to_owned()),
                Err(error) => return Err(cannot(error)),
            }
        }
    }

    /// Asks the server behind a connection to end, and waits until it does not listen any more; what it is answering it
    /// finishes meanwhile.
    fn stop(&self, connection: &OwnedFd) {
        let before = self.place.socket.symlink_metadata().map(|metadata| metadata.ino()).ok();
        match rustix::net::sockopt::socket_peercred(connection) {
            // Whoever listens is the supervisor.
            Ok(peer) if peer.uid == geteuid() => drop(kill_process(peer.pid, Signal::TERM)),
            _ => return,
        }
        let until = Instant::now() + STOP;
        while Instant::now() < until
            && self.place.socket.symlink_metadata().map(|metadata| metadata.ino()).ok() == before
        {
            sleep(PAUSE);
        }
    }

    /// Starts a server and waits until it listens.
    fn start(&mut self, until: Instant) -> Result<OwnedFd, String> {
        if let Ok(failed) = self.place.failed.metadata().and_then(|metadata| metadata.modified())
            && failed.elapsed().is_ok_and(|ago| ago < AFTER_FAILURE)
            && !self.invocation.script.metadata().and_then(|script| script.modified()).is_ok_and(|at| at > failed)
        {
            return Err(format!(
                "the server could not be started a moment ago; its log is {}",
                self.place.log.display()
            ));
        }
        match self.spawn() {
            Ok(child) => self.child = Some(child),
            Err(error) => return Err(self.failed(&error)),
        }
        loop {
            if let Some(connection) = self.connect_once()? {
                return Ok(connection);
            }
            match self.child.as_mut().map(Child::try_wait) {
                Some(Ok(None)) if Instant::now() < until => sleep(PAUSE),
                Some(Ok(None)) => return Err(self.failed("the server takes too long to start")),
                Some(Ok(Some(status))) => return Err(self.failed(&format!("the server ended with {status}"))),
                _ => return Err(self.failed("the server cannot be waited for")),
            }
        }
    }

    fn spawn(&self) -> Result<Child, String> {
        if self.place.log.metadata().is_ok_and(|log| log.len() > LONGEST_LOG) {
            let _ = std::fs::rename(&self.place.log, self.place.log.with_extension("log.old"));
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let log = open(&self.place.log, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| format!("cannot open {}: {error}", self.place.log.display()))?;
        let errors = log.try_clone().map_err(|error| error.to_string())?;
        let mut front = OsString::from("scgi+unix:");
        front.push(&self.place.socket);
        let directory = self.invocation.script.parent().unwrap_or(Path::new("/"));
        let mut command = Command::new(&self.invocation.millau);
        command.arg("serve").arg(&self.invocation.script).arg("--bind").arg(front);
        command.env_clear().env("MILLAU_UNIX_MODE", "600").env("MILLAU_EXIT_WHEN_IDLE", IDLE_SECONDS);
        command.envs(std::env::vars_os().filter(|(name, _)| is_inherited(name)));
        command.current_dir(directory).stdin(Stdio::null()).stdout(File::from(log)).stderr(File::from(errors));
        close_on_exec();
        // SAFETY: setsid is one system call, which may be made between fork and exec.
        unsafe {
            command.pre_exec(|| {
                // A session of its own: the web server ends programs that take too long, and their groups with them.
                setsid()?;
                Ok(())
            });
        }
        command.spawn().map_err(|error| format!("cannot start {}: {error}", self.invocation.millau.display()))
    }

    /// Notes that a start has failed, so that not every request waits for the next failure.
    fn failed(&self, why: &str) -> String {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        if let Ok(file) = open(&self.place.failed, flags, Mode::RUSR | Mode::WUSR) {
            let _ = File::from(file).set_modified(SystemTime::now());
        }
        format!("{why}; its log is {}", self.place.log.display())
    }
}

fn is_inherited(name: &OsStr) -> bool {
    let has_prefix = |prefix: &&str| name.as_bytes().starts_with(prefix.as_bytes());
    INHERITED.iter().any(|inherited| name == *inherited) || INHERITED_PREFIXES.iter().any(has_prefix)
}

/// Sees to it that the server keeps nothing open that the web server has left open by mistake: a listening socket, say.
fn close_on_exec() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    for number in numbers.filter(|number| *number > 2).collect::<Vec<_>>() {
        // SAFETY: it is used for one call only; a number that is not open any more makes that call fail.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let _ = fcntl_setfd(descriptor.as_fd(), FdFlags::CLOEXEC);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_request_reaches_the_server() {
        for name in ["HTTP_COOKIE", "REMOTE_USER", "OIDC_CLAIM_email", "PATH_INFO", "SSL_CLIENT_CERT", "LD_PRELOAD"] {
            assert!(!is_inherited(OsStr::new(name)), "{name}");
        }
        for name in ["PATH", "LC_ALL", "PYTHONPATH", "MILLAU_THREADS"] {
            assert!(is_inherited(OsStr::new(name)), "{name}");
        }
    }
}
