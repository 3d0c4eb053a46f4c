//! What one row of the table is: a name, its documentation, and what a value of it does.

use std::ffi::OsString;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use millau_gateway::forwarded::Proxy;

use crate::listing::either;
use crate::settings::Settings;
use crate::{Bind, CgiModeRule, CgiVariable, LogTarget, Mount, size, span, suggestion};

/// One setting: an option of the command line, a variable of the environment, a section of the reference page.
pub struct Setting {
    /// In lower case with hyphens: `keep-alive-timeout`.
    pub name: &'static str,
    /// What stands for the value in the help: `SECONDS`. Empty for a switch.
    pub value_name: &'static str,
    /// As it would be given; empty where there is none.
    pub default: &'static str,
    /// One line without a full stop, for `-h`.
    pub help: &'static str,
    /// A paragraph: the unit, the limits, what the edge values mean, and why one would change it.
    pub long: &'static str,
    /// Where it stands in the help and on the reference page.
    pub group: Group,
    pub(crate) kind: Kind,
}

/// What settings have in common that stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Applications and their surroundings.
    Application,
    /// Where it listens.
    Fronts,
    /// Processes and threads.
    Workers,
    /// Log files.
    Logs,
    /// How much.
    Limits,
    /// How long.
    Timeouts,
    /// For those who are writing the application.
    Development,
    /// How CGI programs are run.
    Cgi,
}

impl Group {
    /// In the order in which help and reference show them.
    pub const ALL: &[Self] = &[
        Self::Application,
        Self::Fronts,
        Self::Workers,
        Self::Development,
        Self::Logs,
        Self::Limits,
        Self::Timeouts,
        Self::Cgi,
    ];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Application => "Applications",
            Self::Fronts => "Fronts",
            Self::Workers => "Workers",
            Self::Logs => "Logs",
            Self::Limits => "Limits",
            Self::Timeouts => "Timeouts",
            Self::Development => "Development",
            Self::Cgi => "CGI programs",
        }
    }
}

/// How a value is read, and what it does.
pub(crate) enum Kind {
    /// On or off; the command line has `--name` and `--no-name`, whose help is `off`.
    Switch { off: &'static str, set: fn(&mut Settings, bool) },
    /// A whole number.
    Count { range: RangeInclusive<usize>, set: fn(&mut Settings, usize) },
    /// A number of bytes. `no_limit`: 0 is allowed beside the range and sets `u64::MAX`.
    Size { range: RangeInclusive<u64>, no_limit: bool, set: fn(&mut Settings, u64) },
    /// A span of time.
    Time { range: RangeInclusive<Duration>, set: fn(&mut Settings, Duration) },
    /// One of a few words.
    Choice { choices: &'static [Choice] },
    /// Permission bits, in octal digits.
    Mode { set: fn(&mut Settings, u32) },
    /// A value of a field in the response; may be empty.
    FieldValue { set: fn(&mut Settings, String) },
    /// A secret; the variable keeps it out of the list of processes.
    Secret { set: fn(&mut Settings, String) },
    /// Any number of IP addresses.
    Addresses { set: fn(&mut Settings, Vec<IpAddr>) },
    /// Any number of proxies.
    Proxies { set: fn(&mut Settings, Vec<Proxy>) },
    /// A file or directory.
    Path { set: fn(&mut Settings, PathBuf) },
    /// Any number of them.
    Paths { set: fn(&mut Settings, Vec<PathBuf>) },
    /// A file, or `-` for the given stream.
    Log { dash: LogTarget, set: fn(&mut Settings, LogTarget) },
    /// Any number of fronts.
    Binds { set: fn(&mut Settings, Vec<Bind>) },
    /// Any number of mounts.
    Mounts { set: fn(&mut Settings, Vec<Mount>) },
    /// Any number of ways to run CGI programs.
    CgiModes { set: fn(&mut Settings, Vec<CgiModeRule>) },
    /// Any number of variables for CGI programs.
    CgiVariables { set: fn(&mut Settings, Vec<CgiVariable>) },
    /// Any number of names with values.
    Pairs { set: fn(&mut Settings, Vec<(String, String)>) },
}

/// One of the words that a setting may be.
pub(crate) struct Choice {
    pub(crate) name: &'static str,
    /// What it means, for the reference page.
    pub(crate) meaning: &'static str,
    pub(crate) set: fn(&mut Settings),
}

/// A value that cannot be: which one, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadValue {
    pub(crate) value: String,
    pub(crate) problem: String,
}

impl Setting {
    /// `--keep-alive-timeout`
    pub fn option(&self) -> String {
        format!("--{}", self.name)
    }

    /// Whether it says something to a process that is a CGI program.
    pub(crate) fn concerns_cgi(&self) -> bool {
        let by_name =
            ["error-log", "log-level", "debug", "limit-body-size", "request-buffer", "body-timeout", "send-timeout"];
        (self.group == Group::Application && self.name != "server-header") || by_name.contains(&self.name)
    }

