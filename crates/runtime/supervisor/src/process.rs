//! The supervisor itself: it waits for something to happen, tells the plan, and does what the plan says.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::c_int;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};

use crate::ending::Ending;
use crate::host::{Fork, Host};
use crate::line::Line;
use crate::lost;
use crate::message::{self, Command, Report};
use crate::orphans;
use crate::plan::{Action, Event, Generation, News, Order, Plan, Rules};
use crate::scoreboard::Scoreboard;
use crate::settings::SupervisorSettings;
use crate::signals::{self, Blocked, Signals};
use crate::template;
use crate::watch::Watch;

/// Everything that only the supervisor holds. Dropped as a whole in every process that it forks.
struct Supervisor<'a> {
    settings: &'a SupervisorSettings,
    host: &'a dyn Host,
    plan: Plan,
    board: Scoreboard,
    lines: BTreeMap<Generation, Line>,
    lifeline: Lifeline,
    signals: Signals,
    watch: Option<Watch>,
    /// Reaped in this turn: these numbers may belong to others by now.
    reaped: Vec<Pid>,
}

/// A pipe that nobody writes to. All processes hold the read end, the supervisor alone the write end, so that the
/// others see its end when the supervisor ends, however it does.
struct Lifeline {
    read: OwnedFd,
    _write: OwnedFd,
}

/// What has happened, before the plan knows whom it concerns.
enum Happening {
    Event(Event),
    /// A child was reaped: a template, a worker whose template is gone, or a process that is none of ours.
    Reaped(Pid, Ending),
}

/// How a turn leaves the supervisor.
enum Exit {
    /// It ends, with this code.
    End(i32),
    /// This is a new process: a template.
    Template(template::Birth),
}

/// Supervises; returns in the supervisor only.
pub(crate) fn run(settings: &SupervisorSettings, host: &dyn Host) -> io::Result<i32> {
    let mut supervisor = Supervisor::new(settings, host)?;
    let first = supervisor.plan.start(Instant::now());
    let mut flow = supervisor.carry_out(first, VecDeque::new());
    loop {
        match flow {
            ControlFlow::Continue(()) => flow = supervisor.turn()?,
            ControlFlow::Break(Exit::End(code)) => return Ok(code),
            ControlFlow::Break(Exit::Template(birth)) => {
                let board = supervisor.board;
                template::live(birth, supervisor.into_lifeline(), board, settings, host)
            }
        }
    }
}

impl<'a> Supervisor<'a> {
    fn new(settings: &'a SupervisorSettings, host: &'a dyn Host) -> io::Result<Self> {
        // Signals first: one that comes during the rest is not lost, and stops what has not begun.
        let signals = Signals::install(signals::SUPERVISOR, Blocked::new())?;
        let workers = settings.workers.max(1);
        let most_workers = settings.most_workers();
        // As many again for those that drain, whatever the number of reloads.
        let seats = 2 * most_workers;
        // Workers whose template dies become children of the supervisor instead of process 1.
        set_child_subreaper(Some(getpid()))?;
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        Ok(Self {
            settings,
            host,
            plan: Plan::new(Rules {
                workers,
                most_workers,
                seats,
                preload: settings.preload,
                graceful: settings.graceful_timeout,
                startup: settings.startup_timeout,
                idle: settings.idle_timeout,
                persist: settings.reload,
            }),
            board: Scoreboard::new(seats, settings.threads)?,
            lines: BTreeMap::new(),
            lifeline: Lifeline { read, _write: write },
            signals,
            watch: settings.reload.then(|| Watch::new(&settings.reload_directories, Instant::now())),
            reaped: Vec::new(),
        })
    }

    /// Closes all that is the supervisor's alone.
    fn into_lifeline(self) -> OwnedFd {
        self.lifeline.read
    }

    /// Waits for something to happen, and acts on all that has.
    fn turn(&mut self) -> io::Result<ControlFlow<Exit>> {
        self.wait()?;
        let orders = self.signals.take().into_iter().filter_map(order);
        let mut happenings: VecDeque<_> = orders.map(|order| Happening::Event(Event::Order(order))).collect();
        // A process that is reaped here has said all that it ever will, so its last words are read after this and
        // heard before its end.
        let ended = self.reap();
        self.hear(&mut happenings);
        happenings.extend(ended.into_iter().map(|(pid, ending)| Happening::Reaped(pid, ending)));
        if let Some(path) = self.watch.as_mut().and_then(|watch| watch.look(Instant::now())) {
            log::info!("{} has changed", path.display());
            happenings.push_back(Happening::Event(Event::Order(Order::Reload)));
        }
        if self.settings.idle_timeout.is_some()
            && let Some(at) = self.board.since_connected().and_then(|since| Instant::now().checked_sub(since))
        {
            happenings.push_back(Happening::Event(Event::Connected { at }));
        }
        happenings.push_back(Happening::Event(Event::Tick));
        let flow = self.carry_out(Vec::new(), happenings);
        let plan = &self.plan;
        self.lines.retain(|generation, line| line.template.is_some() || (line.is_open() && plan.knows(*generation)));
        Ok(flow)
    }

