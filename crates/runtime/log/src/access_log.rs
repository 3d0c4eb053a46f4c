//! The access log: a line per request, gathered in a buffer per thread and written together.

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
                    log::error!(
                        "cannot write the access log to {}: {error}; lines are lost until it can be",
                        self.sink
                    );
                }
            }
        }
        buffer.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::directory::Directory;
    use crate::record::sample;

    use super::*;

    fn open(path: &Path, format: AccessLogFormat) -> AccessLog {
        AccessLog::open(&LogTarget::File(path.to_owned()), format).unwrap()
    }

    #[test]
    fn each_format_has_its_line() {
        let directory = Directory::new();
        let line = |format| {
            let mut buffer = Vec::new();
            open(&directory.join("a.log"), format).append(&mut buffer, &sample());
            String::from_utf8(buffer).unwrap()
        };
        assert!(line(AccessLogFormat::Common).ends_with("\" 200 13\n"));
        assert!(line(AccessLogFormat::Combined).ends_with("\" 200 13 \"http://example.org/\" \"curl/8\"\n"));
        assert!(line(AccessLogFormat::Json).starts_with("{\"time\":"));
    }

    #[test]
    fn a_buffer_is_written_at_once_and_emptied() {
        let directory = Directory::new();
        let path = directory.join("a.log");
        std::fs::write(&path, "before\n").unwrap();
        let log = open(&path, AccessLogFormat::Combined);
        let mut buffer = Vec::new();
        log.write(&mut buffer);
        log.append(&mut buffer, &sample());
        log.append(&mut buffer, &sample());
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
        log.write(&mut buffer);
        assert!(buffer.is_empty());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("before\n") && text.lines().count() == 3, "{text}");
    }

    #[test]
    fn a_file_can_be_opened_anew() {
        let directory = Directory::new();
        let path = directory.join("a.log");
        let log = open(&path, AccessLogFormat::Common);
        std::fs::rename(&path, directory.join("a.log.1")).unwrap();
        log.reopen().unwrap();
        let mut buffer = b"line\n".to_vec();
        log.write(&mut buffer);
        assert_eq!(std::fs::read(&path).unwrap(), b"line\n");
        assert_eq!(std::fs::read(directory.join("a.log.1")).unwrap(), b"");
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted_and_do_not_pile_up() {
        let log = open(Path::new("/dev/full"), AccessLogFormat::Common);
        let mut buffer = b"one\ntwo\n".to_vec();
        log.write(&mut buffer);
        assert!(buffer.is_empty());
        assert_eq!(log.lost.load(Ordering::Relaxed), 2);
        buffer.extend_from_slice(b"three\n");
        log.write(&mut buffer);
        assert_eq!(log.lost.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn many_threads_write_whole_lines() {
        let directory = Directory::new();
        let path = directory.join("a.log");
        let log = open(&path, AccessLogFormat::Combined);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut buffer = Vec::new();
                    for _ in 0..50 {
                        (0..20).for_each(|_| log.append(&mut buffer, &sample()));
                        log.write(&mut buffer);
                    }
                });
            }
        });
        let mut expected = Vec::new();
        log.append(&mut expected, &sample());
        let expected = String::from_utf8(expected).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 8 * 50 * 20);
        assert!(text.lines().all(|line| line == expected.trim_end()));
    }
}
