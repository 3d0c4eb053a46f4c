//! The watcher: sees that the leader is blocked inside a call, and opens the lead for another thread.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool,
    Ordering::{AcqRel, Acquire, Release},
};
use std::time::{Duration, Instant};

use crate::pulse::{Look, is_asleep, processor_time};
use crate::shift::Shared;

/// How long between two looks, normally.
const LOOK: Duration = Duration::from_micros(500);
/// The same while calls do block.
const LOOK_CLOSELY: Duration = Duration::from_micros(80);
/// How long after a hand-over the watcher looks closely.
const ALERT: Duration = Duration::from_secs(1);
/// A call that computes all the time keeps the lead for so long; the interpreter would not run another meanwhile.
const COMPUTING: Duration = Duration::from_millis(5);
/// The watcher sleeps when no call was seen for so long.
const QUIET: Duration = Duration::from_millis(20);

/// Whether the watcher sleeps until it is woken.
#[derive(Default)]
pub(crate) struct Sleep {
    asleep: AtomicBool,
    thread: std::sync::OnceLock<std::thread::Thread>,
}

impl Sleep {
    /// Wakes the watcher if it sleeps; nearly free if it does not.
    pub(crate) fn wake(&self) {
        if self.asleep.load(Acquire)
            && self.asleep.swap(false, AcqRel)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }
}

impl Shared {
    /// The life of the watcher; ends with the worker.
    pub(crate) fn keep_watch(self: &Arc<Self>) {
        let _ = self.sleep.thread.set(std::thread::current());
        let mut last = self.pulse.look();
        let mut since = Instant::now();
        let mut last_change = since;
        let mut spent = None;
        let mut alert_until = since;
        loop {
            let now = Instant::now();
            std::thread::sleep(if now < alert_until { LOOK_CLOSELY } else { LOOK });
            let look = self.pulse.look();
            let now = Instant::now();
            if look != last {
                (last, since, last_change, spent) = (look, now, now, None);
                if !look.in_call() {
                    continue;
                }
            }
            if !look.in_call() {
                if now - last_change > QUIET && self.rest(look) {
                    return;
                }
                continue;
            }
            // The first look at a call only notes how much its thread has computed.
            let Some(computed_before) = spent else {
                spent = processor_time(look.thread).map(|time| (time, now));
                continue;
            };
            let Some(time) = processor_time(look.thread) else { continue };
            let (time_before, looked_before) = computed_before;
            spent = Some((time, now));
            let idle = time.saturating_sub(time_before) * 4 < now - looked_before;
            let blocked = idle && is_asleep(look.thread);
            if blocked || now - since > COMPUTING {
                let mut shift = self.lock();
                if self.pulse.look() == look && !shift.vacant {
                    self.hand_over(&mut shift);
                    // At the limit of threads nobody may come soon: what is finished must not wait for that.
                    let stranded = if shift.idle == 0 { std::mem::take(&mut shift.finished) } else { Vec::new() };
                    drop(shift);
                    let mut stranded = stranded;
                    self.deliver_apart(&mut stranded);
                    alert_until = now + ALERT;
                }
                last = Look { beat: 0, thread: 0 };
                last_change = now;
            }
        }
    }

    /// Sleeps until the next call. `true`: the worker has ended.
    fn rest(&self, look: Look) -> bool {
        self.sleep.asleep.store(true, Release);
        loop {
            if self.lock().stopping {
                return true;
            }
            // A call that began before the flag was up has woken nobody.
            if self.pulse.look() != look || !self.sleep.asleep.load(Acquire) {
                self.sleep.asleep.store(false, Release);
                return false;
            }
            std::thread::park_timeout(Duration::from_secs(1));
        }
    }
}
