//! The command `millau`: from arguments to an exit code.

use std::ffi::OsString;
use std::io::Write as _;
use std::sync::Arc;

use millau_config::{Deployment, Examination, Invocation, Settings, parse};
use millau_front_server::Surroundings;
use millau_listener::Listener;
use millau_log::{AccessLog, LogError};
use millau_supervisor::SupervisorSettings;
use pyo3::prelude::*;

use crate::doctor;
use crate::host::PythonHost;
use crate::{cgi_front, relay, script};

const DONE: i32 = 0;
const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const NO_LISTENER: i32 = 4;

/// Runs the command line `millau` with these arguments (without the program's name) and gives the exit code:
/// 0 done, 2 usage or a bad value, 3 the application cannot be loaded, 4 a listener cannot be opened, 1 anything else.
///
/// In a forked process it does not return.
#[pyfunction]
#[pyo3(signature = (arguments, /))]
pub(crate) fn main(py: Python<'_>, arguments: Vec<OsString>) -> i32 {
    millau_log::open_closed_standard_streams();
    let is_cgi = arguments.first().is_some_and(|command| command == "cgi");
    let program = std::iter::once(OsString::from("millau"));
    let invocation = script::expand(arguments).and_then(|arguments| {
        let paste_server = script::paste_server(&arguments);
        parse(program.chain(arguments), std::env::vars_os(), &paste_server).map_err(|error| error.to_string())
    });
    match invocation {
        Ok(Invocation::Print(text)) => {
            // A reader that has gone (`millau --help | head -1`) is no failure.
            let _ = std::io::stdout().write_all(text.as_bytes());
            DONE
        }
        Ok(Invocation::Serve(settings)) => serve(py, &settings),
        Ok(Invocation::Cgi(settings)) => cgi_front::run(py, &settings),
        Ok(Invocation::Relay(script)) => relay::write(py, &script),
        Ok(Invocation::Config(deployment)) => config(&deployment),
        Ok(Invocation::Doctor(examination)) => doctor(py, &examination),
        Err(error) => {
            eprintln!("{error}");
            if is_cgi { cgi_front::refuse_usage() } else { USAGE }
        }
    }
}

/// Prints what is wrong; the exit code says whether anything is.
fn doctor(py: Python<'_>, examination: &Examination) -> i32 {
    match doctor::examine(py, examination, &mut std::io::stdout().lock()) {
        Ok(true) => DONE,
        Ok(false) => FAILURE,
        Err(error) => {
            eprintln!("millau: {error}");
            USAGE
        }
    }
}

/// Prints the configuration; with `--check`, says on standard error what the front server thinks of it.
fn config(deployment: &Deployment) -> i32 {
    let here = Surroundings::here();
    let _ = std::io::stdout().write_all(millau_front_server::configuration(deployment, &here).as_bytes());
    if !deployment.check {
        return DONE;
    }
    match millau_front_server::check(deployment, &here) {
        Ok(program) => {
            eprintln!("millau: {} finds nothing wrong with this configuration", program.display());
            DONE
        }
        Err(error) => {
            eprintln!("millau: {error}");
            FAILURE
        }
    }
}

/// Goes where the application is to run. Python would take a directory for its path that is not there without a word.
pub(crate) fn enter(settings: &Settings) -> Result<(), String> {
    if let Some(directory) = &settings.chdir {
        std::env::set_current_dir(directory)
            .map_err(|error| format!("millau: --chdir: cannot change to '{}': {error}", directory.display()))?;
    }
    for place in &settings.pythonpath {
        place.metadata().map_err(|error| format!("millau: --pythonpath: cannot use '{}': {error}", place.display()))?;
    }
    Ok(())
}

