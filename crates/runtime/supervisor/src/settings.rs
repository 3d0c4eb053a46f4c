//! What the supervisor has to be told.

use std::path::PathBuf;
use std::time::Duration;

/// The settings of [`run`](crate::run). Take [`Default`] for what does not matter.
#[derive(Clone, Debug)]
pub struct SupervisorSettings {
    /// How many workers serve; SIGTTIN and SIGTTOU change it. At least 1.
    pub workers: usize,
    /// The most threads of one worker: columns of the scoreboard. What a thread beyond it does is not recorded.
    pub threads: usize,
    /// Whether the application is imported once, in the template, or by each worker.
    pub preload: bool,
    /// How long a worker may take for its last requests before it is killed.
    pub graceful_timeout: Duration,
    /// How long a template may take to import the application, and a worker to become ready. `None`: for ever.
    pub startup_timeout: Option<Duration>,
    /// After how long without a connection everything ends. `None`: never.
    pub idle_timeout: Option<Duration>,
    /// Whether a change of a source file acts as SIGHUP, and a failed first load waits for one instead of ending.
    pub reload: bool,
    /// Folders whose `*.py` are watched as well, if `reload` is set.
    pub reload_directories: Vec<PathBuf>,
    /// The application as the operator named it, for the log.
    pub application: String,
}

impl SupervisorSettings {
    /// The most workers that SIGTTIN can ask for. It bounds the memory of the scoreboard.
    pub(crate) fn most_workers(&self) -> usize {
        self.workers.saturating_mul(2).max(64)
    }
}

impl Default for SupervisorSettings {
    fn default() -> Self {
        Self {
            workers: 1,
            threads: 128,
            preload: true,
            graceful_timeout: Duration::from_secs(30),
            startup_timeout: Some(Duration::from_secs(120)),
            idle_timeout: None,
            reload: false,
            reload_directories: Vec::new(),
            application: String::new(),
        }
    }
}
