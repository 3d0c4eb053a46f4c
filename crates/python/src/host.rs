//! What the supervisor asks from an interpreter: fork, import, serve.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millau_cgi_program::CgiPrograms;
use millau_config::Settings;
use millau_doctor::Witness;
use millau_gateway::{Application, Routes};
use millau_listener::Listener;
use millau_log::AccessLog;
use millau_server::{Board, Options, Timeouts, Worker};
use millau_static_files::StaticFiles;
use millau_supervisor::{Fork, Host, LoadError, Orders, Role, Seat};
use pyo3::prelude::*;
use rustix::process::Pid;

use crate::application::cgi;
use crate::application::outside::Outside;
use crate::application::wsgi::{Surroundings, WsgiApplication};
use crate::load;
use crate::survey;

/// The interpreter that this process is. All methods run on its main thread, which holds it.
pub(crate) struct PythonHost<'a> {
    pub(crate) py: Python<'a>,
    pub(crate) settings: &'a Settings,
    listeners: RefCell<Vec<Arc<Listener>>>,
    access_log: Option<Arc<AccessLog>>,
    loaded: RefCell<Option<Arc<dyn Application>>>,
    /// The application was there before the host.
    given: Cell<bool>,
    /// Those of the applications that start processes.
    programs: RefCell<Vec<Arc<CgiPrograms>>>,
}

impl<'a> PythonHost<'a> {
    pub(crate) fn new(
        py: Python<'a>,
        settings: &'a Settings,
        listeners: Vec<Arc<Listener>>,
        access_log: Option<Arc<AccessLog>>,
    ) -> Self {
        Self {
            py,
            settings,
            listeners: RefCell::new(listeners),
            access_log,
            loaded: RefCell::new(None),
            given: Cell::new(false),
            programs: RefCell::default(),
        }
    }

