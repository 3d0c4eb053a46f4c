//! The plan in a world of chance: processes that start, hang, die and answer in any order, and an operator who asks
//! for anything at any time. Whatever happens, the rules below hold, and a stop comes to an end.

use std::collections::BTreeSet;

use super::*;

/// A process as it really is, whatever the plan knows of it.
#[derive(Clone, Debug)]
struct Process {
    generation: Generation,
    seat: usize,
    pid: i32,
    said_started: bool,
    said_ready: bool,
    draining: bool,
    killed: bool,
    /// Its template died before it could say anything: the plan does not know it.
    stray: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Loading,
    Loaded,
    Killed,
}

/// The processes, and a source of chance that a failing run can repeat.
struct World {
    plan: Plan,
    now: Instant,
    templates: BTreeMap<Generation, Life>,
    /// Commands on their way to templates.
    commands: Vec<(Generation, usize)>,
    processes: Vec<Process>,
    last_pid: i32,
    chance: u64,
    /// Generations that have been announced as serving.
    served: BTreeSet<Generation>,
    stopped_listening: bool,
    ended: Option<i32>,
    history: Vec<String>,
}

impl World {
    fn new(seed: u64, rules: Rules) -> Self {
        let mut world = Self {
            plan: Plan::new(rules),
            now: Instant::now(),
            templates: BTreeMap::new(),
            commands: Vec::new(),
            processes: Vec::new(),
            last_pid: 100,
            chance: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            served: BTreeSet::new(),
            stopped_listening: false,
            ended: None,
            history: Vec::new(),
        };
        let actions = world.plan.start(world.now);
        world.obey(actions);
        world
    }