    fn wait(&mut self) -> io::Result<()> {
        let next_look = self.watch.as_ref().map(Watch::next_look);
        let wake = [self.plan.next_wake(), next_look].into_iter().flatten().min();
        let timeout = wake.map(|at| at.saturating_duration_since(Instant::now()));
        // A wait too long for the system is a wait for ever.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut sources = vec![PollFd::new(&self.signals, PollFlags::IN)];
        sources.extend(
            self.lines.values().filter_map(Line::interest).map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags)),
        );
        match poll(&mut sources, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reaps every child that has ended.
    fn reap(&mut self) -> Vec<(Pid, Ending)> {
        let mut ended = Vec::new();
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => ended.push((pid, Ending::of(status))),
                Err(Errno::INTR) => {}
                Ok(None) | Err(_) => break,
            }
        }
        self.reaped = ended.iter().map(|(pid, _)| *pid).collect();
        ended
    }

    /// Reads what templates and workers have said.
    fn hear(&mut self, happenings: &mut VecDeque<Happening>) {
        for (&generation, line) in &mut self.lines {
            line.flush();
            for report in line.receive() {
                let event = match report {
                    Report::Loaded { threads } => Event::Loaded { generation, threads },
                    Report::LoadFailed => Event::LoadFailed { generation },
                    Report::Started { seat, pid } => Event::Started { generation, seat, pid },
                    Report::Ready { seat, pid } => Event::Ready { seat, pid },
                    Report::NotStarted { seat } => Event::NotStarted { generation, seat },
                    Report::Ended { seat, pid, ending } => Event::Ended { generation, seat, pid, ending },
                    Report::Source(path) => {
                        if let Some(watch) = &mut self.watch {
                            watch.add(path);
                        }
                        continue;
                    }
                };
                happenings.push_back(Happening::Event(event));
            }
        }
    }

    /// Does what the plan has said, and what it says to what has happened.
    fn carry_out(&mut self, actions: Vec<Action>, mut happenings: VecDeque<Happening>) -> ControlFlow<Exit> {
        self.obey(actions, &mut happenings)?;
        while let Some(happening) = happenings.pop_front() {
            let event = match happening {
                Happening::Event(event) => event,
                Happening::Reaped(pid, ending) => match self.event_of(pid, ending) {
                    Some(event) => event,
                    None => continue,
                },
            };
            let actions = self.plan.apply(event, Instant::now());
            self.obey(actions, &mut happenings)?;
            if let Event::Ended { generation, seat, pid, ending } = event {
                self.board.seat(seat).leave();
                if ending != Ending::Exit(0) {
                    let programs = orphans::end_programs();
                    if programs > 0 {
                        log::warn!("CGI programs that worker {pid} has left behind are ended: {programs}");
                    }
                }
                if let Some(line) = self.lines.get_mut(&generation) {
                    line.send(Command::Reap { pid });
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Whose end it is.
    fn event_of(&mut self, pid: Pid, ending: Ending) -> Option<Event> {
        if let Some((&generation, line)) = self.lines.iter_mut().find(|(_, line)| line.template == Some(pid)) {
            line.template = None;
            return Some(Event::TemplateEnded { generation, ending });
        }
        let (generation, seat) = self.plan.place_of(pid)?;
        Some(Event::Ended { generation, seat, pid, ending })
    }

    fn obey(&mut self, actions: Vec<Action>, happenings: &mut VecDeque<Happening>) -> ControlFlow<Exit> {
        for action in actions {
            match action {
                Action::StartTemplate { generation, preload } => match self.start_template(generation, preload) {
                    Ok(None) => {}
                    Ok(Some(birth)) => return ControlFlow::Break(Exit::Template(birth)),
                    Err(error) => {
                        log::error!("the process that is to load the application cannot be started: {error}");
                        happenings.push_back(Happening::Event(Event::TemplateNotStarted { generation }));
                    }
                },
                Action::KillTemplate { generation } => {
                    if let Some(pid) = self.lines.get(&generation).and_then(|line| line.template) {
                        self.signal(pid, Signal::KILL);
                    }
                }
                Action::StartWorker { generation, seat } => {
                    self.board.seat(seat).clear();
                    if let Some(line) = self.lines.get_mut(&generation) {
                        line.send(Command::Start { seat });
                    }
                }
                Action::StopListening => self.host.stop_listening(),
                Action::Drain { pid } => self.signal(pid, Signal::TERM),
                Action::Kill { pid } => self.signal(pid, Signal::KILL),
                Action::Say(news) => self.say(&news),
                Action::End(code) => return ControlFlow::Break(Exit::End(code)),
            }
        }
        ControlFlow::Continue(())
    }

    /// Forks a template. In the new process there is a birth to return.
    fn start_template(&mut self, generation: Generation, preload: bool) -> io::Result<Option<template::Birth>> {
        let (ours, theirs) = message::pair()?;
        let supervisor = getpid();
        let blocked = Blocked::new();
        match self.host.fork()? {
            Fork::Child => Ok(Some(template::Birth { preload, line: theirs, supervisor, blocked })),
            Fork::Parent(pid) => {
                self.lines.insert(generation, Line::new(pid, ours));
                Ok(None)
            }
        }
    }

    /// Signals a process that is known to be there, dead or alive: it is a child of ours that was not reaped before
    /// this turn, or one of a template that reaps only when told to.
    fn signal(&self, pid: Pid, signal: Signal) {
        if self.reaped.contains(&pid) {
            return;
        }
        if let Err(error) = kill_process(pid, signal)
            && error != Errno::SRCH
        {
            log::error!("process {pid} cannot be signalled: {error}");
        }
    }

    fn say(&self, news: &News) {
        let seat = news.seat().map(|seat| self.board.seat(seat));
        let requests = seat.map(|seat| lost::line(&seat.in_flight(), seat.open())).unwrap_or_default();
        log::log!(news.level(), "{}", news.line(&self.settings.application, &requests));
    }
}

fn order(signal: c_int) -> Option<Order> {
    match signal {
        libc::SIGTERM | libc::SIGINT => Some(Order::Stop),
        libc::SIGQUIT => Some(Order::Quit),
        libc::SIGHUP => Some(Order::Reload),
        libc::SIGTTIN => Some(Order::More),
        libc::SIGTTOU => Some(Order::Fewer),
        _ => None,
    }
}