    /// `--no-preload`, for a switch.
    pub fn negation(&self) -> Option<String> {
        self.is_switch().then(|| format!("--no-{}", self.name))
    }

    /// `MILLAU_KEEP_ALIVE_TIMEOUT`
    pub fn variable(&self) -> String {
        format!("MILLAU_{}", self.name.replace('-', "_").to_ascii_uppercase())
    }

    /// Whether it may be given several times; its variable separates them by commas.
    pub fn is_list(&self) -> bool {
        matches!(
            self.kind,
            Kind::Paths { .. }
                | Kind::Binds { .. }
                | Kind::Mounts { .. }
                | Kind::Addresses { .. }
                | Kind::Proxies { .. }
                | Kind::Pairs { .. }
                | Kind::CgiModes { .. }
                | Kind::CgiVariables { .. }
        )
    }

    /// Whether it takes no value.
    pub fn is_switch(&self) -> bool {
        matches!(self.kind, Kind::Switch { .. })
    }

    /// Whether an empty value says something.
    pub(crate) fn may_be_empty(&self) -> bool {
        matches!(self.kind, Kind::FieldValue { .. } | Kind::Secret { .. })
    }

    /// What a value may be, in words for the reference page; empty where `long` says all.
    pub(crate) fn range(&self) -> String {
        match &self.kind {
            Kind::Switch { .. } => "on or off".to_owned(),
            Kind::Count { range, .. } => format!("{} to {}", range.start(), range.end()),
            Kind::Size { range, no_limit, .. } => {
                let top = if *range.end() == u64::MAX {
                    "or more".to_owned()
                } else {
                    format!("to {}", size::describe(*range.end()))
                };
                let zero = if *no_limit { ", or 0 for none" } else { "" };
                format!("{} {top}{zero}", size::describe(*range.start()))
            }
            Kind::Time { range, .. } => {
                format!("{} to {}", span::describe(*range.start()), span::describe(*range.end()))
            }
            Kind::Choice { choices } => either(choices.iter().map(|choice| choice.name)),
            Kind::Mode { .. } => "000 to 777, octal".to_owned(),
            _ => String::new(),
        }
    }

    pub(crate) fn choices(&self) -> &'static [Choice] {
        match self.kind {
            Kind::Choice { choices } => choices,
            _ => &[],
        }
    }

    /// Reads `values` (one, unless it is a list) and obeys.
    pub(crate) fn apply(&self, settings: &mut Settings, values: &[OsString]) -> Result<(), BadValue> {
        match &self.kind {
            Kind::Paths { set } => {
                let paths = values.iter().map(path);
                set(settings, paths.collect::<Result<_, _>>()?);
            }
            Kind::Binds { set } => {
                let binds = values
                    .iter()
                    .map(|value| read(value, |text| text.parse::<Bind>().map_err(|error| error.to_string())));
                set(settings, binds.collect::<Result<_, _>>()?);
            }
            Kind::Addresses { set } => {
                let addresses = values.iter().map(|value| {
                    read(value, |text| text.parse().map_err(|_| "not an IP address: write 192.0.2.7, say".to_owned()))
                });
                set(settings, addresses.collect::<Result<_, _>>()?);
            }
            Kind::Proxies { set } => {
                let proxies = values.iter().map(|value| read(value, str::parse::<Proxy>));
                set(settings, proxies.collect::<Result<_, _>>()?);
            }
            Kind::Mounts { set } => {
                let mounts = values.iter().map(|value| read(value, str::parse::<Mount>));
                set(settings, mounts.collect::<Result<_, _>>()?);
            }
            Kind::CgiModes { set } => {
                let rules = values.iter().map(|value| read(value, str::parse::<CgiModeRule>));
                set(settings, rules.collect::<Result<_, _>>()?);
            }
            Kind::CgiVariables { set } => {
                let variables = values.iter().map(|value| read(value, str::parse::<CgiVariable>));
                set(settings, variables.collect::<Result<_, _>>()?);
            }
            Kind::Pairs { set } => {
                let pairs = values.iter().map(|value| read(value, pair));
                set(settings, pairs.collect::<Result<_, _>>()?);
            }
            // The last one given counts.
            _ => {
                if let Some(value) = values.last() {
                    self.apply_one(settings, value)?;
                }
            }
        }
        Ok(())
    }