    /// A number below `limit` (xorshift).
    fn pick(&mut self, limit: usize) -> usize {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 33) as usize % limit
    }

    fn one_in(&mut self, odds: usize) -> bool {
        self.pick(odds) == 0
    }

    fn tell(&mut self, event: Event) {
        if self.ended.is_some() {
            return;
        }
        self.history.push(format!("{event:?}"));
        let actions = self.plan.apply(event, self.now);
        let drains = actions.iter().filter_map(|a| if let Action::Drain { pid } = a { Some(*pid) } else { None });
        let drained: Vec<Pid> = drains.collect();
        self.obey(actions);
        self.check();
        let current = self.plan.current.filter(|_| self.plan.stop.is_none());
        let serving = self.processes.iter().filter(|p| Some(p.generation) == current && serves(p)).count();
        let announced = |p: &&Process| self.served.contains(&p.generation);
        for process in self.processes.iter().filter(announced).filter(|p| drained.contains(&pid(p.pid))) {
            // Also at the moment of a takeover: the new ones serve before the first old one goes.
            assert!(current.is_none() || serving >= self.plan.wanted, "{process:?} was needed");
        }
    }

    fn obey(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.history.push(format!("    {action:?}"));
            match action {
                Action::StartTemplate { generation, .. } => {
                    let before = self.templates.insert(generation, Life::Loading);
                    assert_eq!(before, None, "two templates of one generation");
                }
                Action::KillTemplate { generation } => {
                    let life = self.templates.get_mut(&generation);
                    *life.expect("a template that is not there is killed") = Life::Killed;
                }
                Action::StartWorker { generation, seat } => {
                    assert!(seat < self.plan.rules.seats, "no such seat");
                    let taken = |p: &Process| p.seat == seat && p.said_started && !p.stray;
                    assert!(!self.processes.iter().any(taken), "the seat is taken");
                    assert!(self.templates.contains_key(&generation), "there is no template to start it");
                    self.commands.push((generation, seat));
                }
                Action::Drain { pid } => {
                    let process = self.process(pid);
                    assert!(process.said_ready && !process.draining, "only a worker that serves can drain, and once");
                    process.draining = true;
                }
                Action::Kill { pid } => self.process(pid).killed = true,
                Action::Say(News::Ready { generation, workers }) => {
                    self.served.insert(generation);
                    let ready = self.processes.iter().filter(|p| p.generation == generation && serves(p)).count();
                    assert!(ready >= workers, "announced before it is true");
                }
                Action::StopListening => {
                    assert!(!self.stopped_listening, "said twice");
                    self.stopped_listening = true;
                }
                Action::Say(_) => {}
                Action::End(code) => {
                    assert!(self.stopped_listening);
                    self.ended = Some(code);
                }
            }
        }
    }

    fn process(&mut self, wanted: Pid) -> &mut Process {
        let found = self.processes.iter_mut().find(|p| pid(p.pid) == wanted);
        found.expect("a number that nobody has, or that somebody else may have by now, is signalled")
    }

    /// What holds after every event.
    fn check(&self) {
        let plan = &self.plan;
        assert!(plan.workers.len() <= plan.rules.seats);
        // A tick at this moment would change nothing, so a wake in the past would be repeated for ever.
        if self.ended.is_none() {
            assert!(plan.next_wake().is_none_or(|at| at > self.now), "it would spin: {:?}", plan.next_wake());
        }
        if let (None, Some(current)) = (plan.stop, plan.current) {
            let held = plan.workers.values().filter(|w| w.generation == current && w.holds_place()).count();
            let load = &plan.generations[&current];
            if load.template == Template::Loaded {
                assert!(held + load.restarts.len() >= plan.wanted, "workers are missing and none is planned");
            } else if held < plan.wanted {
                assert!(plan.next.is_some() || plan.next_wake().is_some(), "workers are missing and nothing is done");
            }
        }
    }

    /// Something happens.
    fn step(&mut self) {
        match self.pick(20) {
            0..=5 => self.process_happens(),
            6..=9 => self.template_happens(),
            10..=12 => self.command_arrives(),
            13 | 14 => self.time_passes(),
            15 if self.one_in(3) => {
                let orders = [Order::Reload, Order::Reload, Order::More, Order::Fewer];
                let order = orders[self.pick(orders.len())];
                self.tell(Event::Order(order));
            }
            _ => self.good_news(),
        }
    }

    fn time_passes(&mut self) {
        let until_wake = self.plan.next_wake().map(|at| at.saturating_duration_since(self.now));
        let time = match until_wake {
            Some(wake) if !self.one_in(3) => wake,
            _ => Duration::from_millis(self.pick(90_000) as u64),
        };
        self.now += time;
        self.tell(Event::Tick);
    }

    /// Whatever can go forward without trouble.
    fn good_news(&mut self) {
        let loading: Vec<_> = self.templates.iter().filter(|(_, l)| **l == Life::Loading).map(|(g, _)| *g).collect();
        for generation in loading {
            self.templates.insert(generation, Life::Loaded);
            self.tell(Event::Loaded { generation, threads: 0 });
        }
        self.command_arrives();
        for index in 0..self.processes.len() {
            self.speaks(index);
        }
    }

    fn command_arrives(&mut self) {
        if self.commands.is_empty() {
            return;
        }
        let (generation, seat) = self.commands.remove(0);
        if self.templates.get(&generation) != Some(&Life::Loaded) {
            return;
        }
        if self.one_in(20) {
            return self.tell(Event::NotStarted { generation, seat });
        }
        self.last_pid += 1;
        let pid = self.last_pid;
        let (said_started, said_ready, draining, killed, stray) = (false, false, false, false, false);
        self.processes.push(Process { generation, seat, pid, said_started, said_ready, draining, killed, stray });
    }

    fn speaks(&mut self, index: usize) {
        let process = &mut self.processes[index];
        let (generation, seat, pid) = (process.generation, process.seat, pid(process.pid));
        if process.killed {
            return;
        }
        if !process.said_started {
            process.said_started = true;
            self.tell(Event::Started { generation, seat, pid });
        } else if !process.said_ready {
            process.said_ready = true;
            self.tell(Event::Ready { seat, pid });
        }
    }

    /// What goes with a template.
    fn bury(&mut self, generation: Generation) {
        self.commands.retain(|(of, _)| *of != generation);
        for process in self.processes.iter_mut().filter(|p| p.generation == generation && !p.said_started) {
            process.stray = true;
        }
    }

    fn process_happens(&mut self) {
        if self.processes.is_empty() {
            return;
        }
        let index = self.pick(self.processes.len());
        let process = self.processes[index].clone();
        let ending = match (process.killed, process.draining) {
            (true, _) => Ending::Signal(9),
            (_, true) if !self.one_in(4) => Ending::Exit(0),
            _ if self.one_in(3) => Ending::Signal(11),
            _ => return self.speaks(index),
        };
        self.ends(index, ending);
    }

    /// A living template reports the end of its workers. Those of a dead one are found by their number alone.
    fn ends(&mut self, index: usize, ending: Ending) {
        let Process { generation, seat, pid: number, .. } = self.processes.remove(index);
        let pid = pid(number);
        if self.templates.contains_key(&generation) {
            self.tell(Event::Ended { generation, seat, pid, ending });
        } else if let Some((generation, seat)) = self.plan.place_of(pid) {
            self.tell(Event::Ended { generation, seat, pid, ending });
        }
    }

    fn template_happens(&mut self) {
        let generations: Vec<_> = self.templates.keys().copied().collect();
        if generations.is_empty() {
            return;
        }
        let generation = generations[self.pick(generations.len())];
        let dies = self.one_in(8);
        let life = self.templates[&generation];
        match life {
            Life::Loading if self.one_in(3) => self.tell(Event::LoadFailed { generation }),
            Life::Loading if self.one_in(3) => {
                self.templates.insert(generation, Life::Loaded);
                self.tell(Event::Loaded { generation, threads: 1 });
            }
            Life::Loaded if !dies => {}
            Life::Loading if !dies => {}
            _ => {
                self.templates.remove(&generation);
                self.bury(generation);
                self.tell(Event::TemplateEnded { generation, ending: Ending::Signal(9) });
            }
        }
    }

    /// A stop, and from then on only what must happen: drained workers end, killed processes end, time passes.
    fn stop(&mut self) {
        self.tell(Event::Order(Order::Stop));
        for _ in 0..1000 {
            if self.ended.is_some() {
                return;
            }
            if let Some(index) = self.processes.iter().position(|p| p.killed) {
                self.ends(index, Ending::Signal(9));
            } else if let Some(generation) = self.templates.iter().find(|(_, l)| **l == Life::Killed).map(|(g, _)| *g) {
                self.templates.remove(&generation);
                self.bury(generation);
                self.tell(Event::TemplateEnded { generation, ending: Ending::Signal(9) });
            } else if let Some(index) = self.processes.iter().position(|p| !p.said_started) {
                self.speaks(index);
            } else {
                self.time_passes();
            }
        }
        panic!("the stop did not come to an end");
    }
}

