//! What answers requests.

use crate::{Exchange, Request};

/// Anything that answers requests: a Python application, a directory of files, a middleware around another application.
///
/// An application cannot tell which front a request came through.
pub trait Application: Send + Sync {
    /// Answers one request, now or later: whoever holds the exchange answers it. May be called from several threads at once.
    ///
    /// Must not panic; whoever crosses a border where that can happen catches it there.
    fn call(&self, exchange: Exchange);

    /// Runs `work`, which makes any number of calls on this thread back to back, inside whatever the application can
    /// share between them (an interpreter's lock, say).
    fn batch(&self, work: &mut dyn FnMut()) {
        work();
    }

    /// Runs the whole life of a worker thread inside whatever the application keeps per thread.
    fn thread(&self, work: &mut dyn FnMut()) {
        work();
    }

    /// False where there is nothing at the path of a request: a 404 would come, whatever the applications do.
    fn is_at(&self, _request: &Request) -> bool {
        true
    }

    /// Where in the application a worker thread is (the system's number of it), for the log; may wait for what the
    /// application's calls hold. `None`: nobody can tell.
    fn whereabouts(&self, _thread: i32) -> Option<String> {
        None
    }
}
