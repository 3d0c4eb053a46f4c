//! Where the server of a script listens: a socket, with a lock and a log beside it, in a directory that only this user can
//! enter.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rustix::fs::{FileType, Mode, lstat, mkdir, stat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::environment::Environment;
use crate::text::{Reason, Shown, file_name, join};

/// The longest path of a socket (unix(7)), without its final NUL.
const SOCKET_PATH: usize = 107;
/// So much of a script's name is kept for whoever looks into the directory.
const READABLE: usize = 24;

/// The files of one script's server.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) socket: Vec<u8>,
    /// Held by whoever starts or stops the server.
    pub(crate) lock: Vec<u8>,
    pub(crate) log: Vec<u8>,
    /// Touched when a start has failed.
    pub(crate) failed: Vec<u8>,
}

impl Place {
    /// The place of this script, which is given by its absolute path; makes the directory if it is missing.
    ///
    /// # Errors
    /// The directory cannot be made, or somebody else could put something into it.
    pub(crate) fn of(script: &[u8], environment: &Environment) -> Result<Self, String> {
        Self::below(&directory(environment.get(b"XDG_RUNTIME_DIR")), script)
    }

    fn below(directory: &[u8], script: &[u8]) -> Result<Self, String> {
        let found = match lstat(directory) {
            Err(Errno::NOENT) => match mkdir(directory, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => lstat(directory),
                Err(error) => {
                    return Err(format!("cannot make the directory {}: {}", Shown(directory), Reason(error)));
                }
            },
            found => found,
        };
        let found = found.map_err(|error| format!("cannot look at {}: {}", Shown(directory), Reason(error)))?;
        let is_directory = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
        if !is_directory || found.st_uid != geteuid().as_raw() || found.st_mode & 0o077 != 0 {
            return Err(format!(
                "{} is not a directory that only this user (number {}) can enter: remove it, or give it back to its user \
                 and say chmod 700",
                Shown(directory),
                geteuid().as_raw()
            ));
        }
        // In a deep directory the readable part has to go.
        for readable in [READABLE, 0] {
            let name = name(script, readable);
            let file = |kind: &str| join(directory, format!("{name}.{kind}").as_bytes());
            let place = Self { socket: file("sock"), lock: file("lock"), log: file("log"), failed: file("failed") };
            if place.socket.len() <= SOCKET_PATH {
                return Ok(place);
            }
        }
        Err(format!("the path of {} is too long for a socket in it", Shown(directory)))
    }
}

/// In the user's own runtime directory, which a CGI program seldom knows, or else below /tmp.
fn directory(runtime: Option<&[u8]>) -> Vec<u8> {
    let is_directory =
        |path: &&[u8]| stat(*path).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory);
    match runtime.filter(|runtime| runtime.starts_with(b"/")).filter(is_directory) {
        Some(runtime) => join(runtime, b"millau"),
        None => format!("/tmp/millau-{}", geteuid().as_raw()).into_bytes(),
    }
}

/// The readable part of the script's name, and a number that is different for every path.
fn name(script: &[u8], readable: usize) -> String {
    let allowed =
        |byte: &u8| if byte.is_ascii_alphanumeric() || b"-_.".contains(byte) { char::from(*byte) } else { '_' };
    let readable: String = file_name(script).iter().take(readable).map(allowed).collect();
    format!("{readable}-{:032x}", fnv(script))
}

/// FNV-1a with 128 bits: two paths that fall together do not happen by chance, and nobody else has a say in the names.
fn fnv(bytes: &[u8]) -> u128 {
    const PRIME: u128 = (1 << 88) + (1 << 8) + 0x3b;
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    bytes.iter().fold(BASIS, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    use super::*;

    fn below(directory: &Path, script: &str) -> Result<Place, String> {
        Place::below(directory.as_os_str().as_bytes(), script.as_bytes())
    }

    #[test]
    fn each_path_has_files_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("millau");
        let one = below(&directory, "/a/site one.cgi").unwrap();
        let other = below(&directory, "/b/site one.cgi").unwrap();
        let socket = PathBuf::from(OsStr::from_bytes(&one.socket));
        assert_eq!(socket.parent(), Some(&*directory));
        assert!(socket.file_name().unwrap().to_str().unwrap().starts_with("site_one.cgi-"));
        assert_ne!(one.socket, other.socket);
        assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        // The published test vector.
        assert_eq!(fnv(b"foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    #[test]
    fn a_directory_that_others_can_enter_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, PermissionsExt::from_mode(0o755)).unwrap();
        let own = folder.path().join("own");
        std::fs::create_dir(&own).unwrap();
        std::fs::set_permissions(&own, PermissionsExt::from_mode(0o700)).unwrap();
        let link = folder.path().join("link");
        symlink(&own, &link).unwrap();
        for directory in [&open, &link] {
            assert!(below(directory, "/a").unwrap_err().contains("only this user"));
        }
        below(&own, "/a").unwrap();
    }

    #[test]
    fn a_path_that_is_too_long_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("x".repeat(107 - 40 - folder.path().as_os_str().len()));
        let place = below(&long, "/a-long-name-of-a-script").unwrap();
        assert_eq!(place.socket.len(), SOCKET_PATH);
        let long = folder.path().join("x".repeat(60));
        assert!(below(&long, "/a").unwrap_err().contains("too long"));
    }

    #[test]
    fn the_runtime_directory_counts_if_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let own = format!("/tmp/millau-{}", geteuid().as_raw());
        let runtime = folder.path().as_os_str().as_bytes();
        assert_eq!(directory(Some(runtime)), join(runtime, b"millau"));
        for other in [None, Some(&b""[..]), Some(b"relative"), Some(b"/no/such/directory")] {
            assert_eq!(directory(other), own.as_bytes());
        }
    }
}