fn serve(py: Python<'_>, settings: &Settings) -> i32 {
    if let Err(error) = enter(settings) {
        eprintln!("{error}");
        return USAGE;
    }
    if let Err(error) = millau_log::install(&settings.error_log, settings.log_level) {
        eprintln!("millau: {error}");
        return FAILURE;
    }
    for warning in &settings.warnings {
        log::warn!("{warning}");
    }
    raise_descriptor_limit(settings.limits.connections);
    give_memory_back();
    let access_log = match open_access_log(settings) {
        Ok(access_log) => access_log,
        Err(error) => {
            eprintln!("millau: {error}");
            return FAILURE;
        }
    };
    let listeners = match open_listeners(py, settings) {
        Ok(listeners) => listeners,
        Err(error) => {
            eprintln!("millau: {error}");
            return NO_LISTENER;
        }
    };
    for listener in &listeners {
        log::info!("listening on {}", listener.url());
    }
    let supervisor = supervisor(settings);
    let host = PythonHost::new(py, settings, listeners, access_log);
    millau_supervisor::run(&supervisor, &host)
}

/// What the supervisor has to know.
pub(crate) fn supervisor(settings: &Settings) -> SupervisorSettings {
    SupervisorSettings {
        workers: settings.workers,
        threads: settings.threads,
        preload: settings.preload,
        graceful_timeout: settings.timeouts.graceful,
        idle_timeout: Some(settings.timeouts.exit_when_idle).filter(|time| !time.is_zero()),
        reload: settings.reload,
        reload_directories: std::env::current_dir().into_iter().chain(settings.pythonpath.iter().cloned()).collect(),
        application: settings.title(),
        ..SupervisorSettings::default()
    }
}

/// The access log, if one is wanted.
pub(crate) fn open_access_log(settings: &Settings) -> Result<Option<Arc<AccessLog>>, LogError> {
    let open = |target| AccessLog::open(target, settings.access_log_format).map(Arc::new);
    settings.access_log.as_ref().map(open).transpose()
}

/// Lets large buffers go back to the system when they are freed. Left to itself, the C library keeps whatever sizes it has
/// seen, so that a worker would stay as large as its largest bodies ever made it.
#[cfg(target_env = "gnu")]
fn give_memory_back() {
    /// From this size on a buffer is a mapping of its own; bodies of ordinary size stay below.
    const MAPPED_FROM: libc::c_int = 512 * 1024;
    /// So much may lie unused at the end of the heap.
    const KEPT: libc::c_int = 16 * 1024 * 1024;
    /// Heaps that threads share. By default there are eight for each processor, and each keeps what its largest moment took.
    const HEAPS: libc::c_int = 2;
    if std::env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with("MALLOC_")) {
        // The operator has decided.
        return;
    }
    // SAFETY: sets three numbers of the allocator, while this process has one thread.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_ARENA_MAX, HEAPS);
    }
}

#[cfg(not(target_env = "gnu"))]
fn give_memory_back() {}

/// Asks for as many descriptors as the connections need, if the system's hard limit lets us; says so where it does not.
fn raise_descriptor_limit(connections: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// What a worker and its application need besides.
    const BESIDES: u64 = 256;
    let wanted = connections as u64 + BESIDES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let possible = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(possible), maximum: limit.maximum });
    if raised.is_err() || possible < wanted {
        log::warn!(
            "the limit of open files is {possible}: it ends before --limit-connections {connections} is reached \
             (raise it with ulimit -n or LimitNOFILE)"
        );
    }
}

/// Opens what is asked for, or takes what the service manager has passed in.
pub(crate) fn open_listeners(
    py: Python<'_>,
    settings: &Settings,
) -> Result<Vec<Arc<Listener>>, millau_listener::ListenError> {
    if !settings.binds_given
        && let Some(activation) = millau_listener::systemd_listeners(|name| std::env::var_os(name))?
    {
        // What this process starts must not take the sockets for its own (sd_listen_fds(3)).
        for variable in activation.variables {
            let _ = py.import("os").and_then(|os| os.getattr("environ")?.call_method1("pop", (variable, py.None())));
        }
        return Ok(activation.listeners.into_iter().map(Arc::new).collect());
    }
    settings.binds.iter().map(|bind| Listener::open(bind, settings.backlog, settings.unix_mode).map(Arc::new)).collect()
}