fn serves(process: &Process) -> bool {
    process.said_ready && !process.draining && !process.killed
}

/// Runs one world to its end and gives what happened; on a broken rule, says how to repeat it.
fn run(seed: u64) -> World {
    let mut world = World::new(
        seed,
        Rules {
            workers: 1 + seed as usize % 3,
            most_workers: 4,
            seats: 4 + seed as usize % 5,
            preload: !seed.is_multiple_of(3),
            persist: seed.is_multiple_of(2),
            ..rules(1)
        },
    );
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for _ in 0..300 {
            world.step();
        }
        if world.plan.stop.is_none() {
            world.stop();
        }
    }));
    if let Err(panic) = result {
        let tail = world.history.split_off(world.history.len().saturating_sub(40));
        eprintln!("seed {seed}, the last events and actions:\n{}\n{:#?}", tail.join("\n"), world.plan);
        std::panic::resume_unwind(panic);
    }
    world
}

#[test]
fn the_rules_hold_whatever_happens_and_a_stop_ends() {
    let (mut served, mut reloaded, mut survived) = (0, 0, 0);
    for seed in 0..3000 {
        let world = run(seed);
        served += usize::from(!world.served.is_empty());
        reloaded += usize::from(world.served.len() > 2);
        survived += usize::from(world.ended == Some(STOPPED));
    }
    // The world must be kind enough for the rules to be tried.
    assert!(served > 1000 && reloaded > 500 && survived > 1000, "{served} {reloaded} {survived}");
}
