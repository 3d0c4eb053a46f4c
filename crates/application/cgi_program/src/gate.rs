//! How many programs run at once: the others wait, and beyond a limit they are turned away.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Lets so many in at a time.
pub(crate) struct Gate {
    most: usize,
    longest_queue: usize,
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Default)]
struct State {
    inside: usize,
    waiting: usize,
}

/// A place inside; given back when it is dropped.
pub(crate) struct Place(Arc<Gate>);

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// So many wait already.
    Queue,
    /// None became free in time.
    Time,
}

impl Gate {
    pub(crate) fn new(most: usize, longest_queue: usize) -> Self {
        Self { most, longest_queue, state: Mutex::default(), left: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes in, after waiting for a place if need be.
    pub(crate) fn enter(self: &Arc<Self>, longest: Duration) -> Result<Place, Full> {
        let mut state = self.lock();
        if state.inside >= self.most {
            if state.waiting >= self.longest_queue {
                return Err(Full::Queue);
            }
            let until = Instant::now() + longest;
            state.waiting += 1;
            while state.inside >= self.most {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    state.waiting -= 1;
                    return Err(Full::Time);
                }
                state = self.left.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            state.waiting -= 1;
        }
        state.inside += 1;
        Ok(Place(self.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().inside -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_as_long_as_it_may_be() {
        let gate = Arc::new(Gate::new(1, 1));
        let place = gate.enter(Duration::ZERO).ok().unwrap();
        assert_eq!(gate.enter(Duration::ZERO).err(), Some(Full::Time));
        let waiting = {
            let gate = gate.clone();
            std::thread::spawn(move || gate.enter(Duration::from_secs(60)).is_ok())
        };
        while gate.lock().waiting == 0 {
            std::thread::yield_now();
        }
        assert_eq!(gate.enter(Duration::from_secs(60)).err(), Some(Full::Queue));
        drop(place);
        assert!(waiting.join().unwrap());
        assert!(gate.enter(Duration::ZERO).is_ok(), "a place that was given back is free");
    }
}
