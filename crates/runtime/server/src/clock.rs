//! The two clocks of a worker: coarse milliseconds for deadlines, and the Date field.

use std::cell::Cell;
use std::time::{Duration, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds of the monotonic clock, a few milliseconds coarse, cheap.
pub(crate) fn now_ms() -> u64 {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    (time.tv_sec * 1000 + time.tv_nsec / 1_000_000).unsigned_abs()
}

/// A duration in milliseconds; zero means no limit, which is a very long time.
pub(crate) fn deadline_after(now: u64, duration: Duration) -> u64 {
    match u64::try_from(duration.as_millis()) {
        Ok(0) | Err(_) => u64::MAX,
        Ok(milliseconds) => now.saturating_add(milliseconds),
    }
}

/// The length of an IMF-fixdate (RFC 9110 §5.6.7).
pub(crate) type Date = [u8; 29];

/// The current date as the Date field has it; formatted once a second and thread.
pub(crate) fn date() -> Date {
    thread_local! {
        static FORMATTED: Cell<(i64, Date)> = const { Cell::new((-1, [b' '; 29])) };
    }
    let second = clock_gettime(ClockId::RealtimeCoarse).tv_sec;
    let (formatted, date) = FORMATTED.get();
    if formatted == second {
        return date;
    }
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second.unsigned_abs()));
    let mut date = [b' '; 29];
    date.copy_from_slice(text.as_bytes());
    FORMATTED.set((second, date));
    date
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_an_imf_fixdate() {
        let text = String::from_utf8(date().to_vec()).unwrap();
        assert!(text.ends_with(" GMT") && text.as_bytes()[3] == b',', "{text}");
        assert_eq!(date(), date());
    }

    #[test]
    fn no_limit_is_far_away() {
        assert_eq!(deadline_after(5, Duration::ZERO), u64::MAX);
        assert_eq!(deadline_after(5, Duration::from_millis(7)), 12);
        assert_eq!(deadline_after(5, Duration::MAX), u64::MAX);
    }
}
