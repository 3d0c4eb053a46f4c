//! What the plan is told, and what it answers.

use std::time::Instant;

use rustix::process::Pid;

use super::News;
use crate::ending::Ending;

/// The number of a load of the application. The first is 1; a load that fails uses up its number.
pub(crate) type Generation = u32;

/// Something that has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The operator wants something.
    Order(Order),
    /// A template has imported the application and waits for orders. It has this many threads besides its own.
    Loaded { generation: Generation, threads: usize },
    /// A template, or a worker that loads by itself, has said that the application cannot be loaded.
    LoadFailed { generation: Generation },
    /// A template could not be forked.
    TemplateNotStarted { generation: Generation },
    /// A template is no more.
    TemplateEnded { generation: Generation, ending: Ending },
    /// A worker lives; it cannot serve yet.
    Started { generation: Generation, seat: usize, pid: Pid },
    /// A worker accepts connections.
    Ready { seat: usize, pid: Pid },
    /// A template could not fork the worker for this seat.
    NotStarted { generation: Generation, seat: usize },
    /// A worker is no more.
    Ended { generation: Generation, seat: usize, pid: Pid, ending: Ending },
    /// A worker had a connection at this time.
    Connected { at: Instant },
    /// Nothing but time has passed.
    Tick,
}

/// What the operator can ask for while the supervisor runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Load the application anew and replace the workers by new ones.
    Reload,
    /// End when the requests in flight are done. The second time: end at once.
    Stop,
    /// End at once.
    Quit,
    /// One worker more.
    More,
    /// One worker less.
    Fewer,
}

/// Something to do, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Fork a template that loads the application, or leaves that to its workers.
    StartTemplate { generation: Generation, preload: bool },
    /// Kill a template.
    KillTemplate { generation: Generation },
    /// Have the template of this generation fork a worker for this seat.
    StartWorker { generation: Generation, seat: usize },
    /// Let go of the listening sockets: the end has begun.
    StopListening,
    /// Tell a worker to finish what it does.
    Drain { pid: Pid },
    /// Kill a worker.
    Kill { pid: Pid },
    /// Tell the operator.
    Say(News),
    /// Nothing is left to supervise: end with this exit code.
    End(i32),
}
