//! How long to wait before the next try.

use std::time::Duration;

/// A worker that served this long before it died was healthy: its death begins a new row, and it is replaced at once. A
/// single request that crashes it must not cost the others more than a fork.
pub(super) const HEALTHY: Duration = Duration::from_secs(1);

/// The longest wait: a fault that is mended elsewhere (a database that is back) must not cost much more.
const CEILING: Duration = Duration::from_secs(30);

/// The wait after this many failures in a row. The first failure is an accident and costs nothing.
pub(super) fn delay(failures: u32) -> Duration {
    match failures {
        0 | 1 => Duration::ZERO,
        // 0.5 s, 1 s, 2 s, ...; the exponent is bounded so that it cannot overflow.
        _ => (Duration::from_millis(500) * (1 << (failures - 2).min(16))).min(CEILING),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_ceiling() {
        let waits: Vec<u128> = (0..11).map(|failures| delay(failures).as_millis()).collect();
        assert_eq!(waits, [0, 0, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        assert_eq!(delay(u32::MAX), CEILING);
    }
}
