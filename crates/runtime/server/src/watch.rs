//! The watcher: sees that the leader is blocked inside a call, and opens the lead for another thread.
//!
//! It sleeps until an alarm that the leader sets before each batch and takes back after it; so it wakes only when a batch
//! takes long, and then looks whether the leader computes or waits.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

use crate::pulse::{is_asleep, processor_time};
use crate::shift::Shared;

/// How long a batch may take before the watcher looks, normally.
const PATIENCE: Duration = Duration::from_micros(400);
/// The same while calls do block.
const PATIENCE_ON_ALERT: Duration = Duration::from_micros(100);
/// How long after a call was seen to block the watcher is on alert.
const ALERT: Duration = Duration::from_secs(1);
/// A thread that sleeps at two looks so far apart, in the same call, is blocked.
const SECOND_LOOK: Duration = Duration::from_micros(60);
/// Between looks at a leader that computes, at first and at most.
const LOOKS: (Duration, Duration) = (Duration::from_micros(400), Duration::from_millis(3));
/// A call that computes all the time keeps the lead for so long; the interpreter would not run another meanwhile.
const COMPUTING: Duration = Duration::from_millis(5);

/// What the leader sets before a batch and takes back after it.
pub(crate) struct Alarm {
    timer: OwnedFd,
    /// A batch is on.
    batch: AtomicBool,
    alert: AtomicBool,
}

impl Alarm {
    pub(crate) fn new() -> io::Result<Self> {
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
        Ok(Self { timer, batch: AtomicBool::new(false), alert: AtomicBool::new(false) })
    }

    /// A batch begins.
    pub(crate) fn set(&self) {
        self.batch.store(true, Relaxed);
        self.arm(if self.alert.load(Relaxed) { PATIENCE_ON_ALERT } else { PATIENCE });
    }

    /// The batch is over.
    pub(crate) fn take_back(&self) {
        self.batch.store(false, Relaxed);
        self.arm(Duration::ZERO);
    }

    /// Wakes the watcher as soon as can be.
    pub(crate) fn ring(&self) {
        self.arm(Duration::from_nanos(1));
    }

    fn arm(&self, after: Duration) {
        let it_value = Timespec { tv_sec: 0, tv_nsec: after.subsec_nanos().into() };
        let time = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        // Fails only for a descriptor that is none or a time that is none.
        let _ = rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &time);
    }

    fn wait(&self) {
        let mut count = [0; 8];
        while rustix::io::read(&self.timer, &mut count) == Err(Errno::INTR) {}
    }
}

impl Shared {
    /// The life of the watcher; ends with the worker.
    pub(crate) fn keep_watch(self: &Arc<Self>) {
        let mut alert_until = Instant::now();
        loop {
            self.alarm.wait();
            if self.lock().stopping {
                return;
            }
            if self.look_after_batch() {
                alert_until = Instant::now() + ALERT;
            }
            self.alarm.alert.store(Instant::now() < alert_until, Relaxed);
        }
    }

    /// Looks at a batch that takes long, until it is over or another thread leads. `true`: a call was blocked.
    fn look_after_batch(self: &Arc<Self>) -> bool {
        let mut pause = LOOKS.0;
        let mut look = self.pulse.look();
        let mut computed_before = processor_time(look.thread);
        while self.alarm.batch.load(Relaxed) {
            if look.in_call() && is_asleep(look.thread) {
                std::thread::sleep(SECOND_LOOK);
                if self.pulse.look() == look && is_asleep(look.thread) && self.relieve(look.beat, true) {
                    return true;
                }
            } else {
                std::thread::sleep(pause);
                pause = (pause * 2).min(LOOKS.1);
            }
            let next = self.pulse.look();
            let computed = processor_time(next.thread);
            if next == look && look.in_call() {
                let spent = computed.zip(computed_before).map(|(now, before)| now.saturating_sub(before));
                if spent.is_some_and(|spent| spent > COMPUTING) && self.relieve(look.beat, false) {
                    return false;
                }
            } else {
                computed_before = computed;
            }
            look = next;
        }
        false
    }

    /// Opens the lead, if the leader is still in that call. `true` if so.
    fn relieve(self: &Arc<Self>, beat: u64, blocked: bool) -> bool {
        let mut shift = self.lock();
        if self.pulse.look().beat != beat || shift.vacant {
            return false;
        }
        if blocked {
            let target = shift.in_call;
            shift.blockers.blocked(target);
        }
        self.hand_over(&mut shift);
        // The batch is over as far as it was this leader's; whoever leads next begins one of its own.
        self.alarm.batch.store(false, Relaxed);
        // At the limit of threads nobody may come soon: what is finished must not wait for that.
        let mut stranded = if shift.idle == 0 { std::mem::take(&mut shift.finished) } else { Vec::new() };
        drop(shift);
        self.deliver_apart(&mut stranded);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarm_rings_only_if_it_is_not_taken_back() {
        let alarm = Alarm::new().unwrap();
        alarm.set();
        alarm.take_back();
        let mut descriptors = [rustix::event::PollFd::new(&alarm.timer, rustix::event::PollFlags::IN)];
        let moment = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
        assert_eq!(rustix::event::poll(&mut descriptors, Some(&moment)), Ok(0));
        alarm.set();
        alarm.wait();
    }
}
