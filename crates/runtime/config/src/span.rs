//! Spans of time: `10`, `10s`, `0.5`, `500ms`, `2m`, `1h`.

use std::time::Duration;

const EXPECTED: &str = "a time is a number of seconds, or of ms, s, m, h";

/// Reads a span of time; a number without a unit is seconds. Exact to the millisecond.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let length = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, unit) = text.split_at(length);
    let milliseconds_each: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ if number.is_empty() => return Err(EXPECTED.to_owned()),
        _ => return Err(format!("'{}' is no unit: {EXPECTED}", unit.trim())),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(EXPECTED.to_owned());
    }
    let too_large = || "the number is too large".to_owned();
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_large())? };
    // Nine digits are below a microsecond of an hour; what follows cannot matter.
    let digits = &fraction[..fraction.len().min(9)];
    let scale = 10_u64.pow(u32::try_from(digits.len()).unwrap_or(0));
    let part = if digits.is_empty() { 0 } else { digits.parse::<u64>().map_err(|_| too_large())? };
    whole
        .checked_mul(milliseconds_each)
        .and_then(|sum| sum.checked_add(part * milliseconds_each / scale))
        .map(Duration::from_millis)
        .ok_or_else(too_large)
}

/// In words, in the largest unit that divides it: `500 ms`, `30 s`, `24 h`.
pub(crate) fn describe(span: Duration) -> String {
    if span.is_zero() {
        return "0".to_owned();
    }
    let milliseconds = span.as_millis();
    for (size, name) in [(3_600_000, "h"), (60_000, "min"), (1_000, "s")] {
        if milliseconds >= size && milliseconds.is_multiple_of(size) {
            return format!("{} {name}", milliseconds / size);
        }
    }
    format!("{milliseconds} ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (text, milliseconds) in [
            ("0", 0),
            ("10", 10_000),
            ("10s", 10_000),
            ("10 S", 10_000),
            ("0.5", 500),
            (".25", 250),
            ("3.", 3_000),
            ("500ms", 500),
            ("2m", 120_000),
            ("2min", 120_000),
            ("1.5h", 5_400_000),
            ("0.1234567890123", 123),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn says_what_a_time_is() {
        for text in ["", "soon", "-1", ".", "1.2.3", "."] {
            assert_eq!(parse(text), Err(EXPECTED.to_owned()), "{text}");
        }
        assert_eq!(parse("3 days"), Err(format!("'days' is no unit: {EXPECTED}")));
        assert_eq!(parse("99999999999999999999"), Err("the number is too large".to_owned()));
        assert_eq!(parse("9999999999999999h"), Err("the number is too large".to_owned()));
    }

    #[test]
    fn describes_in_the_largest_unit_that_divides_it() {
        for (milliseconds, text) in
            [(0, "0"), (1, "1 ms"), (1_500, "1500 ms"), (30_000, "30 s"), (120_000, "2 min"), (86_400_000, "24 h")]
        {
            assert_eq!(describe(Duration::from_millis(milliseconds)), text);
        }
    }
}