    /// What a target names, whatever its kind, and whether it runs Python while the interpreter is held for it.
    pub(crate) fn application(
        &self,
        target: &str,
        surroundings: Surroundings,
    ) -> Result<(Arc<dyn Application>, bool), String> {
        let py = self.py;
        if let Some(directory) = load::static_directory(target) {
            let files = StaticFiles::new(Path::new(directory));
            let files = files.map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => format!("cannot load '{target}': there is no directory '{directory}'"),
                _ => format!("cannot load '{target}': '{directory}': {error}"),
            })?;
            return Ok((Arc::new(files), false));
        }
        if let Some(directory) = cgi::directory(target) {
            let programs = cgi::programs(py, self.settings, directory);
            let programs = programs.map_err(|error| format!("cannot load '{target}': {error}"))?;
            let programs = Arc::new(programs);
            self.programs.borrow_mut().push(programs.clone());
            return Ok((programs, false));
        }
        if load::is_directory(target) {
            return survey::directory(self, target, surroundings);
        }
        let callable = match load::mod_python(py, target, self.settings)? {
            Some(callable) => callable,
            None => load::application(py, target)?,
        };
        let application = WsgiApplication::new(py, callable, surroundings).map_err(|error| error.to_string())?;
        Ok((Arc::new(application), true))
    }

    /// Imports the applications that the settings name and puts them at their paths.
    pub(crate) fn load_for(&self, surroundings: Surroundings) -> Result<Arc<dyn Application>, LoadError> {
        let py = self.py;
        let here = std::env::current_dir().unwrap_or_default();
        let directories = self.settings.pythonpath.iter().rev().map(|directory| here.join(directory));
        for directory in directories.chain([here.clone()]) {
            load::put_on_path(py, &directory).map_err(|error| LoadError::new(error.to_string()))?;
        }
        let mut mounts: Vec<(String, Arc<dyn Application>, bool)> = Vec::new();
        let mut any_python = false;
        for (prefix, target) in self.settings.applications() {
            let (application, runs_python) = self.application(target, surroundings).map_err(LoadError::new)?;
            any_python |= runs_python;
            mounts.push((prefix.to_owned(), application, runs_python));
        }
        let mounts = mounts.into_iter().map(|(prefix, application, runs_python)| {
            let must_let_go = any_python && !runs_python;
            (prefix, if must_let_go { Arc::new(Outside(application)) as Arc<dyn Application> } else { application })
        });
        let mounts: Vec<_> = mounts.collect();
        let application: Arc<dyn Application> = match mounts.as_slice() {
            [(prefix, application)] if prefix.is_empty() || prefix == "/" => application.clone(),
            _ => Arc::new(Routes::new(mounts).map_err(|error| LoadError::new(error.to_string()))?),
        };
        for programs in &*self.programs.borrow() {
            programs.redirects().set_root(&application);
        }
        Ok(match self.settings.doctor_token.as_str() {
            "" => application,
            token => Arc::new(Witness::new(application, token)),
        })
    }

    /// Lets a new generation listen where the file of a socket has been removed; the one before has the old socket.
    fn reopen_listeners(&self) {
        for listener in &mut *self.listeners.borrow_mut() {
            match listener.reopen(self.settings.backlog, self.settings.unix_mode) {
                None => {}
                Some(Ok(new)) => {
                    log::warn!("listening on {} anew: the socket's file had been removed or replaced", new.url());
                    *listener = Arc::new(new);
                }
                Some(Err(error)) => log::warn!(
                    "{error}; the socket's file had been removed or replaced, and nobody reaches this server there before \
                     that is mended and it gets SIGHUP again"
                ),
            }
        }
    }

    /// Takes an application that is loaded already; nothing else will be.
    pub(crate) fn give(&self, application: Arc<dyn Application>) {
        self.loaded.replace(Some(application));
        self.given.set(true);
    }

    /// What a worker has to know.
    pub(crate) fn options(&self) -> Options {
        let (limits, timeouts) = (&self.settings.limits, &self.settings.timeouts);
        let limits_on_the_wire = millau_http1::Limits {
            head_size: limits.head_size,
            target_size: limits.target_size,
            fields: limits.fields,
            body_size: limits.body_size,
            ..millau_http1::Limits::default()
        };
        Options {
            limits: limits_on_the_wire,
            request_buffer: limits.request_buffer,
            response_buffer: limits.response_buffer,
            request_spool: limits.request_spool,
            response_spool: limits.response_spool,
            connections: limits.connections,
            timeouts: Timeouts {
                header: timeouts.header,
                body: timeouts.body,
                keep_alive: timeouts.keep_alive,
                send: timeouts.send,
                crowded_send: timeouts.crowded_send,
                request: timeouts.request,
                graceful: timeouts.graceful,
            },
            threads_min: self.settings.threads_min,
            threads_max: self.settings.threads,
            server_field: self.settings.server_header.clone().into_bytes(),
            front_servers: self.settings.front_servers.clone(),
            web_server_addresses: self.settings.web_servers.clone(),
            forwarded_from: self.settings.forwarded_from.clone(),
            ajp_secret: self.settings.ajp_secret.clone().into_bytes(),
            ajp_packet_size: self.settings.ajp_packet_size,
            ajp_paths: self.settings.ajp_paths,
            access_log: self.access_log.clone(),
        }
    }
}

/// Writes what was printed and is not written.
pub(crate) fn flush_streams(py: Python<'_>) {
    for name in ["stdout", "stderr"] {
        if let Ok(stream) = py.import("sys").and_then(|sys| sys.getattr(name)) {
            let _ = stream.call_method0("flush");
        }
    }
}

