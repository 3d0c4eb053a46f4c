//! Serving a callable that this process has already: for programs that start their own server, as with flup or Paste.

use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};

use millau_cgi_front::{Ending, Streams};
use millau_config::{Invocation, PasteServer, Settings, parse};
use millau_gateway::{Application, Routes};
use millau_log::LogError;
use millau_server::Worker;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::application::wsgi::{Surroundings, WsgiApplication};
use crate::cgi_front;
use crate::command;
use crate::host::PythonHost;

/// Serves `application` in this process until SIGTERM, SIGINT or SIGHUP comes; true after SIGHUP. With more than one worker
/// it is served by forks of this process, and SIGHUP replaces them.
///
/// `name` is what the log calls it; `settings` are those of `millau serve`, each by its name and as it would be written
/// there; `script_name` is the path that leads to the application, empty at the root.
///
/// # Errors
/// `ValueError`: a setting is wrong. `OSError`: it is not possible to listen. `RuntimeError`: anything else.
#[pyfunction]
#[pyo3(signature = (application, name, settings, script_name = "", /))]
pub(crate) fn serve(
    py: Python<'_>,
    application: Py<PyAny>,
    name: &str,
    settings: Vec<(String, String)>,
    script_name: &str,
) -> PyResult<bool> {
    let settings = read(name, settings)?;
    prepare(&settings)?;
    let surroundings = Surroundings {
        multithread: settings.threads > 1,
        multiprocess: settings.workers > 1,
        run_once: false,
        debug: settings.debug,
    };
    let application: Arc<dyn Application> = Arc::new(WsgiApplication::new(py, application, surroundings)?);
    let application = if script_name.is_empty() {
        application
    } else {
        let routes = Routes::new([(script_name.to_owned(), application)]);
        Arc::new(routes.map_err(|error| PyValueError::new_err(error.to_string()))?)
    };
    // Before anybody can be told that this process serves.
    let orders = if settings.workers > 1 { None } else { Some(Signals::listen(py)?) };
    let access_log = command::open_access_log(&settings).map_err(|error| PyOSError::new_err(error.to_string()))?;
    let listeners = command::open_listeners(py, &settings).map_err(|error| PyOSError::new_err(error.to_string()))?;
    for listener in &listeners {
        log::info!("listening on {}", listener.url());
    }
    let Some(orders) = orders else {
        let supervisor = command::supervisor(&settings);
        let host = PythonHost::new(py, &settings, listeners, access_log);
        host.give(application);
        return match millau_supervisor::run(&supervisor, &host) {
            millau_supervisor::STOPPED => Ok(false),
            code => Err(PyRuntimeError::new_err(format!("the server ended with the code {code}; the log says why"))),
        };
    };
    let options = PythonHost::new(py, &settings, Vec::new(), access_log).options();
    let drain = orders.descriptor.try_clone()?;
    let worker = Worker::new(options, application, listeners, drain, None);
    let worker = worker.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    py.detach(|| worker.run_and_clear_up()).map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    Ok(orders.is_reload())
}

/// Answers the request that this process was started for as a CGI program, and tells whether the response is whole. Standard
/// output is of no use afterwards.
///
/// # Errors
/// `ValueError`: a setting is wrong. `OSError`: there is no standard output.
#[pyfunction]
#[pyo3(signature = (application, name, settings, /))]
pub(crate) fn answer_cgi(
    py: Python<'_>,
    application: Py<PyAny>,
    name: &str,
    settings: Vec<(String, String)>,
) -> PyResult<bool> {
    let settings = read(name, settings)?;
    prepare(&settings)?;
    let surroundings = Surroundings { multithread: false, multiprocess: true, run_once: true, debug: settings.debug };
    let application = WsgiApplication::new(py, application, surroundings)?;
    let streams = Streams::take()?;
    cgi_front::hear_the_end(py);
    let options = cgi_front::options(&settings);
    match py.detach(|| millau_cgi_front::serve(&application, std::env::vars_os(), streams, &options)) {
        Ending::Complete => Ok(true),
        Ending::Broken => Ok(false),
        // SAFETY: `_exit` ends the process and touches nothing of it.
        Ending::Forked => unsafe { libc::_exit(0) },
    }
}

