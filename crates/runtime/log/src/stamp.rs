//! The time of a line, in UTC. A second is put into words once per thread and second.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::Offset;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

#[derive(Clone, Copy)]
struct Second {
    since_epoch: u64,
    /// `2026-11-22T20:10:00`
    rfc3339: [u8; 19],
    /// `22/Nov/2026:20:10:00 +0000`
    common: [u8; 26],
}

thread_local! {
    static LATEST: Cell<Option<Second>> = const { Cell::new(None) };
}

/// `2026-11-22T20:10:00.123Z` (RFC 3339)
pub(crate) fn rfc3339(time: SystemTime, out: &mut Vec<u8>) {
    let since_epoch = since_epoch(time);
    out.extend_from_slice(&second(since_epoch.as_secs()).rfc3339);
    let milliseconds = since_epoch.subsec_millis();
    out.push(b'.');
    out.push(digit(milliseconds / 100));
    out.push(digit(milliseconds / 10));
    out.push(digit(milliseconds));
    out.push(b'Z');
}

/// `22/Nov/2026:20:10:00 +0000`, as the Common Log Format has it.
pub(crate) fn common(time: SystemTime, out: &mut Vec<u8>) {
    out.extend_from_slice(&second(since_epoch(time).as_secs()).common);
}

/// A clock that is set before 1970 says 1970.
fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn second(since_epoch: u64) -> Second {
    if let Some(latest) = LATEST.get().filter(|latest| latest.since_epoch == since_epoch) {
        return latest;
    }
    let latest = put_into_words(since_epoch);
    LATEST.set(Some(latest));
    latest
}

fn put_into_words(since_epoch: u64) -> Second {
    let timestamp = i64::try_from(since_epoch).ok().and_then(|second| Timestamp::from_second(second).ok());
    // The years end at 9999, for us as for the formats.
    let civil = Offset::UTC.to_datetime(timestamp.unwrap_or(Timestamp::MAX));
    let year = civil.year().unsigned_abs().into();
    let [month, day, hour, minute, second] = [civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second()]
        .map(|part| part.unsigned_abs().into());

    let mut rfc3339 = *b"0000-00-00T00:00:00";
    four(&mut rfc3339[0..4], year);
    two(&mut rfc3339[5..7], month);
    two(&mut rfc3339[8..10], day);
    two(&mut rfc3339[11..13], hour);
    two(&mut rfc3339[14..16], minute);
    two(&mut rfc3339[17..19], second);

    let mut common = *b"00/Jan/0000:00:00:00 +0000";
    two(&mut common[0..2], day);
    common[3..6].copy_from_slice(MONTHS[month as usize - 1]);
    four(&mut common[7..11], year);
    two(&mut common[12..14], hour);
    two(&mut common[15..17], minute);
    two(&mut common[18..20], second);
    Second { since_epoch, rfc3339, common }
}

fn four(out: &mut [u8], number: u32) {
    two(&mut out[0..2], number / 100);
    two(&mut out[2..4], number % 100);
}

fn two(out: &mut [u8], number: u32) {
    out[0] = digit(number / 10);
    out[1] = digit(number);
}

/// The last one.
fn digit(number: u32) -> u8 {
    b'0' + (number % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(milliseconds: u64) -> (String, String) {
        let time = UNIX_EPOCH + Duration::from_millis(milliseconds);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        rfc3339(time, &mut first);
        common(time, &mut second);
        (String::from_utf8(first).unwrap(), String::from_utf8(second).unwrap())
    }

    #[test]
    fn knows_the_calendar() {
        for (milliseconds, in_rfc3339, in_common) in [
            (0, "1970-01-01T00:00:00.000Z", "01/Jan/1970:00:00:00 +0000"),
            (1_795_378_200_123, "2026-11-22T20:10:00.123Z", "22/Nov/2026:20:10:00 +0000"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z", "29/Feb/2024:23:59:59 +0000"),
            (1_709_251_200_007, "2024-03-01T00:00:00.007Z", "01/Mar/2024:00:00:00 +0000"),
            (4_133_980_799_000, "2100-12-31T23:59:59.000Z", "31/Dec/2100:23:59:59 +0000"),
        ] {
            assert_eq!(both(milliseconds), (in_rfc3339.to_owned(), in_common.to_owned()));
            // And the second time, when the second has been put into words already.
            assert_eq!(both(milliseconds), (in_rfc3339.to_owned(), in_common.to_owned()));
        }
    }

    #[test]
    fn a_clock_out_of_its_mind_does_no_harm() {
        let mut out = Vec::new();
        rfc3339(UNIX_EPOCH - Duration::from_secs(1), &mut out);
        assert_eq!(out, b"1970-01-01T00:00:00.000Z");
        assert_eq!(both(400_000_000_000_000).0.len(), "9999-12-31T00:00:00.000Z".len());
    }
}
