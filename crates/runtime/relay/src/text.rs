//! Paths and variables are bytes here; this shows them to people, and puts them together.

use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use rustix::io::Errno;

/// Bytes that are shown; what is not UTF-8 in them as �.
pub(crate) struct Shown<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

/// Bytes that came from a client, in which nothing may pose as a line of a log.
pub(crate) struct Escaped<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            write!(f, "{}", chunk.valid().escape_debug())?;
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

/// A reason of the system in words, for those that an operator can do something about.
pub(crate) struct Reason(pub(crate) Errno);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.0 {
            Errno::NOENT => "No such file or directory",
            Errno::ACCESS => "Permission denied",
            Errno::PERM => "Operation not permitted",
            Errno::NOTDIR => "Not a directory",
            Errno::ISDIR => "Is a directory",
            Errno::LOOP => "Too many levels of symbolic links",
            Errno::NAMETOOLONG => "File name too long",
            Errno::NOEXEC => "Exec format error",
            Errno::NOSPC => "No space left on device",
            Errno::DQUOT => "Disk quota exceeded",
            Errno::ROFS => "Read-only file system",
            Errno::MFILE | Errno::NFILE => "Too many open files",
            Errno::NOMEM => "Cannot allocate memory",
            Errno::AGAIN => "Resource temporarily unavailable",
            Errno::TOOBIG => "Argument list too long",
            Errno::IO => "Input/output error",
            _ => return write!(f, "error {} of the system", self.0.raw_os_error()),
        };
        write!(f, "{words} (os error {})", self.0.raw_os_error())
    }
}

/// `directory/name`
pub(crate) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    [directory, if directory.ends_with(b"/") { b"" } else { b"/" }, name].concat()
}

/// What is before the last slash; `/` of a path without any.
pub(crate) fn parent(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| *byte == b'/') {
        None | Some(0) => b"/",
        Some(slash) => &path[..slash],
    }
}

/// What is behind the last slash.
pub(crate) fn file_name(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(path, |slash| &path[slash + 1..])
}
