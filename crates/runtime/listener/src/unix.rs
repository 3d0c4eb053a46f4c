//! Listening at a path.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millau_config::Protocol;
use millau_gateway::{Local, Scheme};
use rustix::fs::{FileType, Mode, chmod, fchmod, lstat, unlink};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with};

use crate::error::PATH_LIMIT;
use crate::socket_file::{Identity, SocketFile};
use crate::{Family, Listener, Problem};

pub(crate) fn open(path: &Path, backlog: u32, mode: u32) -> Result<Listener, Problem> {
    // The process may change its directory before it removes the file.
    let path = std::path::absolute(path).map_err(Problem::Other)?;
    let length = path.as_os_str().len();
    if length > PATH_LIMIT {
        return Err(Problem::PathTooLong(length));
    }
    let address = SocketAddrUnix::new(&*path)?;
    clear(&path, &address)?;

    let mode = Mode::from_raw_mode(mode);
    let fd = bound(&path, &address, mode)?;
    let file = SocketFile::created(path.clone())?;
    chmod(&path, mode)?;
    listen(&fd, i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(listener(fd, &path, Some(file)))
}

/// A socket whose file has the mode less the umask: Linux gives it the mode of the socket. So at no time can more
/// processes connect than may.
fn bound(path: &Path, address: &SocketAddrUnix, mode: Mode) -> Result<OwnedFd, Problem> {
    let fd = socket()?;
    fchmod(&fd, mode)?;
    bind(&fd, address).map_err(|error| explain(error, path))?;
    Ok(fd)
}

/// A socket that listens already; `file` is what must be removed in the end.
pub(crate) fn listener(fd: OwnedFd, path: &Path, file: Option<SocketFile>) -> Listener {
    let local = Local { name: "localhost".to_owned(), port: Scheme::Http.default_port(), scheme: Scheme::Http };
    let url = format!("http+unix:{}", path.display());
    Listener { fd, protocol: Protocol::Http, family: Family::Unix, local: Arc::new(local), url, file }
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

    use crate::directory::Directory;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn problem(path: &Path) -> String {
        open(path, 16, 0o660).unwrap_err().to_string()
    }

    #[test]
    fn listens_with_the_permissions_that_were_asked_for() {
        let directory = Directory::new();
        let path = directory.join("app.sock");
        for wanted in [0o600, 0o660, 0o666, 0o777] {
            let listener = open(&path, 16, wanted).unwrap();
            assert_eq!(mode(&path), wanted);
            assert_eq!(listener.url(), format!("http+unix:{}", path.display()));
            assert_eq!(listener.family(), Family::Unix);
            assert_eq!((listener.local().name.as_str(), listener.local().port), ("localhost", 80));
            UnixStream::connect(&path).unwrap();
        }
    }

    #[test]
    fn never_has_a_permission_that_was_not_asked_for() {
        let directory = Directory::new();
        let path = directory.join("app.sock");
        let wanted = Mode::from_raw_mode(0o600);
        let _socket = bound(&path, &SocketAddrUnix::new(&path).unwrap(), wanted).unwrap();
        assert_eq!(mode(&path) & !0o600, 0);
    }

    #[test]
    fn the_file_goes_with_the_listener() {
        let directory = Directory::new();
        let path = directory.join("app.sock");
        let listener = open(&path, 16, 0o660).unwrap();
        listener.remove_file();
        assert!(!path.exists());
        listener.remove_file();
        let listener = open(&path, 16, 0o660).unwrap();
        drop(listener);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_came_to_its_place_stays() {
        let directory = Directory::new();
        let path = directory.join("app.sock");
        let first = open(&path, 16, 0o660).unwrap();
        fs::rename(&path, directory.join("kept alive, so that its inode is not given again")).unwrap();
        let _second = open(&path, 16, 0o660).unwrap();
        drop(first);
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_stale_socket_is_replaced() {
        let directory = Directory::new();
        let path = directory.join("app.sock");
        // The standard library leaves the file behind.
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let _listener = open(&path, 16, 0o660).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_socket_where_somebody_listens_is_not_replaced() {
        let directory = Directory::new();
        let path = directory.join("app.sock");
        let expected = format!("a process answers there; `ss -lxp 'src = {}'` shows which", path.display());
        let first = open(&path, 1, 0o660).unwrap();
        assert_eq!(problem(&path), expected);
        // Also when it has no time to accept.
        let mut clients = Vec::new();
        while let Ok(()) = {
            let client = socket().unwrap();
            let connected = connect(&client, &SocketAddrUnix::new(&path).unwrap());
            clients.push(client);
            connected
        } {}
        assert_eq!(problem(&path), expected);
        drop((first, clients));

        let _datagrams = UnixDatagram::bind(&path).unwrap();
        assert_eq!(problem(&path), expected);
    }

    #[test]
    fn nothing_but_a_socket_is_ever_replaced() {
        let directory = Directory::new();
        let path = directory.join("app.sock");
        let expected = format!("{} exists and is not a socket; move it away or take another path", path.display());
        fs::write(&path, "precious").unwrap();
        assert_eq!(problem(&path), expected);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");

        fs::remove_file(&path).unwrap();
        drop(UnixListener::bind(directory.join("stale")).unwrap());
        std::os::unix::fs::symlink(directory.join("stale"), &path).unwrap();
        assert_eq!(problem(&path), expected);
        assert!(path.is_symlink() && directory.join("stale").exists());
    }

    #[test]
    fn a_path_that_cannot_be_is_refused() {
        let directory = Directory::new();
        let missing = directory.join("missing");
        assert_eq!(problem(&missing.join("app.sock")), format!("the directory {} does not exist", missing.display()));

        let file = directory.join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(problem(&file.join("b/app.sock")), format!("{} is not a directory", file.display()));

        let length = |path: &Path| path.as_os_str().len();
        let long = directory.join("a".repeat(107 - length(&directory.join(""))));
        assert_eq!(length(&long), 107);
        open(&long, 16, 0o660).unwrap();
        assert_eq!(
            problem(&directory.join("a".repeat(108 - length(&directory.join(""))))),
            "the path has 108 bytes, and that of a socket at most 107"
        );
    }

    #[test]
    fn every_error_is_explained() {
        for error in [Errno::ACCESS, Errno::PERM, Errno::ROFS] {
            let message = explain(error, Path::new("/run/app.sock")).to_string();
            assert_eq!(message, "this process may not create files in /run");
        }
        assert!(matches!(explain(Errno::ADDRINUSE, Path::new("/a")), Problem::PathInUse(_)));
        assert!(matches!(explain(Errno::NOMEM, Path::new("/a")), Problem::Other(_)));
    }
}