    fn apply_one(&self, settings: &mut Settings, value: &OsString) -> Result<(), BadValue> {
        match &self.kind {
            Kind::Switch { set, .. } => set(settings, read(value, switch)?),
            Kind::Count { range, set } => set(settings, read(value, |text| self.count(range, text))?),
            Kind::Size { range, no_limit, set } => {
                set(settings, read(value, |text| self.size(range, *no_limit, text))?);
            }
            Kind::Time { range, set } => {
                let time = |text: &str| span::parse(text).and_then(|span| self.within(range, span));
                set(settings, read(value, time)?);
            }
            Kind::Choice { choices } => (read(value, |text| choose(choices, text))?.set)(settings),
            Kind::Mode { set } => set(settings, read(value, mode)?),
            Kind::FieldValue { set } => set(settings, read(value, field_value)?),
            Kind::Secret { set } => set(settings, read(value, secret)?),
            Kind::Path { set } => set(settings, path(value)?),
            Kind::Log { dash, set } => {
                set(settings, if value == "-" { dash.clone() } else { LogTarget::File(path(value)?) });
            }
            Kind::Paths { .. }
            | Kind::Binds { .. }
            | Kind::Mounts { .. }
            | Kind::Addresses { .. }
            | Kind::Pairs { .. }
            | Kind::Proxies { .. }
            | Kind::CgiModes { .. }
            | Kind::CgiVariables { .. } => {}
        }
        Ok(())
    }

    fn count(&self, range: &RangeInclusive<usize>, text: &str) -> Result<usize, String> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if is_number => self.within(range, number),
            Err(_) if is_number => Err(self.out_of_range()),
            _ => Err("not a whole number".to_owned()),
        }
    }

    fn size(&self, range: &RangeInclusive<u64>, no_limit: bool, text: &str) -> Result<u64, String> {
        match size::parse(text)? {
            0 if no_limit => Ok(u64::MAX),
            number => self.within(range, number),
        }
    }

    fn within<T: PartialOrd>(&self, range: &RangeInclusive<T>, value: T) -> Result<T, String> {
        if range.contains(&value) { Ok(value) } else { Err(self.out_of_range()) }
    }

    fn out_of_range(&self) -> String {
        format!("out of range: it may be {}", self.range())
    }
}

fn read<T>(value: &OsString, from_text: impl FnOnce(&str) -> Result<T, String>) -> Result<T, BadValue> {
    let text = value.to_str().ok_or_else(|| "not valid UTF-8".to_owned());
    text.and_then(from_text).map_err(|problem| BadValue { value: value.to_string_lossy().into_owned(), problem })
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("an option is NAME=VALUE".to_owned()),
    }
}

fn path(value: &OsString) -> Result<PathBuf, BadValue> {
    if value.is_empty() {
        return Err(BadValue { value: String::new(), problem: "a path is needed".to_owned() });
    }
    Ok(PathBuf::from(value))
}

/// A switch in the environment.
fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("not one of 1, true, yes, on, 0, false, no, off".to_owned()),
    }
}

fn choose(choices: &'static [Choice], text: &str) -> Result<&'static Choice, String> {
    let names = || choices.iter().map(|choice| choice.name);
    choices.iter().find(|choice| choice.name.eq_ignore_ascii_case(text)).ok_or_else(|| {
        let hint = suggestion::hint(text, names());
        format!("not one of {}{hint}", names().collect::<Vec<_>>().join(", "))
    })
}

fn mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o777 && digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(mode),
        _ => Err("not permission bits: three octal digits, 660 say".to_owned()),
    }
}

/// RFC 9110 §5.5, less obs-text: a value that no recipient can take for anything else.
fn field_value(text: &str) -> Result<String, String> {
    if text.bytes().any(|byte| !matches!(byte, b' '..=b'~')) {
        return Err("only printable ASCII can be sent in a field".to_owned());
    }
    Ok(text.trim().to_owned())
}

/// Longer than any that is set by hand, and short enough for every protocol that carries it.
const LONGEST_SECRET: usize = 1024;

