//! Finds the script that a path names, and what of the path is its own.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};

/// A script that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Absolute; below the directory that is served.
    pub path: PathBuf,
    /// How many bytes of the path that was looked up lead to it; the rest is its `PATH_INFO`.
    pub name_length: usize,
    /// What changes when the file changes.
    pub identity: Identity,
}

/// What changes when a file changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Identity {
    /// From what the file system says of a file.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// As a warm interpreter tells it: device, inode, size and the two times in nanoseconds.
    pub(crate) fn told(text: &[u8]) -> Option<Self> {
        let mut numbers = std::str::from_utf8(text).ok()?.split(' ').map(str::parse::<i64>);
        let mut next = || numbers.next()?.ok();
        let time = |nanoseconds: i64| (nanoseconds.div_euclid(1_000_000_000), nanoseconds.rem_euclid(1_000_000_000));
        Some(Self {
            device: next()? as u64,
            inode: next()? as u64,
            size: next()? as u64,
            modified: time(next()?),
            changed: time(next()?),
        })
    }

    /// Of the file at this path; `None` where there is none.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }
}

/// Why a path leads to no script that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The path as sent may be read in two ways.
    Ambiguous,
    /// There is nothing of that name, or nothing that may be named.
    Nothing,
    /// It ends at a directory.
    Directory,
    /// It ends at something that is no regular file.
    NoFile(PathBuf),
    /// It leaves the directory by a symbolic link.
    Outside(PathBuf),
    /// The file may not be executed.
    NotExecutable(PathBuf),
    /// A directory on the way, or the file, may not be looked at.
    Unreadable(PathBuf),
}

/// Walks down from `root` (absolute, without symbolic links) along `path_info`, to the first regular file.
///
/// Names that begin with a dot are never there, which includes `.` and `..`; an empty segment is passed over.
pub(crate) fn find(root: &Path, path_info: &[u8], follow_symlinks: bool) -> Result<Script, Missing> {
    let mut path = root.to_path_buf();
    let mut linked = false;
    let mut end = 0;
    while end < path_info.len() {
        let start = end + usize::from(path_info[end] == b'/');
        end = path_info[start..].iter().position(|byte| *byte == b'/').map_or(path_info.len(), |length| start + length);
        let segment = &path_info[start..end];
        if segment.is_empty() {
            continue;
        }
        if segment[0] == b'.' || segment.contains(&0) {
            return Err(Missing::Nothing);
        }
        path.push(OsStr::from_bytes(segment));
        let look = || {
            let found = std::fs::symlink_metadata(&path)?;
            if found.is_symlink() { Ok((std::fs::metadata(&path)?, true)) } else { Ok((found, false)) }
        };
        let (found, is_link) = look().map_err(|error: std::io::Error| match error.kind() {
            std::io::ErrorKind::PermissionDenied => Missing::Unreadable(path.clone()),
            _ => Missing::Nothing,
        })?;
        linked |= is_link;
        if found.is_dir() {
            continue;
        }
        if linked && !follow_symlinks && !path.canonicalize().is_ok_and(|target| target.starts_with(root)) {
            return Err(Missing::Outside(path));
        }
        let kind = found.file_type();
        if kind.is_fifo() || kind.is_socket() || !kind.is_file() {
            return Err(Missing::NoFile(path));
        }
        if accessat(CWD, &path, Access::EXEC_OK, AtFlags::EACCESS).is_err() {
            return Err(Missing::NotExecutable(path));
        }
        return Ok(Script { identity: Identity::of(&found), path, name_length: end });
    }
    Err(Missing::Directory)
}

/// True where the path as sent says something else than the decoded one: an encoded slash or an encoded NUL. Servers in
/// front may have read it the other way.
pub(crate) fn is_ambiguous(target: &[u8]) -> bool {
    let path_end = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    target[..path_end]
        .windows(3)
        .any(|code| code[0] == b'%' && (code[1..].eq_ignore_ascii_case(b"2f") || code[1..] == *b"00"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new() -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            tree.file("outside", 0o755);
            std::fs::create_dir_all(tree.root().join("sub")).unwrap();
            tree.file("root/a.cgi", 0o755);
            tree.file("root/sub/b.cgi", 0o755);
            tree.file("root/data.txt", 0o644);
            tree.file("root/.hidden", 0o755);
            symlink("../outside", tree.root().join("out.cgi")).unwrap();
            symlink("..", tree.root().join("up")).unwrap();
            symlink("sub/b.cgi", tree.root().join("in.cgi")).unwrap();
            tree
        }

        fn file(&self, name: &str, mode: u32) {
            let path = self.0.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }

        fn root(&self) -> PathBuf {
            self.0.path().canonicalize().unwrap().join("root")
        }

        fn find(&self, path: &str) -> Result<(String, usize), Missing> {
            let root = self.root();
            let script = find(&root, path.as_bytes(), false)?;
            Ok((script.path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(), script.name_length))
        }
    }

    #[test]
    fn the_rest_of_the_path_is_the_scripts_own() {
        let tree = Tree::new();
        assert_eq!(tree.find("/a.cgi"), Ok(("a.cgi".into(), 6)));
        assert_eq!(tree.find("/a.cgi/"), Ok(("a.cgi".into(), 6)));
        assert_eq!(tree.find("/a.cgi/../x/./y"), Ok(("a.cgi".into(), 6)));
        assert_eq!(tree.find("/sub/b.cgi/c//d"), Ok(("sub/b.cgi".into(), 10)));
        assert_eq!(tree.find("//sub//b.cgi"), Ok(("sub/b.cgi".into(), 12)));
        assert_eq!(tree.find("/in.cgi"), Ok(("in.cgi".into(), 7)));
    }

    #[test]
    fn a_path_that_names_no_script_leads_nowhere() {
        let tree = Tree::new();
        for path in ["", "/", "/sub", "/sub/"] {
            assert_eq!(tree.find(path), Err(Missing::Directory), "{path}");
        }
        for path in [
            "/none",
            "/a.cgi.",
            "/a.cgi\0",
            "/a.cg",
            "/../root/a.cgi",
            "/sub/../a.cgi",
            "/./a.cgi",
            "/.hidden",
            "/a.cgi%20",
            "/sub/\0/b.cgi",
        ] {
            assert_eq!(tree.find(path), Err(Missing::Nothing), "{path:?}");
        }
    }

    #[test]
    fn a_file_that_may_not_be_executed_is_no_script() {
        let tree = Tree::new();
        let expected = Missing::NotExecutable(tree.root().join("data.txt"));
        assert_eq!(tree.find("/data.txt"), Err(expected.clone()));
        assert_eq!(tree.find("/data.txt/more"), Err(expected));
    }

    #[test]
    fn a_symbolic_link_does_not_lead_out() {
        let tree = Tree::new();
        assert_eq!(tree.find("/out.cgi"), Err(Missing::Outside(tree.root().join("out.cgi"))));
        assert_eq!(tree.find("/up/outside"), Err(Missing::Outside(tree.root().join("up/outside"))));
        assert!(find(&tree.root(), b"/out.cgi", true).is_ok());
    }

    #[test]
    fn an_encoded_slash_is_ambiguous() {
        assert!(is_ambiguous(b"/a%2Fb") && is_ambiguous(b"/a%2fb") && is_ambiguous(b"/%00"));
        assert!(!is_ambiguous(b"/a/b?c=%2F%00") && !is_ambiguous(b"/a%20b"));
    }
}
