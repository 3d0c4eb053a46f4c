//! Which application answers which path.

use std::fmt;
use std::sync::Arc;

use crate::{Application, Error, Exchange};

/// Applications at path prefixes, and perhaps one at the root. The longest prefix wins; `/app` is no prefix of `/apple`.
pub struct Routes {
    /// Longest prefix first. A prefix is decoded, starts with `/` and does not end with one; the root is empty.
    mounts: Vec<(Vec<u8>, Arc<dyn Application>)>,
}

/// Why an application cannot be mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountError {
    /// A prefix must start with `/`.
    NoSlash(String),
    /// Two applications at one prefix.
    Twice(String),
}

impl fmt::Display for MountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSlash(prefix) => write!(f, "mount '{prefix}' must start with '/'"),
            Self::Twice(prefix) => write!(f, "mount '{prefix}' is given twice"),
        }
    }
}

impl std::error::Error for MountError {}

impl Routes {
    /// Takes (prefix, application) pairs; `/` or the empty prefix is the root.
    ///
    /// # Errors
    /// [`MountError`] for a prefix that is malformed or given twice.
    pub fn new(mounts: impl IntoIterator<Item = (String, Arc<dyn Application>)>) -> Result<Self, MountError> {
        let mut table: Vec<(Vec<u8>, Arc<dyn Application>)> = Vec::new();
        for (prefix, application) in mounts {
            let path = prefix.trim_end_matches('/').as_bytes().to_vec();
            if !path.is_empty() && path[0] != b'/' {
                return Err(MountError::NoSlash(prefix));
            }
            if table.iter().any(|(other, _)| *other == path) {
                return Err(MountError::Twice(prefix));
            }
            table.push((path, application));
        }
        table.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Ok(Self { mounts: table })
    }

    fn find(&self, path: &[u8]) -> Option<(usize, &Arc<dyn Application>)> {
        self.mounts
            .iter()
            .find(|(prefix, _)| path.starts_with(prefix) && matches!(path.get(prefix.len()), None | Some(b'/')))
            .or_else(|| self.mounts.last().filter(|(prefix, _)| prefix.is_empty()))
            .map(|(prefix, application)| (prefix.len(), application))
    }

    fn nested(mounts: &[(Vec<u8>, Arc<dyn Application>)], thread: bool, work: &mut dyn FnMut()) {
        match mounts.split_first() {
            None => work(),
            Some(((_, application), rest)) => {
                let mut inner = || Self::nested(rest, thread, work);
                if thread { application.thread(&mut inner) } else { application.batch(&mut inner) }
            }
        }
    }
}

impl Application for Routes {
    fn call(&self, mut exchange: Exchange) {
        match self.find(exchange.request().path()) {
            Some((length, application)) => {
                exchange.request_mut().set_script_name_length(length);
                application.call(exchange);
            }
            None => exchange.fail(Error::peer(404, "no application is mounted at this path")),
        }
    }

    fn batch(&self, work: &mut dyn FnMut()) {
        Self::nested(&self.mounts, false, work);
    }

    fn thread(&self, work: &mut dyn FnMut()) {
        Self::nested(&self.mounts, true, work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Application for Nothing {
        fn call(&self, _: Exchange) {}
    }

    fn routes(prefixes: &[&str]) -> Result<Routes, MountError> {
        Routes::new(prefixes.iter().map(|prefix| ((*prefix).to_owned(), Arc::new(Nothing) as Arc<dyn Application>)))
    }

    #[test]
    fn the_longest_prefix_wins_at_a_segment_border() {
        let routes = routes(&["/", "/app", "/app/admin/"]).unwrap();
        let length = |path: &str| routes.find(path.as_bytes()).unwrap().0;
        assert_eq!(length("/app"), 4);
        assert_eq!(length("/app/x"), 4);
        assert_eq!(length("/apple"), 0);
        assert_eq!(length("/app/admin"), 10);
        assert_eq!(length("/app/administrator"), 4);
        assert_eq!(length("*"), 0);
    }

    #[test]
    fn without_a_root_some_paths_lead_nowhere() {
        let routes = routes(&["/app"]).unwrap();
        assert!(routes.find(b"/").is_none() && routes.find(b"/apple").is_none());
    }

    #[test]
    fn refuses_what_is_ambiguous() {
        assert_eq!(routes(&["app"]).err(), Some(MountError::NoSlash("app".into())));
        assert_eq!(routes(&["/a", "/a/"]).err(), Some(MountError::Twice("/a/".into())));
    }
}
