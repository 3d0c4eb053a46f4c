//! What the plan wants the operator to know, and the words for it.

use std::time::Duration;

use log::Level;
use rustix::process::Pid;

use super::Generation;
use crate::ending::Ending;

/// One line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A generation begins, and why.
    Loading { generation: Generation, cause: Cause },
    /// Another reload was asked for during one.
    ReloadQueued,
    /// The import started threads: the workers of this generation load by themselves.
    Threads { generation: Generation, threads: usize },
    /// A generation serves.
    Ready { generation: Generation, workers: usize },
    /// A worker that was started later serves.
    WorkerReady { generation: Generation, pid: Pid },
    /// A generation will not serve, and what happens instead.
    GivenUp { generation: Generation, cause: Failure, then: Then },
    /// A worker died, or ended without being told to.
    WorkerDied { seat: usize, pid: Pid, ending: Ending, phase: Phase },
    /// A worker that served has ended with success: somebody else told it to finish, or the application ended it.
    WorkerLeft { seat: usize, pid: Pid },
    /// The next worker for a place of which the last one died.
    NextStart { wait: Duration, failures: u32 },
    /// A worker could not be forked.
    WorkerNotStarted { generation: Generation },
    /// A worker was too slow to become ready and is killed.
    StartTimeout { pid: Option<Pid>, limit: Duration },
    /// The template of a generation died. Its workers live.
    TemplateDied { generation: Generation, ending: Ending },
    /// Workers that a reload has replaced finish their requests.
    Draining { generation: Generation, workers: usize, limit: Duration },
    /// A worker's time for draining is over; it is killed.
    DrainTimeout { pid: Pid },
    /// A worker that had to be killed is gone, with what it was doing.
    WorkerCut { seat: usize, pid: Pid },
    /// A worker has finished its requests and ended.
    WorkerDrained { pid: Pid },
    /// The last process of a replaced generation is gone.
    Gone { generation: Generation },
    /// No seat is free until draining workers have ended.
    SeatsTaken,
    /// The number of workers has changed.
    Workers { wanted: usize },
    /// The number of workers cannot change further.
    WorkersLimit { wanted: usize },
    /// Nobody has connected for so long.
    Idle { limit: Duration },
    /// The end has begun.
    Stopping { workers: usize, limit: Duration },
    /// The end is not to wait.
    StoppingAtOnce,
    /// The end.
    Stopped,
}

/// Why a generation begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It is the first.
    Start,
    /// The operator asked for it.
    Reload,
    /// A worker is missing, and the template that could fork it is gone.
    LostTemplate,
}

/// Why a generation will not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The application cannot be loaded; whoever tried has written the reason to the log.
    Load,
    /// The template died while it imported the application.
    LoadDied(Ending),
    /// The import takes too long.
    LoadTimeout(Duration),
    /// The template could not be forked.
    NotForked,
    /// The template died before its workers were ready.
    TemplateDied(Ending),
    /// So many workers died before they were ready.
    WorkersDied(u32),
}

/// What happens after a generation was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The supervisor ends.
    End,
    /// It waits for a changed file or a signal.
    Wait,
    /// The generation before goes on serving.
    Keep(Generation),
}

/// What a worker was there for when it died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It was not ready yet.
    Starting,
    /// It served.
    Serving,
    /// It finished its last requests.
    Draining,
}

impl News {
    /// How much it matters.
    pub(crate) fn level(&self) -> Level {
        match self {
            Self::WorkerDrained { .. } => Level::Debug,
            Self::Loading { cause: Cause::LostTemplate, .. }
            | Self::Threads { .. }
            | Self::TemplateDied { .. }
            | Self::WorkerLeft { .. }
            | Self::SeatsTaken
            | Self::WorkersLimit { .. }
            | Self::StoppingAtOnce => Level::Warn,
            Self::NextStart { wait, .. } if wait.is_zero() => Level::Info,
            Self::NextStart { .. } => Level::Warn,
            Self::GivenUp { .. }
            | Self::WorkerDied { .. }
            | Self::WorkerNotStarted { .. }
            | Self::StartTimeout { .. }
            | Self::DrainTimeout { .. }
            | Self::WorkerCut { .. } => Level::Error,
            _ => Level::Info,
        }
    }

    /// The seat whose requests in flight belong to the line.
    pub(crate) fn seat(&self) -> Option<usize> {
        match self {
            Self::WorkerDied { phase: Phase::Starting, .. } => None,
            Self::WorkerDied { seat, .. } | Self::WorkerLeft { seat, .. } | Self::WorkerCut { seat, .. } => Some(*seat),
            _ => None,
        }
    }

