//! A directory of files as an application (RFC 9110): media types by suffix, conditional requests, one range, and no way out
//! of the directory.
//!
//! It lists no directory, shows no file whose name or folder begins with a dot (but `.well-known`, RFC 8615), and follows no
//! symbolic link that leads out of the directory.

#![forbid(unsafe_code)]

mod answer;
mod directory;
mod media_type;
mod range;
mod validators;

use std::io;
use std::path::Path;

use millau_gateway::{Application, Exchange};

use directory::Directory;

/// The application.
pub struct StaticFiles {
    directory: Directory,
    only: Option<Vec<String>>,
}

impl StaticFiles {
    /// Serves the files below `directory`, which is opened once: what is put in its place later is not served.
    ///
    /// # Errors
    /// It cannot be opened, or is no directory.
    pub fn new(directory: &Path) -> io::Result<Self> {
        Ok(Self { directory: Directory::open(directory)?, only: None })
    }

    /// Serves nothing but files with one of these suffixes, without dots and in lower case: for a directory where files for
    /// the web lie between others that are nobody's business.
    #[must_use]
    pub fn only(mut self, suffixes: &[&str]) -> Self {
        self.only = Some(suffixes.iter().map(|suffix| (*suffix).to_owned()).collect());
        self
    }

    fn is_served(&self, path: &[u8]) -> bool {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let suffix = name.iter().rposition(|byte| *byte == b'.').map(|dot| name[dot + 1..].to_ascii_lowercase());
        match (&self.only, suffix) {
            (None, _) => true,
            (Some(only), Some(suffix)) => only.iter().any(|served| served.as_bytes() == suffix),
            (Some(_), None) => false,
        }
    }
}

impl Application for StaticFiles {
    fn call(&self, exchange: Exchange) {
        self.answer(exchange);
    }
}
