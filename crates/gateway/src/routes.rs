//! Which application answers which path.

use std::fmt;
use std::sync::Arc;

use crate::{Application, Error, Exchange, Request};

/// Applications at path prefixes, and perhaps one at the root. The longest prefix wins; `/app` is no prefix of `/apple`.
///
/// Where a front server has said which script name the path begins with, a prefix may stand for that (`/m/x`, with `/m` at
/// `/m`) or begin behind it (`/m/n/x`, with `/n`, gives the script name `/m/n`); the application at the root keeps the
/// front server's script name.
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

    /// The application for a request, and how long its script name then is.
    fn route(&self, request: &Request) -> Option<(usize, &Arc<dyn Application>)> {
        let told = request.script_name().len();
        let whole = || self.find(request.path());
        if told == 0 {
            return whole();
        }
        let behind = || self.find(request.path_info()).map(|(length, application)| (told + length, application));
        if request.front.as_deref().is_some_and(|front| front.script_name_inferred) {
            // The front server's choice was the path without the prefix.
            return behind().or_else(whole);
        }
        whole().filter(|(length, _)| *length > 0).or_else(behind)
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
        match self.route(exchange.request()) {
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

    fn is_at(&self, request: &Request) -> bool {
        self.route(request).is_some()
    }

    fn whereabouts(&self, thread: i32) -> Option<String> {
        self.mounts.iter().find_map(|(_, application)| application.whereabouts(thread))
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
        for (path, is_at) in [("/", false), ("/apple", false), ("/app", true), ("/app/", true)] {
            let mut request = Request::default();
            request.set_path(b"", path.as_bytes());
            assert_eq!(routes.is_at(&request), is_at, "{path}");
        }
    }

    #[test]
    fn a_script_name_of_the_front_server_and_a_mount_go_together() {
        let script_name = |prefixes: &[&str], told: &str, rest: &str, script_name_inferred: bool| {
            let mut request = Request::default();
            request.set_path(told.as_bytes(), rest.as_bytes());
            request.front = Some(Box::new(crate::Front { script_name_inferred, ..crate::Front::default() }));
            let routes = routes(prefixes).unwrap();
            let length = routes.route(&request)?.0;
            Some(String::from_utf8_lossy(&request.path()[..length]).into_owned())
        };
        for (prefixes, told, rest, expected) in [
            (&["/"][..], "/m", "/x", Some("/m")),
            (&["/m"], "/m", "/x", Some("/m")),
            (&["/m"], "", "/m/x", Some("/m")),
            (&["/m", "/"], "/m", "", Some("/m")),
            (&["/n", "/"], "/m", "/n/x", Some("/m/n")),
            (&["/n"], "/m", "/x", None),
            (&["/m/n", "/n"], "/m", "/n/x", Some("/m/n")),
        ] {
            assert_eq!(script_name(prefixes, told, rest, false).as_deref(), expected, "{prefixes:?} {told} {rest}");
        }
        // nginx asks for "/check" before it lets "/m/check" pass: that must not lead to the application at "/m".
        assert_eq!(script_name(&["/m", "/"], "/m", "/check", true).as_deref(), Some("/m"));
        assert_eq!(routes(&["/m", "/"]).unwrap().find(b"/check").unwrap().0, 0);
        assert_eq!(script_name(&["/m"], "/m", "/x", true).as_deref(), Some("/m"));
        assert_eq!(script_name(&["/n", "/"], "/m", "/n/x", true).as_deref(), Some("/m/n"));
    }

    #[test]
    fn refuses_what_is_ambiguous() {
        assert_eq!(routes(&["app"]).err(), Some(MountError::NoSlash("app".into())));
        assert_eq!(routes(&["/a", "/a/"]).err(), Some(MountError::Twice("/a/".into())));
    }
}
