//! Sees to processes whose request is over: those that end by themselves, those that must be ended, and what they leave.
//!
//! One thread for each worker, started when there is something to see to. A request is answered without waiting for it.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::answer::Answer;
use crate::child::{Child, Ending};
use crate::gate::Place;
use crate::standard_error::StandardError;

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(3);
/// So long it is waited for the end of a program whose output has ended, for it tells whether that was all of it.
pub(crate) const SETTLE: Duration = Duration::from_millis(200);
/// Most programs end right after their output does. Of one that does not, what it has written is sent before its end.
pub(crate) const SETTLE_AT_ONCE: Duration = Duration::from_millis(5);
/// How often a process group without its leader is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often those who asked for it are told that time has passed.
const TICK: Duration = Duration::from_secs(5);

/// A process, and perhaps others in its group, after their request.
pub(crate) struct Remains {
    pub(crate) child: Child,
    /// It is a child of this process, so that its end must be taken note of.
    pub(crate) is_ours: bool,
    pub(crate) script: PathBuf,
    pub(crate) error: Option<StandardError>,
    pub(crate) place: Option<Place>,
    pub(crate) fate: Fate,
}

/// What is to become of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It may go on for ever; how it ends is noted.
    Stay,
    /// It may go on until then.
    EndBy(Instant),
    /// It has been told to end, and is killed then.
    KillAt(Instant),
    /// It has been killed.
    Killed,
}

/// A process group whose leader has ended by itself: what others in it may be left is not worth a descriptor.
struct Orphans {
    group: Pid,
    script: PathBuf,
    look_at: Instant,
    end_by: Instant,
}

/// Somebody who wants to know that time has passed.
pub(crate) trait Ticked: Send + Sync {
    /// Called every few seconds while there is anything to see to. `false`: there is no need for it any more.
    fn tick(&self) -> bool;
}

/// Where processes are handed over.
#[derive(Default)]
pub(crate) struct Reaper {
    state: Mutex<Inbox>,
}

#[derive(Default)]
struct Inbox {
    wake: Option<Arc<OwnedFd>>,
    arrived: Vec<Remains>,
    orphans: Vec<Orphans>,
    /// The process groups in which there may be somebody.
    groups: HashSet<Pid>,
    /// The thread looks again before long, whether it is woken or not.
    wakes_soon: bool,
    ticked: Vec<Weak<dyn Ticked>>,
}

impl Reaper {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a process group has begun. It is forgotten when nobody is left in it.
    pub(crate) fn begin(&self, group: Pid) {
        self.lock().groups.insert(group);
    }

    /// Notes that nobody is left in a process group.
    pub(crate) fn forget(&self, group: Pid) {
        self.lock().groups.remove(&group);
    }

    /// Sends a signal to every process that runs, and to those that they have left.
    pub(crate) fn signal_all(&self, signal: Signal) {
        for group in &self.lock().groups {
            let _ = kill_process_group(*group, signal);
        }
    }

    /// Takes charge of a process.
    pub(crate) fn take(self: &Arc<Self>, remains: Remains) {
        self.hand_over(true, |inbox| inbox.arrived.push(remains));
    }

    /// Takes charge of whoever is left in a process group whose leader has ended or is about to.
    pub(crate) fn take_group(self: &Arc<Self>, group: Pid, script: PathBuf, end_by: Instant) {
        let orphans = Orphans { group, script, look_at: Instant::now() + LOOK_EVERY, end_by };
        self.hand_over(false, |inbox| inbox.orphans.push(orphans));
    }

    /// Tells the process group to end, and takes charge of its end.
    pub(crate) fn end(self: &Arc<Self>, mut remains: Remains) {
        remains.child.signal(Signal::TERM);
        // One that was stopped would not notice.
        remains.child.signal(Signal::CONT);
        remains.fate = Fate::KillAt(Instant::now() + GRACE);
        self.take(remains);
    }

    /// Tells `whom` that time passes.
    pub(crate) fn tell(self: &Arc<Self>, whom: Weak<dyn Ticked>) {
        self.hand_over(true, |inbox| inbox.ticked.push(whom));
    }

    fn hand_over(self: &Arc<Self>, at_once: bool, put: impl FnOnce(&mut Inbox)) {
        let mut inbox = self.lock();
        put(&mut inbox);
        if inbox.wakes_soon && !at_once {
            return;
        }
        if let Some(wake) = &inbox.wake {
            let _ = rustix::io::write(wake, &1u64.to_ne_bytes());
        } else if let Err(error) = self.start(&mut inbox) {
            log::error!("engine error: no thread can be had that sees to ended programs: {error}");
        }
    }

    fn start(self: &Arc<Self>, inbox: &mut Inbox) -> io::Result<()> {
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (reaper, woken) = (Arc::downgrade(self), wake.clone());
        std::thread::Builder::new().name("millau-reaper".into()).spawn(move || live(&reaper, &woken))?;
        inbox.wake = Some(wake);
        Ok(())
    }
}

