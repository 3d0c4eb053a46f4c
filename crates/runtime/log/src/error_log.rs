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
use std::time::SystemTime;

use log::{Level, LevelFilter, Log, Metadata};
use millau_config::LogTarget;

use crate::sink::{LogError, Sink};
use crate::stamp;

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
}

impl ErrorLog {
    /// Opens it; a file is created if it is missing, and appended to. `level`: the least severe messages to write.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(target: &LogTarget, level: LevelFilter) -> Result<Self, LogError> {
        Ok(Self { sink: Sink::open("error log", target)?, level })
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
        let line = line(SystemTime::now(), record.level(), std::process::id(), record.args());
        if self.sink.write(&line).is_err() {
            // The disk is full, say. Then it is better said elsewhere than not at all; if that fails too, nobody listens.
            let _ = Sink::Stderr.write(&line);
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