fn secret(text: &str) -> Result<String, String> {
    if text.len() > LONGEST_SECRET || text.bytes().any(|byte| !matches!(byte, b'!'..=b'~')) {
        return Err(format!("a secret is at most {LONGEST_SECRET} printable ASCII characters without blanks"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SETTINGS;

    fn row(name: &str) -> &'static Setting {
        SETTINGS.iter().find(|setting| setting.name == name).unwrap()
    }

    fn problem(name: &str, value: impl Into<OsString>) -> String {
        row(name).apply(&mut Settings::blank(), &[value.into()]).unwrap_err().problem
    }

    fn applied(name: &str, value: &str) -> Settings {
        let mut settings = Settings::blank();
        row(name).apply(&mut settings, &[value.into()]).unwrap();
        settings
    }

    #[test]
    fn names_of_option_and_variable() {
        assert_eq!(row("keep-alive-timeout").option(), "--keep-alive-timeout");
        assert_eq!(row("keep-alive-timeout").variable(), "MILLAU_KEEP_ALIVE_TIMEOUT");
        assert_eq!(row("preload").negation().as_deref(), Some("--no-preload"));
        assert_eq!(row("workers").negation(), None);
    }

    #[test]
    fn a_count_is_a_whole_number_within_its_range() {
        assert_eq!(applied("workers", "1024").workers, 1024);
        for text in ["", "two", "1.5", "+1", "-1", "0x1", " 1"] {
            assert_eq!(problem("workers", text), "not a whole number", "{text}");
        }
        for text in ["0", "1025", "99999999999999999999"] {
            assert_eq!(problem("workers", text), "out of range: it may be 1 to 1024", "{text}");
        }
    }

    #[test]
    fn a_size_is_within_its_range_or_no_limit() {
        assert_eq!(applied("limit-head-size", "8k").limits.head_size, 8192);
        assert_eq!(problem("limit-head-size", "0"), "out of range: it may be 1 KiB to 16 MiB");
        assert_eq!(problem("limit-head-size", "17M"), "out of range: it may be 1 KiB to 16 MiB");
        assert!(problem("limit-head-size", "x").starts_with("a size is a whole number of bytes"));
        assert_eq!(applied("limit-body-size", "0").limits.body_size, u64::MAX);
        assert_eq!(applied("limit-body-size", "1").limits.body_size, 1);
        assert_eq!(row("limit-body-size").range(), "1 byte or more, or 0 for none");
        assert_eq!(applied("request-buffer", "0").limits.request_buffer, 0);
    }

    #[test]
    fn a_time_is_within_its_range() {
        assert_eq!(applied("header-timeout", "1.5").timeouts.header, Duration::from_millis(1500));
        assert_eq!(problem("header-timeout", "0"), "out of range: it may be 1 ms to 24 h");
        assert_eq!(problem("header-timeout", "25h"), "out of range: it may be 1 ms to 24 h");
        assert!(problem("header-timeout", "x").starts_with("a time is a number of seconds"));
        assert_eq!(applied("keep-alive-timeout", "0").timeouts.keep_alive, Duration::ZERO);
        assert_eq!(applied("graceful-timeout", "0").timeouts.graceful, Duration::ZERO);
    }

    #[test]
    fn a_switch_has_several_words() {
        for text in ["1", "true", "YES", "on"] {
            assert!(applied("reload", text).reload, "{text}");
        }
        for text in ["0", "False", "no", "off"] {
            assert!(!applied("reload", text).reload, "{text}");
        }
        assert_eq!(problem("reload", "perhaps"), "not one of 1, true, yes, on, 0, false, no, off");
    }

    #[test]
    fn a_choice_is_one_of_its_words() {
        assert_eq!(applied("access-log-format", "JSON").access_log_format, crate::AccessLogFormat::Json);
        assert_eq!(applied("log-level", "warning").log_level, log::LevelFilter::Warn);
        assert_eq!(problem("log-level", "warn"), "not one of debug, info, warning, error; did you mean 'warning'?");
        assert_eq!(problem("access-log-format", "xml"), "not one of common, combined, json");
    }

    #[test]
    fn a_mode_is_octal() {
        assert_eq!(applied("unix-mode", "660").unix_mode, 0o660);
        assert_eq!(applied("unix-mode", "0o600").unix_mode, 0o600);
        for text in ["", "888", "1777", "rw", "+66", "-1"] {
            assert_eq!(problem("unix-mode", text), "not permission bits: three octal digits, 660 say", "{text}");
        }
    }

    #[test]
    fn a_field_value_cannot_carry_another_field() {
        assert_eq!(applied("server-header", " a b ").server_header, "a b");
        assert_eq!(applied("server-header", "").server_header, "");
        for text in ["a\r\nSet-Cookie: b", "a\tb", "ä", "\0"] {
            assert_eq!(problem("server-header", text), "only printable ASCII can be sent in a field", "{text:?}");
        }
    }

    #[test]
    fn logs_and_paths() {
        assert_eq!(applied("access-log", "-").access_log, Some(LogTarget::Stdout));
        assert_eq!(applied("error-log", "-").error_log, LogTarget::Stderr);
        assert_eq!(applied("access-log", "a").access_log, Some(LogTarget::File("a".into())));
        for name in ["access-log", "error-log", "chdir", "pythonpath"] {
            assert_eq!(problem(name, ""), "a path is needed", "{name}");
        }
    }

    #[test]
    fn only_a_path_may_be_other_than_utf_8() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = || OsString::from_vec(b"a\xff".to_vec());
        let mut settings = Settings::blank();
        row("chdir").apply(&mut settings, &[bytes()]).unwrap();
        assert_eq!(settings.chdir, Some(PathBuf::from(bytes())));
        for name in ["bind", "mount", "workers", "server-header", "log-level", "reload", "unix-mode"] {
            assert_eq!(problem(name, bytes()), "not valid UTF-8", "{name}");
        }
    }
}
