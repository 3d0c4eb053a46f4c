//! What every thread of every worker is doing, in memory that outlives the worker.
//!
//! The memory is shared by all processes of ours: mapped once by the supervisor, inherited by every fork. A worker
//! writes while it lives; the supervisor reads after it has died, so that the log can name the requests that were lost.
//!
//! ```text
//! seat 0: connections, slot of thread 0, slot of thread 1, ...   seat 1: connections, slot of thread 0, ...
//! connections: open ones | when that changed last | padding to a whole cache line
//! slot:   started | lengths | method, 16 bytes | target, 240 bytes | padding to whole cache lines
//! ```

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::time::{ClockId, clock_gettime};

/// The longest method that is recorded, in bytes; what is longer is cut.
pub const LONGEST_METHOD: usize = 16;
/// The longest target that is recorded, in bytes; what is longer is cut.
pub const LONGEST_TARGET: usize = 240;

/// Words of a slot: 0 is when the request began, 1 holds the two lengths, then come the texts.
const WORD: usize = 8;
const STARTED: usize = 0;
const LENGTHS: usize = 1;
const METHOD: usize = 2;
const TARGET: usize = METHOD + LONGEST_METHOD / WORD;
const END: usize = TARGET + LONGEST_TARGET / WORD;
/// Threads must not share cache lines: they write at every request.
const SLOT: usize = END.next_multiple_of(64 / WORD);

/// Words before the slots of a seat: 0 is how many connections are open, 1 when that changed last.
const OPEN: usize = 0;
const CHANGED: usize = 1;
const CONNECTIONS: usize = 64 / WORD;

/// The seats of all workers. The mapping is never undone, so that copies of this may go anywhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scoreboard {
    words: &'static [AtomicU64],
    threads: usize,
}

/// A request that a thread had begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InFlight {
    /// As sent by the client, cut to [`LONGEST_METHOD`] bytes.
    pub(crate) method: Vec<u8>,
    /// As sent by the client, cut to [`LONGEST_TARGET`] bytes.
    pub(crate) target: Vec<u8>,
    /// Since when, seen from the moment of reading.
    pub(crate) age: Duration,
}

impl Scoreboard {
    /// Maps memory for this many workers at once, each with this many threads.
    pub(crate) fn new(seats: usize, threads: usize) -> io::Result<Self> {
        let too_large = || io::Error::from(io::ErrorKind::OutOfMemory);
        let seat = threads.checked_mul(SLOT).and_then(|n| n.checked_add(CONNECTIONS)).ok_or_else(too_large)?;
        let count = seats.checked_mul(seat).ok_or_else(too_large)?;
        let bytes = count.checked_mul(WORD).filter(|n| isize::try_from(*n).is_ok()).ok_or_else(too_large)?;
        if bytes == 0 {
            return Ok(Self { words: &[], threads });
        }
        // NORESERVE: a page that no thread ever writes to costs nothing.
        let flags = MapFlags::SHARED | MapFlags::NORESERVE;
        // SAFETY: a new anonymous mapping at an address that the kernel chooses replaces nobody's memory.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, flags) }?;
        // SAFETY: the mapping is page-aligned, `bytes` long, zeroed, and is never unmapped; atomics may be shared with
        // other processes, and any bit pattern is a u64.
        let words = unsafe { std::slice::from_raw_parts(start.cast::<AtomicU64>().cast_const(), count) };
        Ok(Self { words, threads })
    }

    /// The seat with this number. A number beyond the last gives a seat that records nothing.
    pub(crate) fn seat(&self, number: usize) -> Seat {
        let size = CONNECTIONS + self.threads * SLOT;
        let words = self.words.get(number * size..(number + 1) * size).unwrap_or(&[]);
        Seat { number, words }
    }

    /// How long ago any worker had a connection: zero while one has. `None`: never yet.
    pub(crate) fn since_connected(&self) -> Option<Duration> {
        let now = ticks();
        let seats = self.words.chunks_exact(CONNECTIONS + self.threads * SLOT);
        let last = seats.filter_map(|words| match words[OPEN].load(Ordering::Relaxed) {
            0 => Some(words[CHANGED].load(Ordering::Relaxed)).filter(|changed| *changed > 0),
            _ => Some(now),
        });
        last.max().map(|last| Duration::from_nanos(now.saturating_sub(last)))
    }
}

/// A worker's place on the scoreboard. The threads of the worker share it.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    number: usize,
    words: &'static [AtomicU64],
}

