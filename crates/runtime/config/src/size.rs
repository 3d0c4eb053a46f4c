//! Numbers of bytes: `65536`, `64k`, `1M`, `1GiB`.

/// Units by their power of 1024. `k`, `kB` and `KiB` all mean 1024: nobody sets a buffer to a round number of thousands.
const UNITS: &[(&str, u32)] = &[("", 0), ("k", 1), ("m", 2), ("g", 3), ("t", 4)];

/// Reads a size in bytes. The unit's case does not matter; `b`, `iB` after it change nothing.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let expected = "a size is a whole number of bytes, or of k, M, G (1024 times more each)";
    if number.is_empty() {
        return Err(expected.to_owned());
    }
    let name = unit.trim_start().to_ascii_lowercase();
    let name = name.strip_suffix("ib").or_else(|| name.strip_suffix('b')).unwrap_or(&name);
    let power = UNITS.iter().find(|(known, _)| *known == name).map(|(_, power)| *power);
    let Some(power) = power else {
        return Err(format!("'{}' is no unit: {expected}", unit.trim()));
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(1024_u64.pow(power)))
        .ok_or_else(|| "the number is too large".to_owned())
}

/// In words, in the largest unit that divides it: `64 KiB`.
pub(crate) fn describe(bytes: u64) -> String {
    if bytes == 0 {
        return "0".to_owned();
    }
    let names = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut number = bytes;
    let mut power = 0;
    while number >= 1024 && number.is_multiple_of(1024) && power + 1 < names.len() {
        number /= 1024;
        power += 1;
    }
    format!("{number} {}", if number == 1 && power == 0 { "byte" } else { names[power] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (text, bytes) in [
            ("0", 0),
            ("65536", 65_536),
            ("64k", 65_536),
            ("64K", 65_536),
            ("64kB", 65_536),
            ("64 KiB", 65_536),
            ("1M", 1 << 20),
            ("1GiB", 1 << 30),
            ("2t", 1 << 41),
            ("10b", 10),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn says_what_a_size_is() {
        let expected = "a size is a whole number of bytes, or of k, M, G (1024 times more each)";
        for text in ["", "k", "-1", "big"] {
            assert_eq!(parse(text), Err(expected.to_owned()), "{text}");
        }
        assert_eq!(parse("1.5M"), Err(format!("'.5M' is no unit: {expected}")));
        assert_eq!(parse("1x"), Err(format!("'x' is no unit: {expected}")));
        assert_eq!(parse("99999999999999999999"), Err("the number is too large".to_owned()));
        assert_eq!(parse("17179869184G"), Err("the number is too large".to_owned()));
    }

    #[test]
    fn describes_in_the_largest_unit_that_fits() {
        assert_eq!(describe(0), "0");
        assert_eq!(describe(1), "1 byte");
        assert_eq!(describe(1000), "1000 bytes");
        assert_eq!(describe(65_536), "64 KiB");
        assert_eq!(describe(1 << 30), "1 GiB");
    }
}
