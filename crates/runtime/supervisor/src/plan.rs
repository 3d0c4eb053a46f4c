//! What to do: an event in, actions out. No process, no clock, no I/O.
//!
//! An event only changes what is known; after each one the plan compares what there is with what there should be, and
//! acts on the difference (in `settle`). So every rule stands in one place, whatever led to it:
//!
//! - The *current* generation serves. The *next* one, if any, is being brought up, and takes over when as many of its
//!   workers are ready as are wanted. Nothing is taken from the current one before that.
//! - Workers of any other generation drain; those that were never ready are killed.
//! - A dead worker is replaced, later and later if its successors die early. A generation whose template is dead
//!   cannot replace; it is itself replaced by a new generation then, not before.
//! - Whatever waits has a deadline, and is killed when that has passed.
//! - If that is asked for, the end comes when nobody has been connected for so long while a generation served and no other
//!   was being brought up.

mod backoff;
mod event;
mod news;
mod settle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::ending::Ending;
use crate::{FAILED, NOT_LOADED, STOPPED};
pub(crate) use event::{Action, Event, Generation, Order};
use news::{Cause, Failure, Phase, Then};
pub(crate) use news::{News, seconds};

/// An order to stop that is repeated within this time is the same one: whoever forwards Ctrl-C to a process that the
/// terminal has told already sends it twice.
const REPEATED: Duration = Duration::from_secs(1);
/// A generation of which so many workers have died before they were ready does not come up by itself any more.
const LOST_BEFORE_READY: u32 = 3;

/// A worker without requests ends by itself, and be there no time for requests: it takes a moment all the same.
const ENDING: Duration = Duration::from_secs(1);

/// What the plan has to respect.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Workers wanted at the start, and the most that can be asked for.
    pub(crate) workers: usize,
    pub(crate) most_workers: usize,
    /// Workers that can be alive at once, those that drain included.
    pub(crate) seats: usize,
    pub(crate) preload: bool,
    pub(crate) graceful: Duration,
    pub(crate) startup: Option<Duration>,
    /// End when no worker has had a connection for so long.
    pub(crate) idle: Option<Duration>,
    /// Whether to stay when the first generation cannot be loaded.
    pub(crate) persist: bool,
}

impl Rules {
    /// How long a worker may drain.
    fn draining(&self) -> Duration {
        self.graceful.max(ENDING)
    }
}

/// The state of all processes, and what is wanted of them.
#[derive(Debug)]
pub(crate) struct Plan {
    rules: Rules,
    wanted: usize,
    last: Generation,
    current: Option<Generation>,
    next: Option<Generation>,
    /// A reload was asked for while `next` was being brought up.
    again: bool,
    /// Generations that have a process left, or will have one.
    generations: BTreeMap<Generation, Load>,
    /// By seat.
    workers: BTreeMap<usize, Worker>,
    /// Failed tries to replace a current generation that lost its template, and when the next one may be.
    renewals: u32,
    renew_at: Option<Instant>,
    /// The exit code, once the end has begun.
    stop: Option<i32>,
    /// When a worker had a connection last, or could have had one first.
    connected: Option<Instant>,
    /// When the operator asked for the end.
    asked: Option<Instant>,
    out: Vec<Action>,
}

#[derive(Debug)]
struct Load {
    template: Template,
    /// Whether the template imports the application for its workers.
    preload: bool,
    /// Workers that died before they were ready.
    lost: u32,
    /// Workers to start in place of dead ones.
    restarts: Vec<Restart>,
    told_seats_taken: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Template {
    Loading {
        until: Option<Instant>,
    },
    Loaded,
    /// It will be gone in a moment. With `again`, one that does not import takes its place.
    Killed {
        again: bool,
    },
    Gone,
}

#[derive(Clone, Copy, Debug)]
struct Restart {
    at: Instant,
    failures: u32,
}

#[derive(Debug)]
struct Worker {
    generation: Generation,
    /// Unknown until the worker itself has said so.
    pid: Option<Pid>,
    state: State,
    /// How often in a row this worker's predecessors have failed.
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Starting {
        until: Option<Instant>,
    },
    Ready {
        since: Instant,
    },
    Draining {
        until: Instant,
    },
    /// Killed, though it was wanted.
    Overdue,
    /// Killed before it was ready, because it is not wanted any more. Nothing is lost.
    Dismissed,
    /// Killed though it may have been serving.
    Cut,
}

impl Worker {
    /// Whether it counts among the wanted workers of its generation.
    fn holds_place(&self) -> bool {
        matches!(self.state, State::Starting { .. } | State::Ready { .. } | State::Overdue)
    }

    fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready { .. })
    }
}

impl Plan {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            wanted: rules.workers.clamp(1, rules.most_workers.max(1)),
            rules,
            last: 0,
            current: None,
            next: None,
            again: false,
            generations: BTreeMap::new(),
            workers: BTreeMap::new(),
            renewals: 0,
            renew_at: None,
            stop: None,
            connected: None,
            asked: None,
            out: Vec::new(),
        }
    }

    /// The first actions.
    pub(crate) fn start(&mut self, now: Instant) -> Vec<Action> {
        self.begin(Cause::Start, now);
        std::mem::take(&mut self.out)
    }

    /// Takes note of an event and says what to do.
    pub(crate) fn apply(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::Order(order) => self.order(order, now),
            Event::Loaded { generation, threads } => self.loaded(generation, threads),
            Event::LoadFailed { generation } => {
                if self.next == Some(generation) {
                    self.give_up(Failure::Load, now);
                }
            }
            Event::TemplateNotStarted { generation } => self.template_gone(generation, None, now),
            Event::TemplateEnded { generation, ending } => self.template_gone(generation, Some(ending), now),
            Event::Started { generation, seat, pid } => self.started(generation, seat, pid),
            Event::Ready { seat, pid } => self.ready(seat, pid, now),
            Event::NotStarted { generation, seat } => self.not_started(generation, seat, now),
            Event::Ended { generation, seat, pid, ending } => self.ended(generation, seat, pid, ending, now),
            Event::Connected { at } => self.connected = self.connected.max(Some(at)),
            Event::Tick => {}
        }
        self.settle(now);
        std::mem::take(&mut self.out)
    }

    /// When the plan wants to see a [`Event::Tick`] at the latest.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let can_start = self.stop.is_none() && self.free_seat().is_some();
        let loads = self.generations.iter().flat_map(|(generation, load)| {
            let loading = match load.template {
                Template::Loading { until } => until,
                _ => None,
            };
            // Without a seat, the end of a worker comes first.
            let restarts = load.restarts.iter().filter(|_| can_start && self.is_live(*generation)).map(|r| r.at);
            loading.into_iter().chain(restarts)
        });
        let workers = self.workers.values().filter_map(|worker| match worker.state {
            State::Starting { until } => until,
            State::Draining { until } => Some(until),
            _ => None,
        });
        let renewal = self.renew_at.filter(|_| self.needs_renewal());
        loads.chain(workers).chain(renewal).chain(self.idle_until()).min()
    }

    /// The generation and the seat of the worker with this number.
    pub(crate) fn place_of(&self, pid: Pid) -> Option<(Generation, usize)> {
        self.workers.iter().find(|(_, worker)| worker.pid == Some(pid)).map(|(seat, w)| (w.generation, *seat))
    }

    /// Whether any process of this generation is left, or will come.
    pub(crate) fn knows(&self, generation: Generation) -> bool {
        self.generations.contains_key(&generation)
    }
}

// What each event changes. What follows from it stands in `settle`.
impl Plan {
    fn order(&mut self, order: Order, now: Instant) {
        match order {
            Order::Stop if self.stop.is_none() => {
                let workers = self.workers.values().filter(|w| w.is_ready()).count();
                self.say(News::Stopping { workers, limit: self.rules.graceful });
                self.stop(STOPPED);
                self.asked = Some(now);
            }
            Order::Stop if self.asked.is_some_and(|asked| now.duration_since(asked) < REPEATED) => {}
            Order::Stop | Order::Quit => self.stop_at_once(),
            _ if self.stop.is_some() => {}
            Order::Reload if self.next.is_some() => {
                if !self.again {
                    self.say(News::ReloadQueued);
                }
                self.again = true;
            }
            Order::Reload => self.begin(Cause::Reload, now),
            Order::More => self.want(self.wanted + 1),
            Order::Fewer => self.want(self.wanted - 1),
        }
    }

