//! Where the server of a script listens: a socket, with a lock and a log beside it, in a directory that only this user can
//! enter.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, lstat, mkdir};
use rustix::io::Errno;
use rustix::process::geteuid;

/// The longest path of a socket (unix(7)), without its final NUL.
const SOCKET_PATH: usize = 107;
/// So much of a script's name is kept for whoever looks into the directory.
const READABLE: usize = 24;

/// The files of one script's server.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) socket: PathBuf,
    /// Held by whoever starts or stops the server.
    pub(crate) lock: PathBuf,
    pub(crate) log: PathBuf,
    /// Touched when a start has failed.
    pub(crate) failed: PathBuf,
}

impl Place {
    /// The place of this script, which is given by its absolute path; makes the directory if it is missing.
    ///
    /// # Errors
    /// The directory cannot be made, or somebody else could put something into it.
    pub(crate) fn of(script: &Path) -> Result<Self, String> {
        Self::below(&directory(std::env::var_os("XDG_RUNTIME_DIR")), script)
    }

    fn below(directory: &Path, script: &Path) -> Result<Self, String> {
        match mkdir(directory, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(format!("cannot make the directory {}: {error}", directory.display())),
        }
        let stat = lstat(directory).map_err(|error| format!("cannot look at {}: {error}", directory.display()))?;
        let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if !is_directory || stat.st_uid != geteuid().as_raw() || stat.st_mode & 0o077 != 0 {
            return Err(format!(
                "{} is not a directory that only this user (number {}) can enter: remove it, or give it back to its user \
                 and say chmod 700",
                directory.display(),
                geteuid().as_raw()
            ));
        }
        // In a deep directory the readable part has to go.
        for readable in [READABLE, 0] {
            let name = name(script, readable);
            let file = |kind: &str| directory.join(format!("{name}.{kind}"));
            let place = Self { socket: file("sock"), lock: file("lock"), log: file("log"), failed: file("failed") };
            if place.socket.as_os_str().len() <= SOCKET_PATH {
                return Ok(place);
            }
        }
        Err(format!("the path of {} is too long for a socket in it", directory.display()))
    }
}

/// In the user's own runtime directory, which a CGI program seldom knows, or else below /tmp.
fn directory(runtime: Option<OsString>) -> PathBuf {
    match runtime.map(PathBuf::from).filter(|runtime| runtime.is_absolute() && runtime.is_dir()) {
        Some(runtime) => runtime.join("millau"),
        None => PathBuf::from(format!("/tmp/millau-{}", geteuid().as_raw())),
    }
}

/// The readable part of the script's name, and a number that is different for every path.
fn name(script: &Path, readable: usize) -> String {
    let readable: String = script.file_name().map_or_else(String::new, |name| {
        let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        name.to_string_lossy().chars().take(readable).map(allowed).collect()
    });
    format!("{readable}-{:032x}", fnv(script.as_os_str().as_bytes()))
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

    use super::*;

    #[test]
    fn each_path_has_files_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("millau");
        let one = Place::below(&directory, Path::new("/a/site one.cgi")).unwrap();
        let other = Place::below(&directory, Path::new("/b/site one.cgi")).unwrap();
        assert_eq!(one.socket.parent(), Some(&*directory));
        assert!(one.socket.file_name().unwrap().to_str().unwrap().starts_with("site_one.cgi-"));
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
            assert!(Place::below(directory, Path::new("/a")).unwrap_err().contains("only this user"));
        }
        Place::below(&own, Path::new("/a")).unwrap();
    }

    #[test]
    fn a_path_that_is_too_long_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("x".repeat(107 - 40 - folder.path().as_os_str().len()));
        let place = Place::below(&long, Path::new("/a-long-name-of-a-script")).unwrap();
        assert_eq!(place.socket.as_os_str().len(), SOCKET_PATH);
        let long = folder.path().join("x".repeat(60));
        assert!(Place::below(&long, Path::new("/a")).unwrap_err().contains("too long"));
    }

    #[test]
    fn the_runtime_directory_counts_if_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let own = format!("/tmp/millau-{}", geteuid().as_raw());
        assert_eq!(directory(Some(folder.path().into())), folder.path().join("millau"));
        for other in [None, Some("".into()), Some("relative".into()), Some("/no/such/directory".into())] {
            assert_eq!(directory(other), PathBuf::from(&own));
        }
    }
}
