//! The table: one row per setting, in the order in which the help shows them. Each group of settings has a file.

mod application;
mod cgi;
mod development;
mod fronts;
mod limits;
mod logs;
mod timeouts;
mod workers;

use std::time::Duration;

use crate::setting::Setting;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// A wait of zero would end before it began.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

const GROUPS: &[&[Setting]] = &[
    application::ROWS,
    fronts::ROWS,
    workers::ROWS,
    development::ROWS,
    logs::ROWS,
    limits::ROWS,
    timeouts::ROWS,
    cgi::ROWS,
];

const COUNT: usize = {
    let (mut count, mut group) = (0, 0);
    while group < GROUPS.len() {
        count += GROUPS[group].len();
        group += 1;
    }
    count
};

/// Every setting.
pub static SETTINGS: [&Setting; COUNT] = {
    let mut rows = [&GROUPS[0][0]; COUNT];
    let (mut at, mut group) = (0, 0);
    while group < GROUPS.len() {
        let mut row = 0;
        while row < GROUPS[group].len() {
            rows[at] = &GROUPS[group][row];
            at += 1;
            row += 1;
        }
        group += 1;
    }
    rows
};

/// A size that is kept in memory; every range that uses it ends below 4 GiB.
fn whole(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_written_as_options_are() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert!(setting.name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'-')), "{}", setting.name);
            assert!(SETTINGS[..index].iter().all(|other| other.name != setting.name), "{} twice", setting.name);
            assert!(!setting.name.starts_with("no-"), "{} looks like a negation", setting.name);
        }
    }

    #[test]
    fn every_row_is_documented_in_one_line_and_in_a_paragraph() {
        for setting in SETTINGS {
            assert!(!setting.help.is_empty() && !setting.help.ends_with('.'), "help of {}", setting.name);
            assert!(setting.help.len() <= 90, "help of {} is longer than a line", setting.name);
            assert!(setting.long.ends_with('.') && !setting.long.contains('\n'), "paragraph of {}", setting.name);
            assert!(!setting.long.contains("  "), "paragraph of {} has a gap", setting.name);
            assert_eq!(setting.value_name.is_empty(), setting.is_switch(), "value name of {}", setting.name);
        }
    }
}
