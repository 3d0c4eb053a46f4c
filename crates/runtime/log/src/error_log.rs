//! The error log: what the `log` facade leads to.
//!
//! ```text
//! 2026-11-22T20:10:00.123Z INFO  [4711] listening on http://127.0.0.1:8000
//! ```
//!
//! A message of several lines, a traceback say, goes on in lines that begin with two spaces. Other control characters are
//! escaped, so that nothing in a message can look like a message of its own or play tricks with a terminal.

use std::fmt::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

use log::{Level, LevelFilter, Log, Metadata};
use millau_config::LogTarget;

use crate::sink::{LogError, Sink};
use crate::stamp;
use crate::standard_streams::STDERR;

static INSTALLED: OnceLock<ErrorLog> = OnceLock::new();

/// Opens the error log and makes it the one of this process.
///
/// # Errors
/// The file cannot be opened, or there is an error log already.
pub fn install(target: &LogTarget, level: LevelFilter) -> Result<(), LogError> {
    let error_log = ErrorLog::open(target, level)?;
    INSTALLED.set(error_log).map_err(|_| LogError::Installed)?;
    let Some(error_log) = INSTALLED.get() else {
        return Ok(());
    };
    log::set_logger(error_log).map_err(|_| LogError::Installed)?;
    log::set_max_level(level);
    Ok(())
}

/// Opens the file of the error log anew, after it was moved away; on failure the old one stays. Each process has to do it.
///
/// # Errors
/// The file cannot be opened.
pub fn reopen() -> Result<(), LogError> {
    INSTALLED.get().map_or(Ok(()), ErrorLog::reopen)
}

/// An error log that is open. [`install`] makes one the log of the process.
#[derive(Debug)]
pub struct ErrorLog {
    sink: Sink,
    level: LevelFilter,
    /// Messages that nobody has taken since the last that was.
    lost: AtomicU64,
}

impl ErrorLog {
    /// Opens it; a file is created if it is missing, and appended to. `level`: the least severe messages to write.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(target: &LogTarget, level: LevelFilter) -> Result<Self, LogError> {
        // Where what cannot be written to a file is said.
        let _ = STDERR.keep();
        Ok(Self { sink: Sink::open("error log", target)?, level, lost: AtomicU64::new(0) })
    }

    /// See [`reopen`].
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn reopen(&self) -> Result<(), LogError> {
        self.sink.reopen()
    }
}

impl Log for ErrorLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let message = line(SystemTime::now(), record.level(), std::process::id(), record.args());
        if self.sink.write(&message).is_ok() {
            let lost = self.lost.swap(0, Relaxed);
            if lost > 0 {
                let (now, process) = (SystemTime::now(), std::process::id());
                let told = "messages were lost: for a while the error log could not be written";
                let _ = self.sink.write(&line(now, Level::Warn, process, &format_args!("{lost} {told}")));
            }
        } else if Sink::Stderr.write(&message).is_err() {
            // The disk is full, say; then it is better said elsewhere than not at all. Here nobody listens there either.
            self.lost.fetch_add(1, Relaxed);
        }
    }

    fn flush(&self) {}
}

/// One message, ready to be written.
fn line(time: SystemTime, level: Level, pid: u32, message: &fmt::Arguments<'_>) -> Vec<u8> {
    let mut stamp = Vec::with_capacity(24);
    stamp::rfc3339(time, &mut stamp);
    let mut line = String::with_capacity(256);
    line.push_str(&String::from_utf8_lossy(&stamp));
    // A string takes everything; only a message that fails to format itself can fail here, and what it has said so far
    // is still worth a line.
    let _ = write!(line, " {level:<5} [{pid}] ");
    let _ = Escaping { line: &mut line, breaks: 0 }.write_fmt(*message);
    line.push('\n');
    line.into_bytes()
}