    /// The words. `requests` continues the sentence with what a worker was doing; `application` is the operator's
    /// name for what is served.
    pub(crate) fn line(&self, application: &str, requests: &str) -> String {
        match self {
            Self::Loading { generation, cause: Cause::LostTemplate } => format!(
                "a worker is missing, and the template process that could start it is gone: \
                 loading application {application} anew as generation {generation}"
            ),
            Self::Loading { generation, cause: Cause::Reload } => {
                format!("reload: loading application {application} as generation {generation}")
            }
            Self::Loading { generation, cause: Cause::Start } => {
                format!("loading application {application} as generation {generation}")
            }
            Self::ReloadQueued => "reload: another one follows when the running one is done".to_owned(),
            Self::Threads { generation, threads } => format!(
                "importing the application started {}: a process with threads cannot be forked safely, so each worker \
                 of generation {generation} imports it by itself, which takes more time and memory. To share one \
                 import, start threads at the first request; to skip this try, switch preloading off",
                count(*threads, "thread")
            ),
            Self::Ready { generation, workers } => {
                format!("ready: generation {generation}, {}, application {application}", count(*workers, "worker"))
            }
            Self::WorkerReady { generation, pid } => format!("worker {pid} serves (generation {generation})"),
            Self::GivenUp { generation, cause, then } => {
                let then = match then {
                    Then::End => "stopping".to_owned(),
                    Then::Wait => "waiting for a changed file, or for SIGHUP, to try again".to_owned(),
                    Then::Keep(before) => format!("generation {before} goes on serving"),
                };
                format!("generation {generation} is given up: {}; {then}", cause.line())
            }
            Self::WorkerDied { pid, ending, phase, .. } => {
                let phase = match phase {
                    Phase::Starting => " before it was ready",
                    Phase::Serving => "",
                    Phase::Draining => " (it was draining)",
                };
                format!("worker {pid} {ending}{requests}{phase}")
            }
            Self::WorkerLeft { pid, .. } => format!(
                "worker {pid} exited with code 0{requests}: it was sent SIGTERM, or the application ended it (to stop the \
                 server, signal its first process)"
            ),
            Self::NextStart { wait, failures: 0 | 1 } if wait.is_zero() => "a new worker takes its place".to_owned(),
            Self::NextStart { wait, failures } => {
                format!("a new worker takes its place in {}: {failures} have failed in a row", seconds(*wait))
            }
            Self::WorkerNotStarted { generation } => {
                format!("generation {generation} could not start a worker (the line above says why)")
            }
            Self::StartTimeout { pid: Some(pid), limit } => {
                format!("worker {pid} is killed: it was not ready within {}", seconds(*limit))
            }
            Self::StartTimeout { pid: None, limit } => {
                format!("a template process is killed: it started no worker within {}", seconds(*limit))
            }
            Self::TemplateDied { generation, ending } => format!(
                "the template process of generation {generation} {ending}; its workers go on serving, and the next \
                 one that must be replaced brings a new generation"
            ),
            Self::Draining { generation, workers, limit } => {
                format!("generation {generation} drains: {} requests, within {}", finishing(*workers), seconds(*limit))
            }
            Self::DrainTimeout { pid } => {
                format!("worker {pid} is killed: its last requests took longer than the graceful timeout")
            }
            Self::WorkerCut { pid, .. } => format!("worker {pid} was stopped by force{requests}"),
            Self::WorkerDrained { pid } => format!("worker {pid} has drained"),
            Self::Gone { generation } => format!("generation {generation} is gone"),
            Self::SeatsTaken => "too many workers are draining: new ones start when some of them have ended".to_owned(),
            Self::Workers { wanted } => format!("{} from now on", count(*wanted, "worker")),
            Self::WorkersLimit { wanted } => format!("the number of workers stays at {wanted}: that is the limit"),
            Self::Idle { limit } => format!("stopping: no connection for {}", seconds(*limit)),
            Self::Stopping { workers: 0, .. } => "stopping".to_owned(),
            Self::Stopping { workers, limit } => {
                format!("stopping: {} requests, within {}", finishing(*workers), seconds(*limit))
            }
            Self::StoppingAtOnce => "stopping at once".to_owned(),
            Self::Stopped => "stopped".to_owned(),
        }
    }
}

impl Failure {
    fn line(&self) -> String {
        match self {
            Self::Load => "the application cannot be loaded (the lines above say why)".to_owned(),
            Self::LoadDied(ending) => format!("the process that imported the application {ending}"),
            Self::LoadTimeout(limit) => format!("importing the application took longer than {}", seconds(*limit)),
            Self::NotForked => "its process could not be started (the line above says why)".to_owned(),
            Self::TemplateDied(ending) => format!("its template process {ending} before all workers were ready"),
            Self::WorkersDied(deaths) => format!("{deaths} of its workers failed before they were ready"),
        }
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn finishing(workers: usize) -> String {
    let (finish, its) = if workers == 1 { ("finishes", "its") } else { ("finish", "their") };
    format!("{} {finish} {its}", count(workers, "worker"))
}

/// `0.5 s`, `30 s`.
pub(crate) fn seconds(time: Duration) -> String {
    let tenths = time.as_millis().div_ceil(100);
    if tenths.is_multiple_of(10) { format!("{} s", tenths / 10) } else { format!("{}.{} s", tenths / 10, tenths % 10) }
}