impl Seat {
    /// The number of the seat. It is unique among the workers that are alive, and used again after this one.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Records that `thread` (counted from 0) starts on a request. Never blocks, allocates nothing.
    /// A thread beyond [`threads`](crate::SupervisorSettings::threads) is not recorded.
    pub fn begin(&self, thread: usize, method: &[u8], target: &[u8]) {
        let Some(slot) = self.slot(thread) else { return };
        let method = &method[..method.len().min(LONGEST_METHOD)];
        let target = &target[..target.len().min(LONGEST_TARGET)];
        // A worker may be killed between any two stores: until `started` is set again, the slot counts as empty.
        slot[STARTED].store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        slot[LENGTHS].store(((method.len() as u64) << 32) | target.len() as u64, Ordering::Relaxed);
        store(&slot[METHOD..TARGET], method);
        store(&slot[TARGET..END], target);
        slot[STARTED].store(ticks().max(1), Ordering::Release);
    }

    /// Records that `thread` is done with its request.
    pub fn end(&self, thread: usize) {
        if let Some(slot) = self.slot(thread) {
            slot[STARTED].store(0, Ordering::Relaxed);
        }
    }

    /// Records how many connections the worker has open, whenever that changes.
    pub fn connections(&self, open: usize) {
        if let Some(words) = self.words.first_chunk::<CONNECTIONS>() {
            words[CHANGED].store(ticks().max(1), Ordering::Relaxed);
            words[OPEN].store(open as u64, Ordering::Relaxed);
        }
    }

    /// How many connections it has open.
    pub(crate) fn open(&self) -> u64 {
        self.words.get(OPEN).map_or(0, |open| open.load(Ordering::Relaxed))
    }

    /// Records that the worker is gone: it has no connection any more. What it was serving stays, for the log.
    pub(crate) fn leave(&self) {
        if self.words.first().is_some_and(|open| open.load(Ordering::Relaxed) > 0) {
            self.connections(0);
        }
    }

    /// Empties the seat for its next worker.
    pub(crate) fn clear(&self) {
        for slot in self.slots() {
            slot[STARTED].store(0, Ordering::Relaxed);
        }
    }

    /// The requests that have begun and not ended, oldest first. Exact once the worker is dead.
    pub(crate) fn in_flight(&self) -> Vec<InFlight> {
        let now = ticks();
        let mut found: Vec<InFlight> = self.slots().filter_map(|slot| read(slot, now)).collect();
        found.sort_by_key(|request| std::cmp::Reverse(request.age));
        found
    }

    fn slots(&self) -> impl Iterator<Item = &'static [AtomicU64]> {
        self.words.get(CONNECTIONS..).unwrap_or(&[]).chunks_exact(SLOT)
    }

    fn slot(&self, thread: usize) -> Option<&'static [AtomicU64; SLOT]> {
        self.words.get(thread.checked_mul(SLOT)?.checked_add(CONNECTIONS)?..)?.first_chunk()
    }
}

fn read(slot: &[AtomicU64], now: u64) -> Option<InFlight> {
    let started = slot[STARTED].load(Ordering::Acquire);
    if started == 0 {
        return None;
    }
    let lengths = slot[LENGTHS].load(Ordering::Relaxed);
    Some(InFlight {
        method: load(&slot[METHOD..TARGET], (lengths >> 32) as usize),
        target: load(&slot[TARGET..END], (lengths & u64::from(u32::MAX)) as usize),
        age: Duration::from_nanos(now.saturating_sub(started)),
    })
}

#[inline]
fn store(words: &[AtomicU64], text: &[u8]) {
    let (whole, rest) = text.as_chunks::<WORD>();
    for (word, bytes) in words.iter().zip(whole) {
        word.store(u64::from_le_bytes(*bytes), Ordering::Relaxed);
    }
    if rest.is_empty() {
        return;
    }
    // Copying a variable number of bytes would be a call, and cost as much as all the rest of `begin`.
    let last = match text.last_chunk::<WORD>() {
        Some(bytes) => u64::from_le_bytes(*bytes) >> (8 * (WORD - rest.len())),
        None => rest.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte)),
    };
    if let Some(word) = words.get(whole.len()) {
        word.store(last, Ordering::Relaxed);
    }
}

fn load(words: &[AtomicU64], length: usize) -> Vec<u8> {
    let mut text: Vec<u8> = words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
    text.truncate(length);
    text
}