/// Lets text through in a form that stays one message.
struct Escaping<'a> {
    line: &'a mut String,
    /// Line breaks that came last. They are held back, because a message does not end with one.
    breaks: usize,
}

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            if character == '\n' || (character == '\r' && characters.peek() == Some(&'\n')) {
                self.breaks += usize::from(character == '\n');
                continue;
            }
            for _ in 0..std::mem::take(&mut self.breaks) {
                self.line.push_str("\n  ");
            }
            match character {
                '\t' => self.line.push(character),
                '\u{2028}' | '\u{2029}' => write!(self.line, "\\u{{{:x}}}", u32::from(character))?,
                _ if character.is_control() => write!(self.line, "\\x{:02x}", u32::from(character))?,
                _ => self.line.push(character),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use crate::directory::Directory;

    use super::*;

    fn written(message: &fmt::Arguments<'_>) -> String {
        let time = UNIX_EPOCH + Duration::from_millis(1_795_378_200_123);
        String::from_utf8(line(time, Level::Info, 4711, message)).unwrap()
    }

    fn message(text: &str) -> String {
        let line = written(&format_args!("{text}"));
        line.strip_prefix("2026-11-22T20:10:00.123Z INFO  [4711] ").unwrap().to_owned()
    }

    fn record(level: Level, text: &str, log: &ErrorLog) {
        log.log(&log::Record::builder().level(level).args(format_args!("{text}")).build());
    }

    #[test]
    fn a_line_has_time_level_process_and_message() {
        assert_eq!(
            written(&format_args!("listening on {}", "http://127.0.0.1:8000")),
            "2026-11-22T20:10:00.123Z INFO  [4711] listening on http://127.0.0.1:8000\n"
        );
        for (level, padded) in
            [(Level::Error, "ERROR"), (Level::Warn, "WARN "), (Level::Info, "INFO "), (Level::Debug, "DEBUG")]
        {
            let line = line(UNIX_EPOCH, level, 1, &format_args!("m"));
            assert_eq!(String::from_utf8(line).unwrap(), format!("1970-01-01T00:00:00.000Z {padded} [1] m\n"));
        }
    }

    #[test]
    fn further_lines_are_indented_and_the_last_line_break_is_dropped() {
        assert_eq!(
            message("Traceback:\n  File \"a\"\n\nValueError\n\n"),
            "Traceback:\n    File \"a\"\n  \n  ValueError\n"
        );
        assert_eq!(message("a\r\nb"), "a\n  b\n");
        assert_eq!(message(""), "\n");
    }

    #[test]
    fn a_line_break_between_two_pieces_is_one() {
        assert_eq!(written(&format_args!("a{}{}b", "\n", "")), "2026-11-22T20:10:00.123Z INFO  [4711] a\n  b\n");
    }

    #[test]
    fn nothing_in_a_message_can_play_tricks() {
        assert_eq!(message("a\x1b[2Jb\0c\x7fd\x08e"), "a\\x1b[2Jb\\x00c\\x7fd\\x08e\n");
        assert_eq!(message("a\rb"), "a\\x0db\n");
        assert_eq!(message("a\u{85}b\u{2028}c\u{2029}d"), "a\\x85b\\u{2028}c\\u{2029}d\n");
        assert_eq!(message("tab\tand ä €"), "tab\tand ä €\n");
        let forged = message("GET /\n2026-11-22T20:10:00.123Z ERROR [1] forged");
        assert_eq!(forged.lines().filter(|line| !line.starts_with("  ")).count(), 1);
    }

    #[test]
    fn a_message_that_fails_to_format_itself_is_still_a_line() {
        struct Failing;
        impl fmt::Display for Failing {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                Err(fmt::Error)
            }
        }
        assert!(written(&format_args!("before {Failing} after")).ends_with("before \n"));
    }

    #[test]
    fn less_severe_messages_than_asked_for_are_left_out() {
        let directory = Directory::new();
        let path = directory.join("error.log");
        let log = ErrorLog::open(&LogTarget::File(path.clone()), LevelFilter::Warn).unwrap();
        record(Level::Info, "not this", &log);
        record(Level::Warn, "this", &log);
        record(Level::Error, "and this", &log);
        let text = std::fs::read_to_string(path).unwrap();
        let messages: Vec<&str> = text.lines().map(|line| line.split_once("] ").unwrap().1).collect();
        assert_eq!(messages, ["this", "and this"]);
        assert!(text.contains(&format!(" WARN  [{}] this\n", std::process::id())));
    }

    #[test]
    fn a_file_is_appended_to_and_can_be_opened_anew() {
        let directory = Directory::new();
        let path = directory.join("error.log");
        std::fs::write(&path, "before\n").unwrap();
        let log = ErrorLog::open(&LogTarget::File(path.clone()), LevelFilter::Info).unwrap();
        record(Level::Info, "one", &log);
        std::fs::rename(&path, directory.join("error.log.1")).unwrap();
        record(Level::Info, "two", &log);
        log.reopen().unwrap();
        record(Level::Info, "three", &log);
        let old = std::fs::read_to_string(directory.join("error.log.1")).unwrap();
        assert!(old.starts_with("before\n") && old.contains("one\n") && old.contains("two\n"), "{old}");
        let new = std::fs::read_to_string(&path).unwrap();
        assert!(new.ends_with("] three\n") && new.lines().count() == 1, "{new}");
    }

    #[test]
    fn it_can_be_installed_once() {
        let directory = Directory::new();
        let path = directory.join("error.log");
        reopen().unwrap();
        install(&LogTarget::File(path.clone()), LevelFilter::Info).unwrap();
        log::info!("through the facade");
        log::debug!("not asked for");
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("] through the facade\n"));
        let again = install(&LogTarget::Stderr, LevelFilter::Info);
        assert_eq!(again.unwrap_err().to_string(), "the error log is installed already");

        std::fs::remove_file(&path).unwrap();
        reopen().unwrap();
        log::info!("after the rotation");
        assert!(std::fs::read_to_string(&path).unwrap().contains("after the rotation"));
    }
}
