//! A request whose path leads to no program that can be run: what its client gets, and what the log says.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use millau_gateway::{Error, Exchange, Fault, Response, reason_phrase};

use crate::answer::log_failure;
use crate::diagnosis::{Diagnosis, Evidence};
use crate::script::{Identity, Missing};

/// A client may ask for the same file again and again, and is not to fill the log, nor have the file read each time.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Files that are told of within that time.
const MOST_TOLD: usize = 1024;

/// Answers such requests.
pub(crate) struct Refusals {
    diagnosis: Arc<Diagnosis>,
    /// When the log was told of what file, in which state.
    told: Mutex<HashMap<PathBuf, (Option<Identity>, Instant)>>,
}

impl Refusals {
    pub(crate) fn new(diagnosis: Arc<Diagnosis>) -> Self {
        Self { diagnosis, told: Mutex::default() }
    }

    /// Ends the request.
    pub(crate) fn answer(&self, exchange: Exchange, missing: &Missing) {
        let error = explain(missing);
        let (place, closed) = match missing {
            Missing::Nothing | Missing::Directory | Missing::Ambiguous => return refuse(exchange, &error),
            Missing::NoFile(path) | Missing::Outside(path) => (path.as_path(), None),
            Missing::NotExecutable(path) => (path.as_path(), Some(path)),
            // The name in the closed directory is the client's.
            Missing::Unreadable(path) => (path.parent().unwrap_or(path), Some(path)),
        };
        let is_due = self.is_due(place);
        let Some(path) = closed.filter(|_| is_due || self.diagnosis.is_shown()) else {
            if is_due {
                log_failure(place, &error);
            }
            return refuse(exchange, &error);
        };
        let not_started = Some(io::Error::from(io::ErrorKind::PermissionDenied));
        let findings = self.diagnosis.of(path, &Evidence { not_started, ..Evidence::default() });
        if is_due {
            Diagnosis::log(&findings);
        }
        if self.diagnosis.is_shown() {
            Diagnosis::show(exchange, error.status(), path, &findings, b"");
        } else {
            refuse(exchange, &error);
        }
    }

    fn is_due(&self, place: &Path) -> bool {
        let state = (Identity::at(place), Instant::now());
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |(_, time): &(_, Instant)| state.1.duration_since(*time) < TOLD_AGAIN_AFTER;
        if told.len() >= MOST_TOLD {
            told.retain(|_, known| is_recent(known));
        }
        if told.len() >= MOST_TOLD || told.get(place).is_some_and(|known| known.0 == state.0 && is_recent(known)) {
            return false;
        }
        told.insert(place.to_owned(), state);
        true
    }
}

/// Answers without a program. Nothing is wrong with the connection, so it stays.
fn refuse(exchange: Exchange, error: &Error) {
    let mut response = Response::new(error.status());
    response.fields.push(b"Content-Type", b"text/plain; charset=utf-8");
    let text = if error.fault() == Fault::Peer { error.message() } else { reason_phrase(error.status()) };
    exchange.respond(&response, format!("{text}\n").as_bytes());
}

/// Why there is no script. What is not executable is never shown.
fn explain(missing: &Missing) -> Error {
    let operator = |text: String| Error::operator(text).with_status(403);
    match missing {
        Missing::Ambiguous => Error::peer(404, "the path holds an encoded slash or NUL, which may mean two things"),
        Missing::Nothing | Missing::Directory => Error::peer(404, "there is no CGI program at this path"),
        Missing::NoFile(path) => operator(format!("{} is neither a file nor a directory", path.display())),
        Missing::Outside(path) => operator(format!(
            "{} is a symbolic link that leads out of the directory; move the file, or allow it with --cgi-symlinks",
            path.display()
        )),
        Missing::NotExecutable(path) => operator(format!("{} is not executable by the server's user", path.display())),
        Missing::Unreadable(path) => operator(format!("{} cannot be looked at", path.display())),
    }
}