/// Nanoseconds of a clock that all processes share. The coarse clock costs a third of the precise one, and a few
/// milliseconds more or less say nothing about a lost request.
fn ticks() -> u64 {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    time.tv_sec.unsigned_abs().saturating_mul(1_000_000_000).saturating_add(time.tv_nsec.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(seat: Seat) -> Vec<(String, String)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        seat.in_flight().into_iter().map(|r| (text(r.method), text(r.target))).collect()
    }

    #[test]
    fn connections_count_as_long_as_they_are_open() {
        let board = Scoreboard::new(2, 1).unwrap();
        assert_eq!(board.since_connected(), None);
        let seats = [board.seat(0), board.seat(1)];
        seats[0].connections(2);
        seats[1].connections(1);
        seats[1].connections(0);
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(board.since_connected(), Some(Duration::ZERO));
        // A worker that is killed closes nothing itself.
        seats[0].leave();
        std::thread::sleep(Duration::from_millis(30));
        let since = board.since_connected().unwrap();
        seats[0].leave();
        assert!(since > Duration::ZERO && board.since_connected().unwrap() >= since);
        board.seat(2).connections(1);
        assert!(requests(seats[0]).is_empty());
    }

    #[test]
    fn what_has_begun_and_not_ended_is_in_flight() {
        let board = Scoreboard::new(2, 4).unwrap();
        let seat = board.seat(1);
        assert!(requests(seat).is_empty());
        seat.begin(0, b"GET", b"/one");
        seat.begin(3, b"PROPFIND", b"/a/path/that/does/not/end/at/a/word");
        let mut both = requests(seat);
        both.sort();
        assert_eq!(
            both,
            [
                ("GET".to_owned(), "/one".to_owned()),
                ("PROPFIND".to_owned(), "/a/path/that/does/not/end/at/a/word".to_owned())
            ]
        );
        seat.end(3);
        assert_eq!(requests(seat), [("GET".to_owned(), "/one".to_owned())]);
        assert!(requests(board.seat(0)).is_empty(), "another worker's seat is another's");
    }

    #[test]
    fn a_shorter_request_leaves_nothing_of_a_longer_one() {
        let seat = Scoreboard::new(1, 1).unwrap().seat(0);
        seat.begin(0, b"OPTIONS", b"/a/long/target/first?with=a&query=string");
        seat.end(0);
        seat.begin(0, b"GET", b"/");
        assert_eq!(requests(seat), [("GET".to_owned(), "/".to_owned())]);
        seat.begin(0, b"", b"");
        assert_eq!(requests(seat), [(String::new(), String::new())]);
    }

    #[test]
    fn texts_are_cut_at_their_limits_and_not_before() {
        let seat = Scoreboard::new(1, 2).unwrap().seat(0);
        for extra in [0, 1, 1000] {
            seat.begin(0, &b"M".repeat(LONGEST_METHOD + extra), &b"t".repeat(LONGEST_TARGET + extra));
            assert_eq!(requests(seat), [("M".repeat(LONGEST_METHOD), "t".repeat(LONGEST_TARGET))], "{extra}");
        }
    }

    #[test]
    fn texts_of_every_length_are_read_as_they_were_written() {
        let seat = Scoreboard::new(1, 1).unwrap().seat(0);
        let text: String = ('a'..='z').cycle().take(LONGEST_TARGET).collect();
        for length in 0..=LONGEST_TARGET {
            let (method, target) = (&text[..length.min(LONGEST_METHOD)], &text[text.len() - length..]);
            seat.begin(0, method.as_bytes(), target.as_bytes());
            assert_eq!(requests(seat), [(method.to_owned(), target.to_owned())]);
        }
    }

    #[test]
    fn threads_and_seats_that_do_not_exist_record_nothing() {
        let board = Scoreboard::new(1, 2).unwrap();
        for (seat, thread) in [(0, 2), (0, usize::MAX), (1, 0), (7, 7)] {
            board.seat(seat).begin(thread, b"GET", b"/");
            board.seat(seat).end(thread);
            assert!(board.seat(0).in_flight().is_empty(), "seat {seat}, thread {thread}");
            assert!(board.seat(seat).in_flight().is_empty(), "seat {seat}, thread {thread}");
        }
        Scoreboard::new(0, 0).unwrap().seat(0).begin(0, b"GET", b"/");
        assert!(Scoreboard::new(usize::MAX, 2).is_err());
    }

    #[test]
    fn a_cleared_seat_is_empty() {
        let seat = Scoreboard::new(1, 3).unwrap().seat(0);
        seat.begin(0, b"GET", b"/one");
        seat.begin(2, b"GET", b"/two");
        seat.clear();
        assert!(seat.in_flight().is_empty());
    }

    #[test]
    fn the_oldest_request_comes_first() {
        let seat = Scoreboard::new(1, 3).unwrap().seat(0);
        for (thread, target, started) in [(0, "/new", 3), (1, "/old", 1), (2, "/middle", 2)] {
            seat.begin(thread, b"GET", target.as_bytes());
            seat.slot(thread).unwrap()[STARTED].store(started, Ordering::Relaxed);
        }
        let order: Vec<String> = requests(seat).into_iter().map(|(_, target)| target).collect();
        assert_eq!(order, ["/old", "/middle", "/new"]);
    }

    #[test]
    fn slots_are_whole_cache_lines() {
        assert_eq!(SLOT * WORD % 64, 0);
        assert_eq!(LONGEST_METHOD % WORD + LONGEST_TARGET % WORD, 0);
    }
}
