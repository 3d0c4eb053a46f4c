//! Which source files have changed: looked at again and again, for development.
//!
//! Looking is slower than being told by the system, but it works on every file system, and on the day when an
//! application has more files than the system would watch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How often to look; if looking takes long, it is done less often.
const INTERVAL: Duration = Duration::from_millis(500);
/// Looking takes at most one part in so many of the time.
const SHARE: u32 = 10;
/// Beyond it a folder holds something else than sources, and looking at it all the time would cost too much.
const MOST_FILES: usize = 20_000;

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

/// The files, as they were when last looked at.
#[derive(Debug)]
pub(crate) struct Watch {
    directories: Vec<PathBuf>,
    /// Files that the application said it came from.
    sources: BTreeSet<PathBuf>,
    seen: BTreeMap<PathBuf, Stamp>,
    /// A change that may be one of several: it counts when the next look finds no more.
    changed: Option<PathBuf>,
    next_look: Instant,
    told_too_many: bool,
}

impl Watch {
    pub(crate) fn new(directories: &[PathBuf], now: Instant) -> Self {
        let mut watch = Self {
            directories: directories.to_owned(),
            sources: BTreeSet::new(),
            seen: BTreeMap::new(),
            changed: None,
            next_look: now + INTERVAL,
            told_too_many: false,
        };
        watch.seen = watch.scan();
        watch
    }

    /// Watches one more file, as it is now.
    pub(crate) fn add(&mut self, path: PathBuf) {
        if let Some(stamp) = stamp(&path) {
            self.seen.entry(path.clone()).or_insert(stamp);
        }
        self.sources.insert(path);
    }

    /// When [`look`](Self::look) will look next.
    pub(crate) fn next_look(&self) -> Instant {
        self.next_look
    }

    /// Looks, if it is time; gives a file that has changed, once nothing changes any more.
    pub(crate) fn look(&mut self, now: Instant) -> Option<PathBuf> {
        if now < self.next_look {
            return None;
        }
        let begin = Instant::now();
        let changed = self.compare();
        self.next_look = now + INTERVAL.max(begin.elapsed() * SHARE);
        changed
    }

    fn compare(&mut self) -> Option<PathBuf> {
        let scan = self.scan();
        let change = difference(&self.seen, &scan);
        self.seen = scan;
        match change {
            Some(path) => {
                self.changed.get_or_insert(path);
                None
            }
            None => self.changed.take(),
        }
    }

    fn scan(&mut self) -> BTreeMap<PathBuf, Stamp> {
        let mut found: BTreeMap<_, _> =
            self.sources.iter().filter_map(|path| Some((path.clone(), stamp(path)?))).collect();
        let mut left = MOST_FILES;
        let complete = self.directories.iter().all(|directory| walk(directory, &mut found, &mut left));
        if !complete && !std::mem::replace(&mut self.told_too_many, true) {
            log::warn!("more than {MOST_FILES} files are to be watched for changes: the rest is not");
        }
        found
    }
}

/// Collects the `*.py` below a folder; `false` if there are too many. What cannot be read is not watched.
fn walk(directory: &Path, found: &mut BTreeMap<PathBuf, Stamp>, left: &mut usize) -> bool {
    let Ok(entries) = fs::read_dir(directory) else { return true };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        // Links to folders are not followed: they may lead back.
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_directory {
            let foreign = name.as_encoded_bytes().starts_with(b".")
                || ["__pycache__", "node_modules", "site-packages"].iter().any(|skipped| name == *skipped)
                || path.join("pyvenv.cfg").exists();
            if !foreign && !walk(&path, found, left) {
                return false;
            }
        } else if path.extension().is_some_and(|extension| extension == "py")
            && let Some(stamp) = stamp(&path)
        {
            if *left == 0 {
                return false;
            }
            *left -= 1;
            found.insert(path, stamp);
        }
    }
    true
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some(Stamp { modified: metadata.modified().ok(), length: metadata.len() })
}