/// The life of the thread: as long as anybody hands something over.
fn live(reaper: &Weak<Reaper>, wake: &OwnedFd) {
    let mut all: Vec<Remains> = Vec::new();
    let mut orphans: Vec<Orphans> = Vec::new();
    let mut ticked: Vec<Weak<dyn Ticked>> = Vec::new();
    let mut next_tick = Instant::now() + TICK;
    loop {
        let inbox = reaper.upgrade();
        if inbox.is_none() && all.is_empty() && orphans.is_empty() {
            return;
        }
        let now = Instant::now();
        if next_tick <= now {
            ticked.retain(|one| one.upgrade().is_some_and(|one| one.tick()));
            next_tick = now + TICK;
        }
        let mut gone = Vec::new();
        let mut keep = |kept: bool, group: Pid| {
            if !kept {
                gone.push(group);
            }
            kept
        };
        all.retain_mut(|remains| keep(remains.see_to(now), remains.child.pid()));
        orphans.retain_mut(|orphans| keep(orphans.see_to(now), orphans.group));
        let until = {
            let mut arrivals = inbox.as_ref().map(|reaper| reaper.lock());
            if let Some(inbox) = &mut arrivals {
                for mut remains in inbox.arrived.drain(..) {
                    if keep(remains.see_to(now), remains.child.pid()) {
                        all.push(remains);
                    }
                }
                for group in gone {
                    inbox.groups.remove(&group);
                }
                orphans.append(&mut inbox.orphans);
                ticked.append(&mut inbox.ticked);
            }
            let tick = (!ticked.is_empty()).then_some(next_tick);
            let looks = all.iter().filter_map(|remains| remains.next_look(now));
            let until = looks.chain(orphans.iter().map(|orphans| orphans.look_at)).chain(tick).min();
            if let Some(inbox) = &mut arrivals {
                inbox.wakes_soon = until.is_some_and(|until| until <= now + LOOK_EVERY);
            }
            until
        };
        drop(inbox);
        wait(&all, wake, until);
        let mut count = [0; 8];
        let _ = rustix::io::read(wake, &mut count);
    }
}

fn wait(all: &[Remains], wake: &OwnedFd, until: Option<Instant>) {
    let mut descriptors = vec![PollFd::new(wake, PollFlags::IN)];
    for remains in all {
        if !remains.is_dead() {
            descriptors.push(PollFd::new(&remains.child, PollFlags::IN));
        }
        if let Some(error) = remains.error.as_ref().filter(|error| !error.is_ended()) {
            descriptors.push(PollFd::from_borrowed_fd(error.as_fd(), PollFlags::IN));
        }
    }
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let left = left.map(|left| Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) });
    let _ = poll(&mut descriptors, left.as_ref());
}

impl Remains {
    /// True when the leader is dead and that has been noted: others in its group may live.
    fn is_dead(&self) -> bool {
        self.child.is_noted()
    }

    /// Waits a moment for the end of a process of ours whose output has ended, and reads what it last said. What it has
    /// written is sent meanwhile.
    pub(crate) fn settle(&mut self, answer: &mut Answer) -> Option<Ending> {
        if !self.child.ends_within(SETTLE_AT_ONCE) {
            answer.send_before_ending();
            self.child.ends_within(SETTLE);
        }
        if let Some(error) = &mut self.error {
            error.drain();
        }
        self.child.reap()
    }

    /// Takes note of the leader's end.
    pub(crate) fn note(&mut self, ending: Ending) {
        self.place = None;
        if let Some(error) = &mut self.error {
            error.drain();
        }
        let expected = matches!(self.fate, Fate::KillAt(_) | Fate::Killed);
        if !expected {
            ending.log(&self.script);
        }
    }

    fn next_look(&self, now: Instant) -> Option<Instant> {
        let group = self.is_dead().then_some(now + LOOK_EVERY);
        let fate = match self.fate {
            Fate::EndBy(time) | Fate::KillAt(time) => Some(time),
            Fate::Stay | Fate::Killed => None,
        };
        group.into_iter().chain(fate).min()
    }

    /// Does what is to be done now. `false`: nothing is left.
    fn see_to(&mut self, now: Instant) -> bool {
        if let Some(error) = &mut self.error
            && !error.is_ended()
        {
            error.drain();
        }
        if !self.child.is_noted()
            && let Some(ending) = if self.is_ours { self.child.reap() } else { self.child.note_end() }
        {
            self.note(ending);
        }
        if self.child.is_noted() && (self.fate == Fate::Stay || !self.child.has_group()) {
            return false;
        }
        match self.fate {
            Fate::EndBy(time) if time <= now => {
                log::warn!(
                    "{}: the program has ended its output and goes on; its processes are ended now (--cgi-timeout)",
                    self.script.display()
                );
                self.child.signal(Signal::TERM);
                self.child.signal(Signal::CONT);
                self.fate = Fate::KillAt(now + GRACE);
            }
            Fate::KillAt(time) if time <= now => {
                self.child.signal(Signal::KILL);
                self.fate = Fate::Killed;
            }
            _ => {}
        }
        true
    }
}

impl Orphans {
    /// Does what is to be done now. `false`: nobody is left.
    fn see_to(&mut self, now: Instant) -> bool {
        if now < self.look_at {
            return true;
        }
        if test_kill_process_group(self.group) == Err(rustix::io::Errno::SRCH) {
            return false;
        }
        self.look_at = now + LOOK_EVERY;
        if self.end_by <= now {
            log::warn!("{}: processes that it left behind are ended now (--cgi-timeout)", self.script.display());
            // They had their time, and nobody waits for them.
            let _ = kill_process_group(self.group, Signal::KILL);
            self.end_by = now + GRACE;
        }
        true
    }
}
