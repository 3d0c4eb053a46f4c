//! Which requests will block, judged by those before them: a target whose calls have mostly blocked is given to a thread of
//! its own at once, so that the requests behind it do not wait until the watcher has noticed.

use std::time::Duration;

/// Targets that are remembered; the one that was seen least recently is forgotten for a new one.
const REMEMBERED: usize = 64;
/// Verdicts count half as soon as there are so many, so that a change shows.
const MEMORY: u32 = 32;
/// Fewer verdicts than this say nothing.
const ENOUGH: u32 = 2;
/// A call on a thread of its own that was over so soon would not have been worth one.
pub(crate) const QUICK: Duration = Duration::from_micros(200);

/// What the calls of one target did.
struct Record {
    target: u64,
    blocked: u32,
    quick: u32,
    seen: u64,
}

/// A small table of targets some of whose calls have blocked; empty where none ever did.
#[derive(Default)]
pub(crate) struct Blockers {
    records: Vec<Record>,
    /// Counts looks, as the time of the table.
    looks: u64,
}

impl Blockers {
    /// The name of a target in the table; the query does not count.
    pub(crate) fn name(method: &[u8], target: &[u8]) -> u64 {
        let path = target.iter().position(|byte| *byte == b'?').map_or(target, |end| &target[..end]);
        // Made for every request, so it has to be cheap; whoever makes two targets collide only misjudges its own.
        let mut name = path.len() as u64;
        for part in method.chunks(8).chain(path.chunks(8)) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            name = (name.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        name
    }

    /// True when more than half of this target's calls have blocked.
    pub(crate) fn expects(&mut self, target: u64) -> bool {
        self.looks += 1;
        let looks = self.looks;
        let Some(record) = self.records.iter_mut().find(|record| record.target == target) else { return false };
        record.seen = looks;
        record.blocked + record.quick >= ENOUGH && record.blocked > record.quick
    }

    /// A call of this target has blocked.
    pub(crate) fn blocked(&mut self, target: u64) {
        if !self.records.iter().any(|record| record.target == target) {
            if self.records.len() == REMEMBERED
                && let Some(oldest) = (0..REMEMBERED).min_by_key(|index| self.records[*index].seen)
            {
                self.records.swap_remove(oldest);
            }
            self.records.push(Record { target, blocked: 0, quick: 0, seen: self.looks });
        }
        self.count(target, |record| record.blocked += 1);
    }

    /// A call of this target was over at once. Says nothing about targets that never blocked.
    pub(crate) fn quick(&mut self, target: u64) {
        self.count(target, |record| record.quick += 1);
    }

    fn count(&mut self, target: u64, add: impl FnOnce(&mut Record)) {
        let Some(record) = self.records.iter_mut().find(|record| record.target == target) else { return };
        add(record);
        if record.blocked + record.quick >= MEMORY {
            record.blocked /= 2;
            record.quick /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_mostly_blocks_is_expected_to() {
        let mut blockers = Blockers::default();
        let (slow, fast) = (Blockers::name(b"GET", b"/slow?a"), Blockers::name(b"GET", b"/fast"));
        assert_eq!(slow, Blockers::name(b"GET", b"/slow?b"));
        assert!(!blockers.expects(slow));
        blockers.blocked(slow);
        assert!(!blockers.expects(slow), "once is no rule");
        blockers.blocked(slow);
        assert!(blockers.expects(slow) && !blockers.expects(fast));
        blockers.quick(slow);
        blockers.quick(slow);
        assert!(!blockers.expects(slow), "half is not most");
    }

    #[test]
    fn one_call_in_ten_is_no_rule_and_a_change_shows() {
        let mut blockers = Blockers::default();
        for _ in 0..100 {
            blockers.blocked(1);
            assert!((0..9).all(|_| {
                blockers.quick(1);
                !blockers.expects(1)
            }));
        }
        for _ in 0..MEMORY {
            blockers.blocked(1);
        }
        assert!(blockers.expects(1));
    }

    #[test]
    fn the_table_stays_small_and_forgets_what_was_not_seen() {
        let mut blockers = Blockers::default();
        for target in 0..1000 {
            blockers.blocked(target);
            blockers.blocked(target);
            assert!(blockers.expects(target));
        }
        assert_eq!(blockers.records.len(), REMEMBERED);
        assert!(blockers.expects(999) && !blockers.expects(0));
    }
}