/// A path that is in one of them only, or differs.
fn difference(before: &BTreeMap<PathBuf, Stamp>, after: &BTreeMap<PathBuf, Stamp>) -> Option<PathBuf> {
    let changed = after.iter().find(|(path, stamp)| before.get(*path) != Some(*stamp));
    let removed = || before.iter().find(|(path, _)| !after.contains_key(*path));
    changed.or_else(removed).map(|(path, _)| path.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own for one test, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("millau-watch-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        }

        fn watch(&self) -> Watch {
            Watch::new(std::slice::from_ref(&self.0), Instant::now())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_change_counts_when_nothing_changes_any_more() {
        let folder = Folder::new("change");
        let views = folder.write("site/views.py", "1");
        let mut watch = folder.watch();
        assert_eq!(watch.compare(), None);
        folder.write("site/views.py", "22");
        assert_eq!(watch.compare(), None, "there may be more to come");
        folder.write("site/models.py", "1");
        assert_eq!(watch.compare(), None, "there was");
        assert_eq!(watch.compare(), Some(views));
        assert_eq!(watch.compare(), None, "told once");
    }

    #[test]
    fn a_file_that_comes_or_goes_is_a_change() {
        let folder = Folder::new("comes");
        let mut watch = folder.watch();
        let new = folder.write("new.py", "");
        assert_eq!((watch.compare(), watch.compare()), (None, Some(new.clone())));
        fs::remove_file(&new).unwrap();
        assert_eq!((watch.compare(), watch.compare()), (None, Some(new)));
    }

    #[test]
    fn the_same_length_at_another_time_is_a_change() {
        let folder = Folder::new("time");
        let path = folder.write("a.py", "1");
        let mut watch = folder.watch();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
        assert_eq!((watch.compare(), watch.compare()), (None, Some(path)));
    }

    #[test]
    fn what_is_no_source_is_not_watched() {
        let folder = Folder::new("foreign");
        folder.write("env/pyvenv.cfg", "");
        let mut watch = folder.watch();
        for name in [
            "notes.txt",
            "module.pyc",
            ".hidden/a.py",
            "pkg/__pycache__/a.py",
            "node_modules/gyp/a.py",
            "lib/site-packages/a.py",
            "env/lib/a.py",
        ] {
            folder.write(name, "1");
            assert_eq!((watch.compare(), watch.compare()), (None, None), "{name}");
        }
    }

    #[test]
    fn a_link_to_a_folder_above_is_not_followed() {
        let folder = Folder::new("link");
        std::os::unix::fs::symlink(&folder.0, folder.0.join("again")).unwrap();
        let path = folder.write("a.py", "1");
        let mut watch = folder.watch();
        assert_eq!(watch.seen.keys().collect::<Vec<_>>(), [&path]);
        assert_eq!(watch.compare(), None);
    }

    #[test]
    fn a_source_is_watched_wherever_it_lies_and_whatever_it_is() {
        let (folder, elsewhere) = (Folder::new("here"), Folder::new("elsewhere"));
        let mut watch = folder.watch();
        let source = elsewhere.write("settings.toml", "1");
        watch.add(source.clone());
        assert_eq!((watch.compare(), watch.compare()), (None, None), "being told of it is no change");
        elsewhere.write("settings.toml", "22");
        watch.add(source.clone());
        assert_eq!((watch.compare(), watch.compare()), (None, Some(source.clone())), "being told again hides nothing");
        fs::remove_file(&source).unwrap();
        assert_eq!((watch.compare(), watch.compare()), (None, Some(source.clone())));
        elsewhere.write("settings.toml", "1");
        assert_eq!((watch.compare(), watch.compare()), (None, Some(source)));
    }

    #[test]
    fn it_looks_when_it_is_time() {
        let folder = Folder::new("interval");
        let mut watch = folder.watch();
        let path = folder.write("a.py", "1");
        let mut now = watch.next_look();
        assert_eq!(watch.look(now - Duration::from_millis(1)), None);
        assert_eq!(watch.seen.len(), 0, "it was not time");
        assert_eq!(watch.look(now), None);
        assert_eq!(watch.seen.len(), 1);
        assert!(watch.next_look() >= now + INTERVAL);
        now = watch.next_look();
        assert_eq!(watch.look(now), Some(path));
    }
}