    fn want(&mut self, wanted: usize) {
        if (1..=self.rules.most_workers).contains(&wanted) {
            self.wanted = wanted;
            self.say(News::Workers { wanted });
        } else {
            self.say(News::WorkersLimit { wanted: self.wanted });
        }
    }

    /// The end begins, unless it has; it will have this exit code.
    fn stop(&mut self, code: i32) {
        if self.stop.is_none() {
            self.stop = Some(code);
            self.out.push(Action::StopListening);
        }
    }

    fn stop_at_once(&mut self) {
        self.say(News::StoppingAtOnce);
        self.stop(STOPPED);
        for worker in self.workers.values_mut() {
            if let Some(pid) = worker.pid {
                worker.state = match worker.state {
                    State::Ready { .. } | State::Draining { .. } | State::Cut => State::Cut,
                    State::Starting { .. } | State::Overdue | State::Dismissed => State::Dismissed,
                };
                self.out.push(Action::Kill { pid });
            }
        }
    }

    fn begin(&mut self, cause: Cause, now: Instant) {
        self.last += 1;
        let (generation, preload) = (self.last, self.rules.preload);
        let load = Load {
            template: Template::Loading { until: self.startup_limit(now) },
            preload,
            lost: 0,
            restarts: Vec::new(),
            told_seats_taken: false,
        };
        self.generations.insert(generation, load);
        self.next = Some(generation);
        self.again = false;
        self.say(News::Loading { generation, cause });
        self.out.push(Action::StartTemplate { generation, preload });
    }

    fn loaded(&mut self, generation: Generation, threads: usize) {
        let Some(load) = self.generations.get_mut(&generation) else { return };
        if !matches!(load.template, Template::Loading { .. }) {
            return;
        }
        load.template = if load.preload && threads > 0 {
            self.out.push(Action::Say(News::Threads { generation, threads }));
            self.out.push(Action::KillTemplate { generation });
            Template::Killed { again: true }
        } else {
            Template::Loaded
        };
    }

    fn template_gone(&mut self, generation: Generation, ending: Option<Ending>, now: Instant) {
        // A worker that has not said that it lives never will, or it will find nobody to tell.
        self.workers.retain(|_, worker| worker.generation != generation || worker.pid.is_some());
        let until = self.startup_limit(now);
        let (ended, stopping, is_next) = (ending, self.stop.is_some(), self.next == Some(generation));
        let Some(load) = self.generations.get_mut(&generation) else { return };
        let before = std::mem::replace(&mut load.template, Template::Gone);
        load.restarts.clear();
        match (before, ended) {
            (Template::Killed { again: true }, Some(_)) if is_next && !stopping => {
                load.preload = false;
                load.template = Template::Loading { until };
                self.out.push(Action::StartTemplate { generation, preload: false });
            }
            (_, None) if is_next => self.give_up(Failure::NotForked, now),
            (Template::Loading { .. }, Some(ending)) if is_next => self.give_up(Failure::LoadDied(ending), now),
            (Template::Loaded, Some(ending)) if is_next => self.give_up(Failure::TemplateDied(ending), now),
            (Template::Loaded, Some(ending)) if !stopping => self.say(News::TemplateDied { generation, ending }),
            _ => {}
        }
    }

    fn started(&mut self, generation: Generation, seat: usize, pid: Pid) {
        match self.workers.get_mut(&seat) {
            Some(worker) if worker.generation == generation && worker.pid.is_none() => worker.pid = Some(pid),
            // It was given up before it could say that it lives.
            _ => self.out.push(Action::Kill { pid }),
        }
    }

    fn ready(&mut self, seat: usize, pid: Pid, now: Instant) {
        let Some(worker) = self.workers.get_mut(&seat).filter(|worker| worker.pid == Some(pid)) else { return };
        if let State::Starting { .. } = worker.state {
            worker.state = State::Ready { since: now };
            let generation = worker.generation;
            if self.current == Some(generation) {
                self.say(News::WorkerReady { generation, pid });
            }
        }
    }

