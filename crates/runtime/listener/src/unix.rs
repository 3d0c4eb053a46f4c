//! Listening at a path.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millau_gateway::{Local, Scheme};
use rustix::fs::{FileType, Mode, chmod, fchmod, lstat, unlink};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with};

use crate::socket_file::{Identity, SocketFile};
use crate::{Family, Listener, Problem};

pub(crate) fn open(path: &Path, backlog: u32, mode: u32) -> Result<Listener, Problem> {
    // The process may change its directory before it removes the file.
    let path = std::path::absolute(path).map_err(Problem::Other)?;
    let address = SocketAddrUnix::new(&*path).map_err(|error| match error {
        Errno::NAMETOOLONG => Problem::PathTooLong(path.as_os_str().len()),
        error => error.into(),
    })?;
    clear(&path, &address)?;

    let fd = socket()?;
    let mode = Mode::from_raw_mode(mode);
    // Linux gives the file the mode of the socket, less the umask; so at no time can more processes connect than may.
    fchmod(&fd, mode)?;
    bind(&fd, &address).map_err(|error| explain(error, &path))?;
    let file = SocketFile::created(path.clone())?;
    chmod(&path, mode)?;
    listen(&fd, i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(listener(fd, &path, Some(file)))
}

/// A socket that listens already; `file` is what must be removed in the end.
pub(crate) fn listener(fd: OwnedFd, path: &Path, file: Option<SocketFile>) -> Listener {
    let local = Local { name: "localhost".to_owned(), port: Scheme::Http.default_port(), scheme: Scheme::Http };
    let url = format!("http+unix:{}", path.display());
    Listener { fd, family: Family::Unix, local: Arc::new(local), url, file }
}

fn socket() -> Result<OwnedFd, Errno> {
    socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)
}

/// Removes what a process has left at the path that ended without removing it. Nothing else is ever removed.
fn clear(path: &Path, address: &SocketAddrUnix) -> Result<(), Problem> {
    let stat = match lstat(path) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(explain(error, path)),
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Socket {
        return Err(Problem::NotASocketFile(path.to_owned()));
    }
    match connect(&socket()?, address) {
        // Nobody has it open: it is stale.
        Err(Errno::CONNREFUSED) => {}
        Err(Errno::NOENT) => return Ok(()),
        // A full backlog, or a socket of another type: somebody is there.
        Ok(()) | Err(Errno::AGAIN | Errno::PROTOTYPE) => return Err(Problem::PathInUse(path.to_owned())),
        Err(error) => return Err(Problem::PathUnclear(path.to_owned(), error.into())),
    }
    // Another process may have put its own there since we looked.
    if lstat(path).ok().map(|now| Identity::of(&now)) != Some(Identity::of(&stat)) {
        return Err(Problem::PathInUse(path.to_owned()));
    }
    unlink(path).map_err(|error| explain(error, path))
}

fn explain(error: Errno, path: &Path) -> Problem {
    let directory = path.parent().unwrap_or(path);
    match error {
        Errno::NOENT => Problem::NoDirectory(directory.to_owned()),
        Errno::NOTDIR => Problem::NotADirectory(first_that_is_no_directory(directory)),
        Errno::ACCESS | Errno::PERM | Errno::ROFS => Problem::NotPermitted(directory.to_owned()),
        Errno::ADDRINUSE => Problem::PathInUse(path.to_owned()),
        error => error.into(),
    }
}

fn first_that_is_no_directory(directory: &Path) -> PathBuf {
    let mut ancestors: Vec<&Path> = directory.ancestors().collect();
    ancestors.reverse();
    ancestors.into_iter().find(|path| !path.is_dir()).unwrap_or(directory).to_owned()
}
