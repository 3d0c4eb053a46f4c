//! The directories that a process goes through to reach a file: those of its name and of every link (path_resolution(7)).

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// As the kernel's limit: who has more, goes in a circle.
const MOST_LINKS: usize = 40;

/// All directories on the way to an absolute path, each once, in the order in which they are entered. Behind one that is
/// closed to this process, links cannot be told from directories.
pub(super) fn to(path: &Path) -> Vec<PathBuf> {
    let mut entered: Vec<PathBuf> = Vec::new();
    let mut at = PathBuf::from("/");
    let mut ahead = reversed(path);
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if !entered.contains(&at) {
            entered.push(at.clone());
        }
        if name == ".." {
            at.pop();
            continue;
        }
        let next = at.join(name);
        match std::fs::read_link(&next) {
            Ok(target) if links < MOST_LINKS => {
                links += 1;
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                ahead.extend(reversed(&target));
            }
            _ => at = next,
        }
    }
    entered
}

/// The names of a path, the last one first.
fn reversed(path: &Path) -> Vec<OsString> {
    let names = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.map(|part| part.as_os_str().to_owned()).rev().collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_lead_through_other_directories() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir_all(root.join("c/d")).unwrap();
        fs::write(root.join("c/d/file"), "").unwrap();
        symlink("../../link/d/file", root.join("a/b/file")).unwrap();
        symlink(root.join("c"), root.join("link")).unwrap();
        let below =
            |path: PathBuf| to(&path).into_iter().filter(|entered| *entered != root && entered.starts_with(&root));
        let names = |path: &str| {
            below(root.join(path)).map(|entered| entered.strip_prefix(&root).unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("a/b/file"), ["a", "a/b", "c", "c/d"].map(PathBuf::from));
        assert_eq!(names("c/none"), ["c"].map(PathBuf::from));
        assert_eq!(to(Path::new("/"))[..], [] as [PathBuf; 0]);
        symlink("circle", root.join("circle")).unwrap();
        assert_eq!(names("circle/x"), ["circle"].map(PathBuf::from));
    }
}
