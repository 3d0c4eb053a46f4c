//! Directories of CGI programs, as the settings have them.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use millau_cgi_program::{CgiPrograms, Limits, Mode, Options, ProcessLimits, Resident};
use millau_config::{CgiMode, CgiSettings, Settings};
use pyo3::prelude::*;
use rustix::event::{PollFd, PollFlags, poll};

use super::resident::ResidentScripts;

/// What programs get of the server's own environment: where programs and libraries are, and how people here write.
const HANDED_ON: [&str; 6] = ["PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH"];
/// Where programs are found if the server itself does not know.
const PATH: &[u8] = b"/usr/local/bin:/usr/bin:/bin";

/// Makes the application for `cgi:DIR`.
///
/// # Errors
/// A text that says which directory is wrong, or which setting.
pub(crate) fn programs(py: Python<'_>, settings: &Settings, directory: &str) -> Result<CgiPrograms, String> {
    let options = options(py, settings)?;
    let uses_resident = options.mode == Mode::Resident || options.modes.iter().any(|(_, mode)| *mode == Mode::Resident);
    let resident = if uses_resident {
        let scripts = ResidentScripts::new(py, settings.debug)
            .map_err(|error| format!("resident scripts cannot be run: {error}"))?;
        Some(Arc::new(scripts) as Arc<dyn Resident>)
    } else {
        None
    };
    CgiPrograms::new(Path::new(directory), options, resident).map_err(|error| error.to_string())
}

fn options(py: Python<'_>, settings: &Settings) -> Result<Options, String> {
    let cgi = &settings.cgi;
    let mut mode = Mode::Auto;
    let mut modes = Vec::new();
    for rule in &cgi.modes {
        match &rule.path {
            None => mode = self::mode(rule.mode),
            Some(path) => {
                let found =
                    path.canonicalize().map_err(|error| format!("--cgi-mode: '{}': {error}", path.display()))?;
                modes.push((found, self::mode(rule.mode)));
            }
        }
    }
    let package =
        py.import("millau").and_then(|package| package.getattr("__path__")?.get_item(0)?.extract::<PathBuf>());
    let package = package.map_err(|error| format!("the package millau cannot be found: {error}"))?;
    Ok(Options {
        mode,
        modes,
        environment: environment(cgi),
        pass_authorization: cgi.pass_authorization,
        follow_symlinks: cgi.symlinks,
        debug: settings.debug,
        limits: Limits {
            time: cgi.timeout,
            output: cgi.output_size,
            head: Limits::default().head,
            children: cgi.children,
            queue: cgi.queue,
            warm_parents: cgi.warm_interpreters,
            warm_idle: cgi.warm_idle,
            process: ProcessLimits {
                cpu_seconds: (cgi.cpu_seconds > 0).then_some(cgi.cpu_seconds as u64),
                memory: (cgi.memory < u64::MAX).then_some(cgi.memory),
                processes: (cgi.processes > 0).then_some(cgi.processes as u64),
            },
        },
        warm_program: package.join("_warm_cgi.py"),
    })
}

fn mode(mode: CgiMode) -> Mode {
    match mode {
        CgiMode::Auto => Mode::Auto,
        CgiMode::Exec => Mode::Exec,
        CgiMode::Warm => Mode::Warm,
        CgiMode::Resident => Mode::Resident,
    }
}

fn environment(cgi: &CgiSettings) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut environment: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let own = |name: &str| std::env::var_os(name).map(OsString::into_vec);
    let handed_on = HANDED_ON.iter().map(|name| (*name, own(name)));
    let asked = cgi.variables.iter().map(|variable| {
        let value = variable.value.as_ref().map(|value| value.as_bytes().to_vec());
        (variable.name.as_str(), value.or_else(|| own(&variable.name)))
    });
    for (name, value) in handed_on.chain(asked) {
        if let Some(value) = value {
            environment.retain(|(other, _)| other != name.as_bytes());
            environment.push((name.as_bytes().to_vec(), value));
        }
    }
    if !environment.iter().any(|(name, _)| name == b"PATH") {
        environment.push((b"PATH".to_vec(), PATH.to_vec()));
    }
    environment
}

/// The DIR of `cgi:DIR`. A module of that name beside us is meant instead, as it would be without the colon.
pub(crate) fn directory(target: &str) -> Option<&str> {
    let directory = target.strip_prefix("cgi:")?;
    let is_module = Path::new("cgi.py").exists() && !Path::new(directory).is_dir();
    (!is_module).then_some(directory)
}

/// Ends the programs of a worker shortly before its own time is over: `drain` is readable when it must finish, within
/// `graceful`. What runs then would be killed with the worker, and its programs would go on without anybody to see to them.
///
/// # Errors
/// There are no more descriptors, or threads.
pub(crate) fn end_in_time(programs: &[Arc<CgiPrograms>], drain: &OwnedFd, graceful: Duration) -> io::Result<()> {
    /// From SIGTERM to SIGKILL, and from there to the end of the worker.
    const NOTICE: Duration = Duration::from_millis(500);
    if programs.is_empty() {
        return Ok(());
    }
    let (programs, drain) = (programs.to_vec(), drain.try_clone()?);
    std::thread::Builder::new().name("millau-cgi-end".into()).spawn(move || {
        while !matches!(poll(&mut [PollFd::new(&drain, PollFlags::IN)], None), Ok(1..)) {}
        std::thread::sleep(graceful.saturating_sub(2 * NOTICE));
        programs.iter().for_each(|programs| programs.end_all());
        std::thread::sleep(NOTICE);
        programs.iter().for_each(|programs| programs.kill_all());
    })?;
    Ok(())
}