impl Host for PythonHost<'_> {
    fn fork(&self) -> io::Result<Fork> {
        // A new generation begins with the log files that stand at their paths now: so SIGHUP rotates them.
        if let Err(error) = millau_log::reopen() {
            log::warn!("the error log goes on in the old file: {error}");
        }
        if let Some(Err(error)) = self.access_log.as_ref().map(|log| log.reopen()) {
            log::warn!("the access log goes on in the old file: {error}");
        }
        self.reopen_listeners();
        let forked = self.py.import("os").and_then(|os| os.call_method0("fork")).and_then(|pid| pid.extract::<i32>());
        match forked {
            Ok(0) => Ok(Fork::Child),
            Ok(pid) => {
                Pid::from_raw(pid).map(Fork::Parent).ok_or_else(|| io::Error::other("os.fork() gave no process"))
            }
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }

    fn load(&self) -> Result<(), LoadError> {
        if self.given.get() {
            return Ok(());
        }
        let surroundings = Surroundings {
            multithread: self.settings.threads > 1,
            multiprocess: self.settings.workers > 1,
            run_once: false,
            debug: self.settings.debug,
        };
        let application = self.load_for(surroundings)?;
        // It may have closed them while it was imported, and the server is about to open descriptors of its own.
        millau_log::open_closed_standard_streams();
        self.loaded.replace(Some(application));
        Ok(())
    }

    fn settle(&self) -> usize {
        let freeze = || -> PyResult<()> {
            let gc = self.py.import("gc")?;
            gc.call_method0("collect")?;
            gc.call_method0("freeze")?;
            Ok(())
        };
        // What the import has printed would be printed again by each worker.
        flush_streams(self.py);
        if let Err(error) = freeze() {
            log::warn!("the heap could not be frozen before the fork: {error}; workers will share less memory");
        }
        std::fs::read_dir("/proc/self/task").map_or(0, |threads| threads.count().saturating_sub(1))
    }

    fn sources(&self) -> Vec<PathBuf> {
        let files = || -> PyResult<Vec<PathBuf>> {
            let mut files = Vec::new();
            let modules = self.py.import("sys")?.getattr("modules")?.call_method0("values")?;
            let modules = pyo3::types::PyList::new(self.py, modules.try_iter()?.collect::<PyResult<Vec<_>>>()?)?;
            for module in modules.iter() {
                if let Ok(Some(file)) = module.getattr_opt("__file__")
                    && let Ok(file) = file.extract::<PathBuf>()
                {
                    files.push(file);
                }
            }
            Ok(files)
        };
        files().unwrap_or_default()
    }

    fn serve(&self, seat: Seat, orders: Orders, ready: &mut dyn FnMut()) -> i32 {
        let Some(application) = self.loaded.borrow().clone() else {
            log::error!("engine error: a worker was started before the application was loaded");
            return 1;
        };
        let board: Box<dyn Board> = Box::new(Scoreboard(seat));
        if let Err(error) = cgi::end_in_time(&self.programs.borrow(), &orders.drain, orders.graceful) {
            log::error!("engine error: CGI programs cannot be ended with the worker: {error}");
        }
        let worker = Worker::new(self.options(), application, self.listeners.take(), orders.drain, Some(board));
        let worker = match worker {
            Ok(worker) => worker,
            Err(error) => {
                log::error!("{error}");
                return 1;
            }
        };
        ready();
        match self.py.detach(|| worker.run()) {
            Ok(()) => 0,
            Err(error) => {
                log::error!("{error}");
                1
            }
        }
    }

    fn stop_listening(&self) {
        self.listeners.take();
    }

    fn exit(&self, role: Role, code: i32) -> ! {
        if role == Role::Worker {
            // What they have left running has nobody any more who sees to it.
            self.programs.borrow().iter().for_each(|programs| programs.kill_all());
            // What an application has registered with atexit runs in each worker, as it would at the end of any process.
            // Threads that still run Python are not waited for.
            if let Ok(atexit) = self.py.import("atexit") {
                let _ = atexit.call_method0("_run_exitfuncs");
            }
        }
        flush_streams(self.py);
        // SAFETY: `_exit` ends the process and touches nothing of it.
        unsafe { libc::_exit(code) }
    }
}

/// The seat of this worker on the supervisor's scoreboard.
struct Scoreboard(Seat);

impl Board for Scoreboard {
    fn begin(&self, thread: usize, method: &[u8], target: &[u8]) {
        self.0.begin(thread, method, target);
    }

    fn end(&self, thread: usize) {
        self.0.end(thread);
    }

    fn connections(&self, open: usize) {
        self.0.connections(open);
    }
}
