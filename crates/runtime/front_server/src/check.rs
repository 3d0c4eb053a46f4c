//! Has a front server check a configuration, in a directory of its own, without starting it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use millau_config::{Deployment, FrontServer};

use crate::{Surroundings, configuration};

/// Why a configuration was not found good.
#[derive(Debug)]
pub enum CheckError {
    /// The front server is not installed.
    Absent(FrontServer),
    /// Something in the way of trying.
    Io(std::io::Error),
    /// What the front server said.
    Refused(String),
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(server) => write!(
                f,
                "--check: {} is not installed here ({} is not on PATH nor in /usr/sbin), so that nothing was checked",
                server.name(),
                programs(*server).join(" or ")
            ),
            Self::Io(error) => write!(f, "--check: the front server could not be tried: {error}"),
            Self::Refused(said) => write!(f, "--check: the front server refuses the configuration: {}", said.trim()),
        }
    }
}

impl std::error::Error for CheckError {}

fn programs(server: FrontServer) -> &'static [&'static str] {
    match server {
        FrontServer::Nginx => &["nginx"],
        FrontServer::Apache => &["apache2", "httpd"],
        FrontServer::Lighttpd => &["lighttpd"],
    }
}

/// Where a front server is installed; `sbin` is seldom on the path of a user.
fn find(server: FrontServer) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from))
        .collect();
    programs(server)
        .iter()
        .flat_map(|name| directories.iter().map(move |directory| directory.join(name)))
        .find(|file| file.is_file())
}

/// Has the front server read the whole configuration, and gives the name of the program that did.
///
/// # Errors
/// [`CheckError`]: it is not installed, or it refuses, with its own words.
pub fn check(deployment: &Deployment, here: &Surroundings) -> Result<PathBuf, CheckError> {
    let program = find(deployment.server).ok_or(CheckError::Absent(deployment.server))?;
    let directory = tempfile::tempdir().map_err(CheckError::Io)?;
    let whole = Deployment {
        complete: Some(deployment.complete.clone().unwrap_or_else(|| directory.path().display().to_string())),
        ..deployment.clone()
    };
    let file = directory.path().join("configuration");
    std::fs::write(&file, configuration(&whole, here)).map_err(CheckError::Io)?;
    let output = Command::new(&program)
        .args(arguments(deployment.server, &file))
        .stdin(Stdio::null())
        .output()
        .map_err(CheckError::Io)?;
    if output.status.success() {
        return Ok(program);
    }
    let said = [output.stderr, output.stdout].concat();
    Err(CheckError::Refused(String::from_utf8_lossy(&said).into_owned()))
}

fn arguments(server: FrontServer, file: &Path) -> Vec<std::ffi::OsString> {
    let options: &[&str] = match server {
        FrontServer::Nginx => &["-t", "-q", "-c"],
        FrontServer::Apache => &["-t", "-f"],
        FrontServer::Lighttpd => &["-tt", "-f"],
    };
    options.iter().map(Into::into).chain([file.into()]).collect()
}