    fn not_started(&mut self, generation: Generation, seat: usize, now: Instant) {
        let Some(worker) = self.workers.get(&seat).filter(|w| w.generation == generation && w.pid.is_none()) else {
            return;
        };
        let failures = worker.failures + 1;
        self.workers.remove(&seat);
        self.say(News::WorkerNotStarted { generation });
        self.replace(generation, failures, true, now);
    }

    fn ended(&mut self, generation: Generation, seat: usize, pid: Pid, ending: Ending, now: Instant) {
        // A worker may die before it can say that it lives; then only its template knows the number.
        let is_meant = |worker: &Worker| worker.generation == generation && worker.pid.is_none_or(|known| known == pid);
        if !self.workers.get(&seat).is_some_and(is_meant) {
            return;
        }
        let Some(Worker { state, failures, .. }) = self.workers.remove(&seat) else { return };
        let died = |phase| News::WorkerDied { seat, pid, ending, phase };
        match state {
            State::Draining { .. } if ending == Ending::Exit(0) => self.say(News::WorkerDrained { pid }),
            State::Draining { .. } => self.say(died(Phase::Draining)),
            State::Cut => self.say(News::WorkerCut { seat, pid }),
            State::Dismissed => {}
            State::Starting { .. } | State::Overdue => {
                if self.is_wanted(generation) {
                    self.say(died(Phase::Starting));
                }
                self.replace(generation, failures + 1, true, now);
            }
            State::Ready { since } => {
                self.say(match ending {
                    Ending::Exit(0) => News::WorkerLeft { seat, pid },
                    _ => died(Phase::Serving),
                });
                let healthy = now.duration_since(since) >= backoff::HEALTHY;
                self.replace(generation, if healthy { 1 } else { failures + 1 }, false, now);
            }
        }
    }

    /// Plans the successor of a worker that failed.
    fn replace(&mut self, generation: Generation, failures: u32, before_ready: bool, now: Instant) {
        if !self.is_wanted(generation) {
            return;
        }
        let is_next = self.next == Some(generation);
        let Some(load) = self.generations.get_mut(&generation) else { return };
        load.lost += u32::from(before_ready);
        if is_next && load.lost >= LOST_BEFORE_READY {
            let lost = load.lost;
            return self.give_up(Failure::WorkersDied(lost), now);
        }
        // Without a template the successor belongs to a new generation; see `renew`.
        if load.template == Template::Loaded {
            let wait = backoff::delay(failures);
            load.restarts.push(Restart { at: now + wait, failures });
            self.say(News::NextStart { wait, failures });
        }
    }

    /// The next generation will not take over.
    fn give_up(&mut self, cause: Failure, now: Instant) {
        let Some(generation) = self.next.take() else { return };
        let mut code = None;
        let then = match self.current {
            Some(current) => Then::Keep(current),
            None if self.rules.persist => Then::Wait,
            None => {
                let unloadable = matches!(cause, Failure::Load | Failure::LoadDied(_) | Failure::LoadTimeout(_));
                code = Some(if unloadable { NOT_LOADED } else { FAILED });
                Then::End
            }
        };
        if self.stop.is_some() {
            return;
        }
        self.say(News::GivenUp { generation, cause, then });
        if let Some(code) = code {
            self.stop(code);
        }
        self.renewals += 1;
        self.renew_at = Some(now + backoff::delay(self.renewals + 1));
    }
}

impl Plan {
    fn free_seat(&self) -> Option<usize> {
        (0..self.rules.seats).find(|seat| !self.workers.contains_key(seat))
    }

    fn startup_limit(&self, now: Instant) -> Option<Instant> {
        self.rules.startup.map(|limit| now + limit)
    }

    /// Whether a generation serves or is to serve.
    fn is_live(&self, generation: Generation) -> bool {
        [self.current, self.next].contains(&Some(generation))
    }

    fn is_wanted(&self, generation: Generation) -> bool {
        self.stop.is_none() && self.is_live(generation)
    }

    fn say(&mut self, news: News) {
        self.out.push(Action::Say(news));
    }
}
