//! A directory as it is: each file answers for its own path, in the way that its kind wants, and a WSGI application for the
//! rest.

use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use millau_gateway::{Application, Error, Exchange};

/// The application of `millau serve DIR`.
#[derive(Default)]
pub(crate) struct Directory {
    /// Without symbolic links.
    pub(crate) root: PathBuf,
    /// Who answers for a file, by its path in the directory.
    pub(crate) files: HashMap<Vec<u8>, Arc<dyn Application>>,
    /// The folders that are served; the directory itself is the empty path.
    pub(crate) folders: HashSet<Vec<u8>>,
    /// A folder's index, by the folder's path.
    pub(crate) indexes: HashMap<Vec<u8>, Vec<u8>>,
    /// Who sends files as they are.
    pub(crate) static_files: Option<Arc<dyn Application>>,
    /// The suffixes of the files that are sent as they are.
    pub(crate) static_suffixes: HashSet<Vec<u8>>,
    /// Who shows PSP pages, also those that have come since.
    pub(crate) pages: Option<Arc<dyn Application>>,
    /// Who answers for every other path.
    pub(crate) rest: Option<Arc<dyn Application>>,
    /// Through whom the interpreter is entered; any application that runs Python.
    pub(crate) python: Option<Arc<dyn Application>>,
}

/// Who answers, and the index that is meant in place of a folder.
type Found<'a> = (&'a Arc<dyn Application>, Option<&'a [u8]>);

impl Directory {
    fn find(&self, path_info: &[u8]) -> Option<Found<'_>> {
        let path = path_info.strip_prefix(b"/").unwrap_or(path_info);
        let (folder, names_folder) = match path.strip_suffix(b"/") {
            Some(folder) => (folder, true),
            None => (path, path.is_empty() && !path_info.is_empty()),
        };
        if names_folder && let Some(index) = self.indexes.get(folder) {
            let name = index.rsplit(|byte| *byte == b'/').next().unwrap_or(index);
            return self.of_file(index).map(|application| (application, Some(name)));
        }
        // The first name on the path that is a file; what follows it is the file's own affair.
        let borders = (0..path.len()).filter(|at| path[*at] == b'/').chain([path.len()]);
        for border in borders {
            if let Some(application) = self.of_file(&path[..border]) {
                return Some((application, None));
            }
        }
        // A folder without its slash: the static files redirect, if there is something to see there.
        let redirects = !names_folder && self.indexes.contains_key(folder);
        self.static_files.as_ref().filter(|_| redirects).map(|application| (application, None))
    }

    fn of_file(&self, path: &[u8]) -> Option<&Arc<dyn Application>> {
        if let Some(application) = self.files.get(path) {
            return Some(application);
        }
        let (folder, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        let dot = name.iter().rposition(|byte| *byte == b'.')?;
        // A hidden file begins with its only dot, or another; what is in a folder that is not served is nobody's.
        if name.starts_with(b".") || name.contains(&0) || !self.folders.contains(folder) {
            return None;
        }
        let suffix = name[dot + 1..].to_ascii_lowercase();
        let application = match &suffix[..] {
            b"psp" => self.pages.as_ref(),
            _ => self.static_files.as_ref().filter(|_| self.static_suffixes.contains(&suffix)),
        };
        application.filter(|_| self.root.join(std::ffi::OsStr::from_bytes(path)).is_file())
    }
}

impl Application for Directory {
    fn call(&self, mut exchange: Exchange) {
        let request = exchange.request_mut();
        match self.find(request.path_info()) {
            Some((application, index)) => {
                if let Some(index) = index {
                    let (script_name, mut path_info) = (request.script_name().to_vec(), request.path_info().to_vec());
                    path_info.extend_from_slice(index);
                    request.set_path(&script_name, &path_info);
                }
                application.call(exchange);
            }
            None => match &self.rest {
                Some(application) => application.call(exchange),
                None => exchange.fail(Error::peer(404, "there is nothing at this path")),
            },
        }
    }

    fn batch(&self, work: &mut dyn FnMut()) {
        match &self.python {
            Some(application) => application.batch(work),
            None => work(),
        }
    }

    fn thread(&self, work: &mut dyn FnMut()) {
        match &self.python {
            Some(application) => application.thread(work),
            None => work(),
        }
    }

    fn whereabouts(&self, thread: i32) -> Option<String> {
        self.python.as_ref()?.whereabouts(thread)
    }
}
