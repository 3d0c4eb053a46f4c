//! What every thread of every worker is doing, in memory that outlives the worker.

/// The longest method that is recorded, in bytes; what is longer is cut.
pub const LONGEST_METHOD: usize = 16;
/// The longest target that is recorded, in bytes; what is longer is cut.
pub const LONGEST_TARGET: usize = 240;

/// A worker's place on the scoreboard. Threads of the worker share it.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    number: usize,
}

impl Seat {
    /// The number of the seat. It is unique among the workers that are alive, and used again after this one.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Records that `thread` (counted from 0) starts on a request. Never blocks, allocates nothing.
    pub fn begin(&self, thread: usize, method: &[u8], target: &[u8]) {
        let _ = (thread, method, target);
    }

    /// Records that `thread` is done with its request.
    pub fn end(&self, thread: usize) {
        let _ = thread;
    }
}