/// What is about loading an application, or about others than this one.
const WITHOUT_EFFECT: [&str; 6] = ["mount", "chdir", "pythonpath", "python-option", "preload", "reload"];

/// The settings, those of the caller before those of the environment.
fn read(name: &str, settings: Vec<(String, String)>) -> PyResult<Settings> {
    let idle: Vec<String> = settings
        .iter()
        .map(|(name, _)| name.replace('_', "-"))
        .filter(|name| WITHOUT_EFFECT.contains(&name.as_str()) || name.starts_with("cgi-"))
        .collect();
    let passed = PasteServer::passed(settings).map_err(PyValueError::new_err)?;
    let line = ["millau", "serve", "--", name].map(OsString::from);
    match parse(line, std::env::vars_os(), &passed) {
        Ok(Invocation::Serve(mut settings)) => {
            let told = idle
                .iter()
                .map(|name| format!("the setting {name} has no effect where a program serves its own application"));
            settings.warnings.extend(told);
            Ok(*settings)
        }
        Ok(_) => Err(PyRuntimeError::new_err("the settings were understood as another command")),
        Err(error) => Err(PyValueError::new_err(error.to_string())),
    }
}

fn prepare(settings: &Settings) -> PyResult<()> {
    match millau_log::install(&settings.error_log, settings.log_level) {
        // A process that serves for the second time has its log already.
        Ok(()) | Err(LogError::Installed) => {}
        Err(error) => return Err(PyOSError::new_err(error.to_string())),
    }
    for warning in &settings.warnings {
        log::warn!("{warning}");
    }
    Ok(())
}

/// Where the handler writes, if anybody listens.
static PIPE: AtomicI32 = AtomicI32::new(-1);
static RELOAD: AtomicBool = AtomicBool::new(false);
/// The process that listens.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// The signals that end the serving, while this is there; afterwards they mean again what they meant before.
struct Signals {
    /// Readable when one has come.
    descriptor: OwnedFd,
    _write: OwnedFd,
    before: Vec<(libc::c_int, libc::sigaction)>,
}

impl Signals {
    /// Outside of the main thread, where Python allows nobody to handle signals, nothing but the end of the process ends
    /// the serving.
    fn listen(py: Python<'_>) -> PyResult<Self> {
        let (descriptor, write) =
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC | rustix::pipe::PipeFlags::NONBLOCK)
                .map_err(std::io::Error::from)?;
        let mut signals = Self { descriptor, _write: write, before: Vec::new() };
        let threading = py.import("threading")?;
        if !threading.call_method0("current_thread")?.is(&threading.call_method0("main_thread")?) {
            return Ok(signals);
        }
        RELOAD.store(false, SeqCst);
        PIPE.store(signals._write.as_raw_fd(), SeqCst);
        OWNER.store(std::process::id(), SeqCst);
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            // SAFETY: both structures are valid for the call, and the handler does only what a handler may.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = note as extern "C" fn(libc::c_int) as libc::sighandler_t;
                libc::sigemptyset(&raw mut action.sa_mask);
                let mut before: libc::sigaction = std::mem::zeroed();
                if libc::sigaction(signal, &raw const action, &raw mut before) == 0 {
                    signals.before.push((signal, before));
                }
            }
        }
        Ok(signals)
    }

    fn is_reload(&self) -> bool {
        !self.before.is_empty() && RELOAD.load(SeqCst)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for (signal, before) in &self.before {
            // SAFETY: it is what the same call has given.
            unsafe { libc::sigaction(*signal, before, std::ptr::null_mut()) };
        }
        if !self.before.is_empty() {
            PIPE.store(-1, SeqCst);
        }
    }
}

extern "C" fn note(signal: libc::c_int) {
    if std::process::id() != OWNER.load(SeqCst) {
        // SAFETY: both may be used in a handler. In a process that the application has forked off, the signal has its default
        // effect as soon as this returns.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
        return;
    }
    if signal == libc::SIGHUP {
        RELOAD.store(true, SeqCst);
    }
    // SAFETY: write is one of the calls that a handler may make; the descriptor is open as long as it stands here.
    unsafe { libc::write(PIPE.load(SeqCst), b"s".as_ptr().cast(), 1) };
}
