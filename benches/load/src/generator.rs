//! The loop: one epoll instance, a slot per connection, the next request as soon as a response is complete.

use std::collections::VecDeque;
use std::io::{BufRead, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use crate::connection::Connection;
use crate::options::Options;
use crate::response::Complete;
use crate::schedule::Schedule;
use crate::tally::{Fault, Tally};

/// More than any response that is measured, so that one read empties the socket.
const BUFFER: usize = 256 * 1024;
/// Idle connections that are being opened at the same time.
const OPENING: usize = 32;
/// For all idle connections together.
const OPENING_DEADLINE: Duration = Duration::from_secs(30);
/// After a connection could not be made.
const RETRY: Duration = Duration::from_millis(20);

/// What a slot is for, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Part of the closed loop.
    Active,
    /// The response said that the server closes; nothing counts any more until it has.
    Closing,
    /// An idle connection whose one request is under way.
    Opening,
    /// An idle connection that had its response.
    Parked,
    /// An idle connection that is gone.
    Gone,
}

struct Slot {
    connection: Option<Connection>,
    role: Role,
}

/// The load generator.
pub struct Generator {
    options: Options,
    epoll: OwnedFd,
    slots: Vec<Slot>,
    schedule: Schedule,
    tally: Tally,
    buffer: Vec<u8>,
    /// Slots whose connection could not be made, each with the time to try again.
    retries: VecDeque<(Instant, usize)>,
    idle_opened: usize,
    idle_open: usize,
    idle_opening: usize,
}

