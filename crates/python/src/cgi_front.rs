//! `millau cgi`: this process is a CGI program.

use std::time::Duration;

use millau_cgi_front::{Ending, Options, Streams};
use millau_config::Settings;
use pyo3::exceptions::PySystemExit;
use pyo3::prelude::*;

use crate::application::wsgi::Surroundings;
use crate::command;
use crate::host::{self, PythonHost};

const DONE: i32 = 0;
const BROKEN: i32 = 1;
const USAGE: i32 = 2;
const NOT_LOADED: i32 = 3;

/// How long the web server may take to read a response that is shorter than any buffer on the way.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers the request that the environment describes, and gives the exit code: 0 where the response is whole.
pub(crate) fn run(py: Python<'_>, settings: &Settings) -> i32 {
    let options = options(settings);
    // Before anything is imported that might print.
    let streams = match Streams::take() {
        Ok(streams) => streams,
        Err(error) => {
            eprintln!("millau cgi: standard output, where the response belongs, cannot be used: {error}");
            return BROKEN;
        }
    };
    hear_the_end(py);
    if let Err(error) = prepare(settings) {
        eprintln!("{error}");
        return refuse(streams, USAGE);
    }
    let surroundings = Surroundings { multithread: false, multiprocess: true, run_once: true, debug: settings.debug };
    let application = match PythonHost::new(py, settings, Vec::new(), None).load_for(surroundings) {
        Ok(application) => application,
        Err(error) => {
            log::error!("{error}");
            return refuse(streams, NOT_LOADED);
        }
    };
    let ending = py.detach(|| millau_cgi_front::serve(&*application, std::env::vars_os(), streams, &options));
    match ending {
        Ending::Complete => end(py, DONE),
        Ending::Broken => end(py, BROKEN),
        // SAFETY: `_exit` ends the process and touches nothing of it.
        Ending::Forked => unsafe { libc::_exit(DONE) },
    }
}

/// Says in the web server's place that the command line is wrong; why, the caller has told standard error.
pub(crate) fn refuse_usage() -> i32 {
    match Streams::take() {
        Ok(streams) => refuse(streams, USAGE),
        Err(_) => USAGE,
    }
}

/// Sees to it that SIGTERM, with which web servers end a program whose client has gone, ends the application as any client
/// that goes does: `close()` and `finally` run. An application that handles the signal itself is left alone.
pub(crate) fn hear_the_end(py: Python<'_>) {
    let listen = || -> PyResult<bool> {
        // `signal` itself would have to be imported, with all that it needs.
        let signal = py.import("_signal")?;
        let default = signal.getattr("SIG_DFL")?;
        if !signal.call_method1("getsignal", (libc::SIGTERM,))?.eq(default)? {
            return Ok(false);
        }
        signal.call_method1("signal", (libc::SIGTERM, wrap_pyfunction!(end_program, py)?))?;
        Ok(true)
    };
    if !listen().unwrap_or(false) {
        return;
    }
    // SAFETY: the structure is valid for the call, and the handler does only what a handler may.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = note_the_end as extern "C" fn(libc::c_int) as libc::sighandler_t;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGTERM, &raw const action, std::ptr::null_mut());
    }
}

/// How long an application may take to end after SIGTERM.
const GRACE_SECONDS: libc::c_uint = 3;

/// Runs at once, whatever waits then.
extern "C" fn note_the_end(signal: libc::c_int) {
    millau_cgi_front::interrupt();
    // SAFETY: both are made for handlers of signals. The first has `end_program` called when the interpreter comes to it;
    // should it never come, SIGALRM ends the process.
    unsafe {
        pyo3::ffi::PyErr_SetInterruptEx(signal);
        libc::alarm(GRACE_SECONDS);
    }
}

/// Runs inside of the application. One that has waited for the web server has heard of it already, and may be closing.
#[pyfunction]
fn end_program(_signal: &Bound<'_, PyAny>, _frame: &Bound<'_, PyAny>) -> PyResult<()> {
    if millau_cgi_front::is_interrupt_heard() { Ok(()) } else { Err(PySystemExit::new_err(BROKEN)) }
}

fn prepare(settings: &Settings) -> Result<(), String> {
    command::enter(settings)?;
    millau_log::install(&settings.error_log, settings.log_level).map_err(|error| format!("millau: {error}"))?;
    for warning in &settings.warnings {
        log::warn!("{warning}");
    }
    Ok(())
}

fn refuse(streams: Streams, code: i32) -> i32 {
    millau_cgi_front::refuse(streams, 500, std::env::vars_os(), PATIENCE);
    code
}

/// What the front has to know.
pub(crate) fn options(settings: &Settings) -> Options {
    Options {
        body_size: settings.limits.body_size,
        request_buffer: settings.limits.request_buffer,
        body_timeout: settings.timeouts.body,
        send_timeout: settings.timeouts.send,
    }
}

/// Ends the process without taking the interpreter apart, which can take as long as a request; what the application has
/// registered for the end runs, and what it has printed is written. If threads still run, Python waits for them as usual.
fn end(py: Python<'_>, code: i32) -> i32 {
    let modules = || py.import("sys")?.getattr("modules");
    let alone = || -> PyResult<bool> {
        match modules()?.get_item("threading") {
            Ok(threading) => threading.call_method0("active_count")?.extract::<usize>().map(|count| count == 1),
            Err(_) => Ok(true),
        }
    };
    if !alone().unwrap_or(false) {
        return code;
    }
    if let Ok(atexit) = py.import("atexit") {
        let _ = atexit.call_method0("_run_exitfuncs");
    }
    host::flush_streams(py);
    // SAFETY: `_exit` ends the process and touches nothing of it.
    unsafe { libc::_exit(code) }
}
