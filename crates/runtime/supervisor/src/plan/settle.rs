//! What follows from the state as it is, whatever event has led to it.

use std::time::Instant;

use crate::STOPPED;

use super::{Action, Cause, Failure, Generation, News, Plan, Restart, State, Template, Worker};

impl Plan {
    /// Acts on the difference between what there is and what there should be.
    pub(super) fn settle(&mut self, now: Instant) {
        self.enforce_deadlines(now);
        if self.stop.is_none() {
            if let Some(next) = self.next {
                self.level(next, now);
                self.take_over(next, now);
            }
            if let Some(current) = self.current {
                self.level(current, now);
                self.renew(now);
            }
            if self.again && self.next.is_none() {
                self.begin(Cause::Reload, now);
            }
            self.start_due(now);
            if let Some(limit) = self.rules.idle
                && self.idle_until().is_some_and(|until| until <= now)
            {
                self.say(News::Idle { limit });
                self.stop(STOPPED);
            }
        }
        self.dismiss(now);
        self.end_templates();
    }

    fn enforce_deadlines(&mut self, now: Instant) {
        let passed = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        let limit = self.rules.startup.unwrap_or_default();
        let mut hung = Vec::new();
        for worker in self.workers.values_mut() {
            match (worker.state, worker.pid) {
                (State::Starting { until }, Some(pid)) if passed(until) => {
                    worker.state = State::Overdue;
                    self.out.push(Action::Say(News::StartTimeout { pid: Some(pid), limit }));
                    self.out.push(Action::Kill { pid });
                }
                (State::Starting { until }, None) if passed(until) => hung.push(worker.generation),
                (State::Draining { until }, Some(pid)) if until <= now => {
                    worker.state = State::Cut;
                    self.out.push(Action::Say(News::DrainTimeout { pid }));
                    self.out.push(Action::Kill { pid });
                }
                _ => {}
            }
        }
        let mut slow = false;
        for (generation, load) in &mut self.generations {
            match load.template {
                Template::Loading { until } if passed(until) => {
                    slow = self.next == Some(*generation);
                    load.template = Template::Killed { again: false };
                    self.out.push(Action::KillTemplate { generation: *generation });
                }
                // Left as it is: its end is treated like any other death of a template.
                Template::Loaded if hung.contains(generation) => {
                    self.out.push(Action::Say(News::StartTimeout { pid: None, limit }));
                    self.out.push(Action::KillTemplate { generation: *generation });
                }
                _ => {}
            }
        }
        // Until the template is gone, its workers stay; without this they would be overdue at every tick.
        for worker in self.workers.values_mut().filter(|w| w.pid.is_none() && hung.contains(&w.generation)) {
            worker.state = State::Starting { until: None };
        }
        if slow {
            self.give_up(Failure::LoadTimeout(limit), now);
        }
    }

    /// Brings the number of workers of a generation, with those to come, to the number wanted.
    fn level(&mut self, generation: Generation, now: Instant) {
        let held = self.workers.values().filter(|w| w.generation == generation && w.holds_place()).count();
        let Some(load) = self.generations.get_mut(&generation) else { return };
        if load.template == Template::Loaded {
            let missing = self.wanted.saturating_sub(held + load.restarts.len());
            load.restarts.extend((0..missing).map(|_| Restart { at: now, failures: 0 }));
        }
        // Those go first that cost least: the starts that wait longest, workers that are not ready yet (one whose
        // number is not known goes when it is), and, only beyond the number wanted, workers that serve.
        let mut surplus = (held + load.restarts.len()).saturating_sub(self.wanted);
        load.restarts.sort_by_key(|restart| restart.at);
        while surplus > 0 && load.restarts.pop().is_some() {
            surplus -= 1;
        }
        let ready = self.workers.values().filter(|w| w.generation == generation && w.is_ready()).count();
        let mut ready_surplus = ready.saturating_sub(self.wanted);
        let until = now + self.rules.draining();
        for worker in self.workers.values_mut().rev().filter(|w| w.generation == generation) {
            match (worker.state, worker.pid) {
                (State::Starting { .. }, Some(pid)) if surplus > 0 => {
                    surplus -= 1;
                    worker.state = State::Dismissed;
                    self.out.push(Action::Kill { pid });
                }
                (State::Ready { .. }, Some(pid)) if ready_surplus > 0 => {
                    ready_surplus -= 1;
                    worker.state = State::Draining { until };
                    self.out.push(Action::Drain { pid });
                }
                _ => {}
            }
        }
    }