impl Generator {
    /// Prepares a run.
    pub fn new(options: Options) -> std::io::Result<Self> {
        let weights: Vec<u32> = options.templates.iter().map(|template| template.weight).collect();
        let slots = (0..options.connections + options.idle)
            .map(|index| Slot {
                connection: None,
                role: if index < options.connections { Role::Active } else { Role::Opening },
            })
            .collect();
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            slots,
            schedule: Schedule::new(&weights),
            tally: Tally::new(&options.classes),
            buffer: vec![0; BUFFER],
            retries: VecDeque::new(),
            idle_opened: 0,
            idle_open: 0,
            idle_opening: 0,
            options,
        })
    }

    /// Runs all phases and prints a line for each.
    pub fn run(&mut self) -> std::io::Result<()> {
        if self.options.idle > 0 {
            self.open_idle()?;
            say(&format!(
                "{{\"phase\":\"idle\",\"wanted\":{},\"opened\":{},\"open\":{}}}",
                self.options.idle, self.idle_opened, self.idle_open
            ))?;
        }
        if self.options.gate {
            std::io::stdin().lock().read_line(&mut String::new())?;
        }
        for index in 0..self.options.connections {
            self.open(index, Instant::now());
        }
        self.turn_until(Instant::now() + self.options.warm_up)?;
        self.tally = Tally::new(&self.options.classes);
        let begin = Instant::now();
        say("{\"phase\":\"measure\"}")?;
        self.turn_until(begin + self.options.duration)?;
        let end = Instant::now();
        let oldest = self.slots[..self.options.connections]
            .iter()
            .filter_map(|slot| slot.connection.as_ref())
            .map(|connection| end.duration_since(connection.began))
            .max()
            .unwrap_or_default();
        say(&format!(
            "{{\"phase\":\"done\",{},\"oldest_ms\":{:.4},\"idle\":{{\"wanted\":{},\"opened\":{},\"open\":{}}}}}",
            self.tally.json(end.duration_since(begin).as_secs_f64()),
            oldest.as_secs_f64() * 1e3,
            self.options.idle,
            self.idle_opened,
            self.idle_open
        ))
    }

    fn open_idle(&mut self) -> std::io::Result<()> {
        let deadline = Instant::now() + OPENING_DEADLINE;
        let mut next = self.options.connections;
        while (next < self.slots.len() || self.idle_opening > 0) && Instant::now() < deadline {
            while next < self.slots.len() && self.idle_opening < OPENING {
                self.idle_opening += 1;
                self.open(next, Instant::now());
                next += 1;
            }
            self.turn(Duration::from_millis(100))?;
        }
        Ok(())
    }

    fn turn_until(&mut self, end: Instant) -> std::io::Result<()> {
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            let mut wait = end - now;
            while let Some(&(time, index)) = self.retries.front() {
                if time > now {
                    wait = wait.min(time - now);
                    break;
                }
                self.retries.pop_front();
                self.open(index, now);
            }
            self.turn(wait)?;
        }
    }

    /// Waits for events and handles them.
    fn turn(&mut self, wait: Duration) -> std::io::Result<()> {
        let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        let mut events = [Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; 256];
        let count = match epoll::wait(&self.epoll, &mut events[..], Some(&timeout)) {
            Ok(count) => count,
            Err(Errno::INTR) => 0,
            Err(error) => return Err(error.into()),
        };
        for event in &events[..count] {
            self.ready(event.data.u64() as usize, event.flags);
        }
        Ok(())
    }

    /// Makes a connection for the next request of this slot.
    fn open(&mut self, index: usize, began: Instant) {
        let template = if self.slots[index].role == Role::Active { self.schedule.next() } else { 0 };
        self.open_for(index, template, began);
    }

    fn open_for(&mut self, index: usize, template: usize, began: Instant) {
        self.tally.connects += 1;
        let made = Connection::open(self.options.address, template, began).and_then(|connection| {
            // Edge-triggered for both directions: registered once, never changed.
            let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(&self.epoll, connection.socket(), EventData::new_u64(index as u64), flags)?;
            Ok(connection)
        });
        match made {
            Ok(connection) => self.slots[index].connection = Some(connection),
            Err(_) => self.cannot_connect(index),
        }
    }

    fn ready(&mut self, index: usize, flags: EventFlags) {
        let hung_up = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        let Some(connection) = self.slots[index].connection.as_mut() else { return };
        if flags.contains(EventFlags::OUT) && !flags.contains(EventFlags::ERR) {
            let request = &self.options.templates[connection.template].bytes;
            // A failure to send shows as ERR or as the end of the stream, which is handled below.
            if let Err(error) = connection.send(request)
                && !hung_up
            {
                return self.ended(index, Some(error));
            }
        }
        if !hung_up && !flags.contains(EventFlags::IN) {
            return;
        }
        loop {
            let Some(connection) = self.slots[index].connection.as_mut() else { return };
            match connection.receive(&mut self.buffer) {
                Ok(Some(0)) => return self.ended(index, None),
                Err(error) => return self.ended(index, Some(error)),
                Ok(None) => return,
                Ok(Some(count)) => {
                    if self.slots[index].role != Role::Closing && !self.received(index, count) {
                        return;
                    }
                    // Edge-triggered: a read that did not fill the buffer emptied the socket, and later bytes raise a
                    // new event; but a hang-up that this event announced is not announced again.
                    if count < BUFFER && !hung_up {
                        return;
                    }
                }
            }
        }
    }

    /// Takes bytes of a response; false when the slot has let go of the connection that they came from.
    fn received(&mut self, index: usize, count: usize) -> bool {
        let Some(connection) = self.slots[index].connection.as_mut() else { return false };
        match connection.reader.feed(&self.buffer[..count]) {
            Ok(None) => true,
            Ok(Some(complete)) => self.complete(index, complete),
            Err(_) => {
                self.failed(index, Fault::Malformed);
                false
            }
        }
    }

    /// The peer closed, or the connection broke with an error.
    fn ended(&mut self, index: usize, error: Option<Errno>) {
        let slot = &mut self.slots[index];
        let Some(connection) = slot.connection.as_mut() else { return };
        if slot.role == Role::Closing {
            return self.reopen(index);
        }
        if slot.role == Role::Parked {
            return self.idle_gone(index);
        }
        if let Some(complete) = connection.reader.end() {
            if self.complete(index, complete) {
                self.ended(index, None);
            }
            return;
        }
        let (used, untouched) = (connection.used, connection.reader.untouched());
        let (template, began) = (connection.template, connection.began);
        if used && untouched {
            // A kept connection may close at any time; a client sends such a request again.
            self.tally.stale += 1;
            slot.connection = None;
            return self.open_for(index, template, began);
        }
        if matches!(error, Some(Errno::CONNREFUSED | Errno::TIMEDOUT | Errno::HOSTUNREACH)) {
            return self.cannot_connect(index);
        }
        self.failed(index, Fault::Broken);
    }

    /// Counts a response and sends the next request; false when the slot has let go of the connection.
    fn complete(&mut self, index: usize, complete: Complete) -> bool {
        let slot = &mut self.slots[index];
        let Some(connection) = slot.connection.as_mut() else { return false };
        let now = Instant::now();
        let template = &self.options.templates[connection.template];
        let answer =
            template.answers.iter().find(|answer| answer.length.is_none_or(|length| length == complete.length));
        if slot.role == Role::Opening {
            self.idle_opening -= 1;
            if complete.close || complete.status != template.status || answer.is_none() {
                slot.role = Role::Gone;
                slot.connection = None;
                return false;
            }
            slot.role = Role::Parked;
            self.idle_opened += 1;
            self.idle_open += 1;
            return true;
        }
        let latency = now.duration_since(connection.began).as_nanos() as u64;
        if complete.status != template.status {
            self.tally.failed(Fault::Status);
        } else if let Some(answer) = answer {
            self.tally.answered(answer.class, latency);
        } else {
            self.tally.failed(Fault::Length);
        }
        if complete.close {
            // The server is to close first, as it would for a client that it does not know; then the next one.
            slot.role = Role::Closing;
            return true;
        }
        if self.options.close {
            self.tally.left_open += 1;
            self.reopen(index);
            return false;
        }
        connection.used = true;
        connection.ask(self.schedule.next(), now);
        // A failure shows as the end of the stream too and is handled there.
        let _ = connection.send(&self.options.templates[connection.template].bytes);
        true
    }

    fn reopen(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        slot.connection = None;
        slot.role = Role::Active;
        self.open(index, Instant::now());
    }

    fn failed(&mut self, index: usize, fault: Fault) {
        if self.slots[index].role == Role::Opening {
            return self.idle_gone(index);
        }
        self.tally.failed(fault);
        self.reopen(index);
    }

    fn cannot_connect(&mut self, index: usize) {
        if self.slots[index].role == Role::Opening {
            return self.idle_gone(index);
        }
        self.slots[index].connection = None;
        self.tally.failed(Fault::Connect);
        self.retries.push_back((Instant::now() + RETRY, index));
    }

    fn idle_gone(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        match slot.role {
            Role::Opening => self.idle_opening -= 1,
            Role::Parked => self.idle_open -= 1,
            _ => {}
        }
        slot.role = Role::Gone;
        slot.connection = None;
    }
}

fn say(line: &str) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
