//! From a path of a request to an open file, without leaving the directory.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// The directory, held open.
pub(crate) struct Directory {
    descriptor: OwnedFd,
    /// Without symbolic links: for kernels that cannot be told to stay below a directory.
    path: PathBuf,
}

/// What a path leads to.
pub(crate) enum Found {
    /// A regular file.
    File(File),
    /// A directory.
    Directory,
    /// Nothing that may be shown.
    Nothing,
}

impl Directory {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        Ok(Self { descriptor: rustix::fs::open(&path, flags, Mode::empty())?, path })
    }

    /// Opens what a clean relative path leads to; the empty path is the directory itself.
    ///
    /// # Errors
    /// What should be readable is not: the operator's fault.
    pub(crate) fn find(&self, relative: &CleanPath<'_>) -> io::Result<Found> {
        let relative = if relative.0.is_empty() { &b"."[..] } else { relative.0 };
        // Without O_NONBLOCK, opening a FIFO would wait for somebody to write into it.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        let below = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let opened = match rustix::fs::openat2(&self.descriptor, relative, flags, Mode::empty(), below) {
            // An old kernel, or a sandbox that does not know the call.
            Err(Errno::NOSYS | Errno::PERM) => self.find_by_name(relative, flags),
            opened => opened,
        };
        match opened {
            Ok(descriptor) => {
                let file = File::from(descriptor);
                let kind = file.metadata()?.file_type();
                Ok(if kind.is_file() {
                    Found::File(file)
                } else if kind.is_dir() {
                    Found::Directory
                } else {
                    Found::Nothing
                })
            }
            // EXDEV: the way leads out of the directory. ENXIO: a socket.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::XDEV | Errno::LOOP | Errno::NAMETOOLONG | Errno::NXIO) => {
                Ok(Found::Nothing)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whoever may write into the directory could exchange a folder for a link between the look and the opening.
    fn find_by_name(&self, relative: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        use std::os::unix::ffi::OsStrExt as _;
        let wanted = self.path.join(std::ffi::OsStr::from_bytes(relative));
        let real = wanted.canonicalize().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::NOENT))?;
        if !real.starts_with(&self.path) {
            return Err(Errno::XDEV);
        }
        rustix::fs::open(&real, flags | OFlags::NOFOLLOW, Mode::empty())
    }
}

/// A relative path of a request that names nothing hidden and goes nowhere but down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CleanPath<'a>(&'a [u8]);

impl<'a> CleanPath<'a> {
    /// Takes the `PATH_INFO`; whether it ends with a slash is the second answer. None for what is never shown: `.` and `..`
    /// segments, empty ones, names that begin with a dot, and NUL.
    pub(crate) fn new(path_info: &'a [u8]) -> Option<(Self, bool)> {
        let (path, ends_with_slash) = match path_info {
            b"" => return Some((Self(b""), false)),
            b"/" => return Some((Self(b""), true)),
            _ => (path_info.strip_prefix(b"/")?, path_info.ends_with(b"/")),
        };
        let path = path.strip_suffix(b"/").unwrap_or(path);
        let shown = |segment: &[u8]| match segment.first() {
            None => false,
            Some(b'.') => segment == b".well-known",
            Some(_) => !segment.contains(&0),
        };
        path.split(|byte| *byte == b'/').all(shown).then_some((Self(path), ends_with_slash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_goes_down_and_is_not_hidden_is_a_path() {
        let clean = |path: &'static str| CleanPath::new(path.as_bytes()).map(|(path, slash)| (path.0, slash));
        assert_eq!(clean(""), Some((&b""[..], false)));
        assert_eq!(clean("/"), Some((&b""[..], true)));
        assert_eq!(clean("/a/b.txt"), Some((&b"a/b.txt"[..], false)));
        assert_eq!(clean("/a/"), Some((&b"a"[..], true)));
        assert_eq!(clean("/.well-known/acme"), Some((&b".well-known/acme"[..], false)));
        for refused in ["//", "//a", "/a//b", "/..", "/a/../b", "/./a", "/.git/config", "/a/.b", "/a\0b", "a", "*"] {
            assert_eq!(clean(refused), None, "{refused}");
        }
    }

    #[test]
    fn the_way_by_name_stays_in_the_directory_too() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(outer.path().join("secret"), "s").unwrap();
        std::fs::write(inner.join("file"), "f").unwrap();
        std::os::unix::fs::symlink("../secret", inner.join("out")).unwrap();
        std::os::unix::fs::symlink("file", inner.join("in")).unwrap();
        let directory = Directory::open(&inner).unwrap();
        assert!(directory.find_by_name(b"file", OFlags::RDONLY).is_ok());
        assert!(directory.find_by_name(b"in", OFlags::RDONLY).is_ok());
        assert_eq!(directory.find_by_name(b"out", OFlags::RDONLY).unwrap_err(), Errno::XDEV);
        assert_eq!(directory.find_by_name(b"none", OFlags::RDONLY).unwrap_err(), Errno::NOENT);
    }
}
