//! The file of a UNIX socket, and who may remove it.

use std::path::{Path, PathBuf};

use rustix::fs::{Stat, lstat, unlink};
use rustix::io::Errno;
use rustix::process::{Pid, getpid};

/// A file that this process has created by binding a socket.
#[derive(Debug)]
pub(crate) struct SocketFile {
    /// Absolute.
    path: PathBuf,
    identity: Identity,
    creator: Pid,
}

/// What tells a file from another one that came to its path later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(crate) fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }
}

impl SocketFile {
    /// Takes note of the file that now is at `path`.
    pub(crate) fn created(path: PathBuf) -> Result<Self, Errno> {
        let identity = Identity::of(&lstat(&path)?);
        Ok(Self { path, identity, creator: getpid() })
    }

    /// Removes it, unless another process created it (a fork has a copy of this) or another file is there now.
    pub(crate) fn remove(&self) {
        if self.is_mine() && self.is_there() {
            // Nothing can be done about a failure, and the next start clears what is stale.
            let _ = unlink(&self.path);
        }
    }

    /// Where it was, if this process created it and it is not there any more.
    pub(crate) fn lost(&self) -> Option<&Path> {
        (self.is_mine() && !self.is_there()).then_some(&self.path)
    }

    fn is_mine(&self) -> bool {
        getpid() == self.creator
    }

    fn is_there(&self) -> bool {
        lstat(&self.path).is_ok_and(|stat| Identity::of(&stat) == self.identity)
    }
}

#[cfg(test)]
mod tests {
    use crate::directory::Directory;

    use super::*;

    #[test]
    fn only_its_creator_removes_it() {
        let directory = Directory::new();
        let path = directory.join("app.sock");
        std::fs::write(&path, "").unwrap();
        let ours = SocketFile::created(path.clone()).unwrap();
        let inherited = SocketFile { path: path.clone(), identity: ours.identity, creator: Pid::INIT };
        inherited.remove();
        assert!(path.exists());
        assert_eq!(ours.lost(), None);
        ours.remove();
        assert!(!path.exists());
        assert_eq!((ours.lost(), inherited.lost()), (Some(&*path), None));
    }
}