    fn take_over(&mut self, next: Generation, now: Instant) {
        if self.workers.values().filter(|w| w.generation == next && w.is_ready()).count() < self.wanted {
            return;
        }
        let before = self.current.replace(next);
        self.next = None;
        self.connected = self.connected.max(Some(now));
        self.renewals = 0;
        self.renew_at = None;
        self.say(News::Ready { generation: next, workers: self.wanted });
        if let Some(generation) = before {
            let workers = self.workers.values().filter(|w| w.generation == generation && w.is_ready()).count();
            if workers > 0 {
                self.say(News::Draining { generation, workers, limit: self.rules.graceful });
            }
        }
    }

    /// Whether the current generation lacks workers that it cannot start.
    pub(super) fn needs_renewal(&self) -> bool {
        let Some(current) = self.current.filter(|_| self.next.is_none() && self.stop.is_none()) else { return false };
        let template_gone = self.generations.get(&current).is_none_or(|load| load.template == Template::Gone);
        let held = self.workers.values().filter(|w| w.generation == current && w.holds_place()).count();
        template_gone && held < self.wanted
    }

    /// When everything ends, if nobody connects until then.
    pub(super) fn idle_until(&self) -> Option<Instant> {
        let serves = self.stop.is_none() && self.current.is_some() && self.next.is_none();
        self.connected.filter(|_| serves)?.checked_add(self.rules.idle?)
    }

    fn renew(&mut self, now: Instant) {
        if self.needs_renewal() && self.renew_at.is_none_or(|at| at <= now) {
            self.begin(Cause::LostTemplate, now);
        }
    }

    /// Starts the workers whose time has come, as long as there are seats.
    fn start_due(&mut self, now: Instant) {
        for generation in [self.current, self.next].into_iter().flatten() {
            while let Some(failures) = self.take_due(generation, now) {
                let Some(seat) = self.free_seat() else { break };
                let state = State::Starting { until: self.startup_limit(now) };
                self.workers.insert(seat, Worker { generation, pid: None, state, failures });
                self.out.push(Action::StartWorker { generation, seat });
            }
        }
    }

    /// Takes one restart that is due, unless there is no seat for it.
    fn take_due(&mut self, generation: Generation, now: Instant) -> Option<u32> {
        let seat_free = self.free_seat().is_some();
        let load = self.generations.get_mut(&generation)?;
        let due = load.restarts.iter().position(|restart| restart.at <= now)?;
        if seat_free {
            load.told_seats_taken = false;
            return Some(load.restarts.swap_remove(due).failures);
        }
        if !std::mem::replace(&mut load.told_seats_taken, true) {
            self.out.push(Action::Say(News::SeatsTaken));
        }
        None
    }

    /// Sends away the workers that nobody wants any more.
    fn dismiss(&mut self, now: Instant) {
        let until = now + self.rules.draining();
        let wanted = [self.current, self.next].map(|live| live.filter(|_| self.stop.is_none()));
        for worker in self.workers.values_mut().filter(|w| !wanted.contains(&Some(w.generation))) {
            match (worker.state, worker.pid) {
                (State::Ready { .. }, Some(pid)) => {
                    worker.state = State::Draining { until };
                    self.out.push(Action::Drain { pid });
                }
                // One whose number is not known yet is killed when it is.
                (State::Starting { .. }, Some(pid)) => {
                    worker.state = State::Dismissed;
                    self.out.push(Action::Kill { pid });
                }
                _ => {}
            }
        }
    }

    /// Ends the templates that have nothing left to do, forgets the generations that have no process left, and, at
    /// last, ends the supervisor.
    fn end_templates(&mut self) {
        let stopping = self.stop.is_some();
        for (generation, load) in &mut self.generations {
            let idle = match load.template {
                Template::Loading { .. } => true,
                // At the end it would only keep the listening sockets open; the supervisor adopts its workers.
                Template::Loaded => stopping || self.workers.values().all(|w| w.generation != *generation),
                Template::Killed { .. } | Template::Gone => false,
            };
            let live = !stopping && [self.current, self.next].contains(&Some(*generation));
            if idle && !live {
                load.template = Template::Killed { again: false };
                self.out.push(Action::KillTemplate { generation: *generation });
            }
        }
        let mut gone = Vec::new();
        let live = [self.current, self.next];
        self.generations.retain(|generation, load| {
            let empty = load.template == Template::Gone && self.workers.values().all(|w| w.generation != *generation);
            let keep = !empty || (!stopping && live.contains(&Some(*generation)));
            if !keep {
                gone.push(*generation);
            }
            keep
        });
        if let Some(code) = self.stop {
            if self.generations.is_empty() && self.workers.is_empty() {
                self.say(News::Stopped);
                self.out.push(Action::End(code));
            }
        } else {
            for generation in gone {
                self.say(News::Gone { generation });
            }
        }
    }
}
