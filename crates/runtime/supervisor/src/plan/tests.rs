//! The plan against every kind of event. Actions are compared as short lines, one each, in order.

mod crashes;
mod deadlines;
mod idle;
mod orders;
mod reloads;
mod simulation;
mod starts;
mod templates;

use super::*;

/// A plan with a clock that only the test moves.
struct Bench {
    plan: Plan,
    now: Instant,
    /// The number that the next worker gets. The first one is 101.
    last_pid: i32,
}

fn rules(workers: usize) -> Rules {
    Rules {
        workers,
        most_workers: 4,
        seats: 8,
        preload: true,
        graceful: Duration::from_secs(30),
        startup: Some(Duration::from_secs(120)),
        idle: None,
        persist: false,
    }
}

fn pid(number: i32) -> Pid {
    Pid::from_raw(number).unwrap()
}

impl Bench {
    /// A plan after its first actions.
    fn new(rules: Rules) -> Self {
        let mut bench = Self { plan: Plan::new(rules), now: Instant::now(), last_pid: 100 };
        let preload = bench.plan.rules.preload;
        let first = bench.plan.start(bench.now);
        let template = if preload { "template 1" } else { "bare template 1" };
        assert_eq!(lines(first), ["say loading application app as generation 1", template]);
        bench
    }

    /// A plan whose first generation serves, on the seats from 0 with the numbers from 101.
    fn serving(rules: Rules) -> Self {
        let workers = rules.workers;
        let mut bench = Self::new(rules);
        bench.event(Event::Loaded { generation: 1, threads: 0 });
        for seat in 0..workers {
            bench.up(1, seat);
        }
        assert_eq!(bench.plan.current, Some(1));
        bench
    }

    fn event(&mut self, event: Event) -> Vec<String> {
        lines(self.plan.apply(event, self.now))
    }

    fn order(&mut self, order: Order) -> Vec<String> {
        self.event(Event::Order(order))
    }

    fn after(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        self.event(Event::Tick)
    }

    fn seconds(&mut self, seconds: u64) -> Vec<String> {
        self.after(Duration::from_secs(seconds))
    }

    fn loaded(&mut self, generation: Generation) -> Vec<String> {
        self.event(Event::Loaded { generation, threads: 0 })
    }

    /// A worker says that it lives; it gets the next number.
    fn started(&mut self, generation: Generation, seat: usize) -> Vec<String> {
        self.last_pid += 1;
        let pid = pid(self.last_pid);
        self.event(Event::Started { generation, seat, pid })
    }

    fn ready(&mut self, seat: usize, number: i32) -> Vec<String> {
        self.event(Event::Ready { seat, pid: pid(number) })
    }

    /// A worker says that it lives and that it is ready.
    fn up(&mut self, generation: Generation, seat: usize) -> Vec<String> {
        let mut lines = self.started(generation, seat);
        lines.extend(self.ready(seat, self.last_pid));
        lines
    }

    fn ended(&mut self, seat: usize, number: i32, ending: Ending) -> Vec<String> {
        let generation = self.plan.workers.get(&seat).map_or(0, |worker| worker.generation);
        self.event(Event::Ended { generation, seat, pid: pid(number), ending })
    }

    fn killed(&mut self, seat: usize, number: i32) -> Vec<String> {
        self.ended(seat, number, Ending::Signal(9))
    }

    fn drained(&mut self, seat: usize, number: i32) -> Vec<String> {
        self.ended(seat, number, Ending::Exit(0))
    }

    fn template_ended(&mut self, generation: Generation) -> Vec<String> {
        self.event(Event::TemplateEnded { generation, ending: Ending::Signal(9) })
    }

    /// How long the plan is content to hear nothing.
    fn sleep(&self) -> Option<Duration> {
        self.plan.next_wake().map(|at| at.saturating_duration_since(self.now))
    }
}

fn lines(actions: Vec<Action>) -> Vec<String> {
    let line = |action| match action {
        Action::StartTemplate { generation, preload: true } => format!("template {generation}"),
        Action::StartTemplate { generation, preload: false } => format!("bare template {generation}"),
        Action::KillTemplate { generation } => format!("kill template {generation}"),
        Action::StartWorker { generation, seat } => format!("worker {generation} on {seat}"),
        Action::StopListening => "stop listening".to_owned(),
        Action::Drain { pid } => format!("drain {pid}"),
        Action::Kill { pid } => format!("kill {pid}"),
        Action::Say(news) => format!("say {}", news.line("app", "")),
        Action::End(code) => format!("end {code}"),
    };
    actions.into_iter().map(line).collect()
}

/// The lines that do something.
fn deeds(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().filter(|line| !line.starts_with("say ")).collect()
}
