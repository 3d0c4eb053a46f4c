//! The access log: a line per request, gathered in a buffer per thread and written together.

use std::io::Write;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use millau_config::{AccessLogFormat, LogTarget};

use crate::sink::{LogError, Sink};
use crate::{Record, apache, json};

/// An access log that is open.
#[derive(Debug)]
pub struct AccessLog {
    sink: Sink,
    format: AccessLogFormat,
    /// Lines that could not be written since the last that could.
    lost: AtomicU64,
}

impl AccessLog {
    /// Opens it; a file is created if it is missing, and appended to.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(target: &LogTarget, format: AccessLogFormat) -> Result<Self, LogError> {
        Ok(Self { sink: Sink::open("access log", target)?, format, lost: AtomicU64::new(0) })
    }

    /// Opens the file anew, after it was moved away; on failure the old one stays. Each process has to do it.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn reopen(&self) -> Result<(), LogError> {
        self.sink.reopen()
    }

    /// Adds the line of a request to a buffer.
    pub fn append(&self, buffer: &mut Vec<u8>, record: &Record<'_>) {
        match self.format {
            AccessLogFormat::Common => apache::append(buffer, record, false),
            AccessLogFormat::Combined => apache::append(buffer, record, true),
            AccessLogFormat::Json => json::append(buffer, record),
        }
    }

    /// Writes the lines of a buffer, and empties it. Into a file goes all with one `write(2)`, so lines of other threads
    /// and processes do not come between; into a pipe go pieces of whole lines, each small enough for the same.
    ///
    /// If it fails, the lines are lost, and the error log says so, once at the first and once when it works again.
    pub fn write(&self, buffer: &mut Vec<u8>) {
        if buffer.is_empty() {
            return;
        }
        match self.sink.write(buffer) {
            Ok(()) => {
                if self.lost.load(Ordering::Relaxed) > 0 {
                    let lost = self.lost.swap(0, Ordering::Relaxed);
                    log::warn!("the access log can be written again; {lost} lines were lost");
                }
            }
            Err(error) => {
                let lines = memchr::memchr_iter(b'\n', buffer).count() as u64;
                if self.lost.fetch_add(lines, Ordering::Relaxed) == 0 {
                    log::error!("cannot write the access log to {}: {error}; lines are lost until it can be", self.sink);
                }
            }
        }
        buffer.clear();
    }
}

/// An address in its usual form.
pub(crate) fn ip(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let mut digits = itoa::Buffer::new();
            for (index, part) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                out.extend_from_slice(digits.format(part).as_bytes());
            }
        }
        IpAddr::V6(address) => {
            // A buffer in memory takes everything.
            let _ = write!(out, "{address}");
        }
    }
}
