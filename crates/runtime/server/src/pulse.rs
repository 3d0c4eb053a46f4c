//! How the watcher sees whether the leader is inside a call, and whether that call computes or is blocked.

use std::sync::atomic::{
    AtomicI32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Duration;

/// Written by the leader alone, read by the watcher.
#[derive(Default)]
pub(crate) struct Pulse {
    /// Odd while the leader is inside a call; counts up at entry and exit, so that two equal looks mean the same call.
    beat: AtomicU64,
    /// The leader's thread.
    thread: AtomicI32,
}

/// What one look shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) beat: u64,
    pub(crate) thread: i32,
}

impl Look {
    /// True when the leader was inside a call.
    pub(crate) fn in_call(self) -> bool {
        self.beat % 2 == 1
    }
}

impl Pulse {
    /// This thread leads from now on. Happens under the lock of the shift.
    pub(crate) fn lead(&self) {
        self.thread.store(rustix::thread::gettid().as_raw_nonzero().get(), Relaxed);
        self.leave();
    }

    /// The leader enters a call.
    pub(crate) fn enter(&self) {
        self.beat.store(self.beat.load(Relaxed) | 1, Release);
    }

    /// The leader is outside again.
    pub(crate) fn leave(&self) {
        self.beat.store((self.beat.load(Relaxed) | 1) + 1, Release);
    }

    pub(crate) fn look(&self) -> Look {
        Look { beat: self.beat.load(Acquire), thread: self.thread.load(Relaxed) }
    }
}

/// The processor time that a thread of this process has used; `None` when it is gone.
pub(crate) fn processor_time(thread: i32) -> Option<Duration> {
    // The kernel's own encoding of "the CPU clock of thread N", as clock_getcpuclockid(3) and its kin build it:
    // the complement of the id, then the bits for "per thread" (4) and "scheduled time" (2).
    let clock = (!thread << 3) | 4 | 2;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the call to fill in; an unknown clock is answered with an error.
    #[allow(unsafe_code)]
    let answer = unsafe { libc::clock_gettime(clock, &raw mut time) };
    (answer == 0).then(|| Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32))
}

/// True when a thread of this process sleeps at this moment: it waits for something and is not merely kept from a busy
/// processor. When that cannot be told, it counts as sleeping.
pub(crate) fn is_asleep(thread: i32) -> bool {
    let mut text = [0u8; 128];
    let length = std::fs::File::open(format!("/proc/self/task/{thread}/stat"))
        .and_then(|mut file| std::io::Read::read(&mut file, &mut text))
        .unwrap_or(0);
    // proc(5): the state is the letter after the name, which stands in parentheses and may itself hold some.
    let state = text[..length].windows(3).rev().find(|window| window.starts_with(b") "));
    state.is_none_or(|window| window[2] != b'R')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_seen_as_one() {
        let pulse = Pulse::default();
        pulse.lead();
        assert!(!pulse.look().in_call());
        pulse.enter();
        let first = pulse.look();
        assert!(first.in_call());
        pulse.leave();
        pulse.enter();
        assert!(pulse.look().in_call() && pulse.look() != first);
    }

    #[test]
    fn tells_computing_from_waiting() {
        let me = rustix::thread::gettid().as_raw_nonzero().get();
        let before = processor_time(me).unwrap();
        let mut sum = 0u64;
        while processor_time(me).unwrap() < before + Duration::from_millis(2) {
            sum = sum.wrapping_mul(31).wrapping_add(7);
        }
        assert!(sum != 1 && !is_asleep(me));
        let sleeper = std::thread::spawn(std::thread::park);
        let asleep = || {
            std::fs::read_dir("/proc/self/task").unwrap().any(|task| {
                let number = task.unwrap().file_name().to_string_lossy().parse().unwrap();
                number != me && is_asleep(number)
            })
        };
        while !asleep() {
            std::thread::yield_now();
        }
        sleeper.thread().unpark();
        sleeper.join().unwrap();
        assert_eq!(processor_time(i32::MAX - 1), None);
    }
}
