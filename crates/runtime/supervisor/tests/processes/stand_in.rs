//! The command as far as the supervisor knows it, without Python and without HTTP.
//!
//! The folder that it is given controls it: `load` and `serve` say what loading and serving do, and are read anew each
//! time. Workers answer on the socket `front`: a client sends a line and gets lines.

use std::cell::RefCell;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record};
use millau_supervisor::{Fork, Host, LoadError, Orders, Pid, Seat, SupervisorSettings};
use rustix::event::{PollFd, PollFlags, poll};

/// The environment variable that names the folder, and makes this program the stand-in.
pub(crate) const FOLDER: &str = "STAND_IN_FOLDER";

/// Runs the supervisor and ends with its exit code.
pub(crate) fn main(folder: &Path) -> ! {
    log::set_logger(&Stderr).unwrap();
    log::set_max_level(LevelFilter::Debug);
    let listener = UnixListener::bind(folder.join("front")).unwrap();
    listener.set_nonblocking(true).unwrap();
    let settings = SupervisorSettings {
        workers: number("STAND_IN_WORKERS", 2),
        threads: 4,
        preload: number("STAND_IN_PRELOAD", 1) == 1,
        graceful_timeout: Duration::from_millis(number("STAND_IN_GRACEFUL_MS", 60_000)),
        startup_timeout: Some(Duration::from_millis(number("STAND_IN_STARTUP_MS", 60_000))),
        idle_timeout: Some(Duration::from_millis(number("STAND_IN_IDLE_MS", 0))).filter(|idle| !idle.is_zero()),
        reload: number("STAND_IN_RELOAD", 0) == 1,
        reload_directories: Vec::new(),
        application: "stand-in".to_owned(),
    };
    let host = StandIn { folder: folder.to_owned(), listener: RefCell::new(Some(listener)) };
    if number("STAND_IN_BLOCKED", 0) == 1 {
        block_signals();
    }
    let code = millau_supervisor::run(&settings, &host);
    // A forked process that comes back from `run` would say this a second time.
    eprintln!("run returned");
    std::process::exit(code)
}

fn number<T: FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// As a careless parent, or application, leaves them behind.
fn block_signals() {
    // SAFETY: the set is initialised before it is used, and the old mask is not asked for.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
    }
}

/// Lines as the error log writes them, each with one system call.
struct Stderr;

impl Log for Stderr {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let level = if record.level() == Level::Error { "ERROR" } else { "-" };
        let line = format!("{level} [{}] {}\n", std::process::id(), record.args());
        let _ = io::stderr().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

struct StandIn {
    folder: PathBuf,
    /// Until it is closed.
    listener: RefCell<Option<UnixListener>>,
}

impl StandIn {
    fn mode(&self, of: &str) -> String {
        fs::read_to_string(self.folder.join(of)).unwrap_or_default()
    }
}

impl Host for StandIn {
    fn fork(&self) -> io::Result<Fork> {
        // SAFETY: the supervisor and its templates have one thread, so the child may do anything.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => Ok(Fork::Child),
            pid => Ok(Fork::Parent(Pid::from_raw(pid).unwrap())),
        }
    }

    fn load(&self) -> Result<(), LoadError> {
        log::info!("loading");
        match self.mode("load").as_str() {
            "fail" => return Err(LoadError::new("Traceback: no module named 'site'")),
            "die" => std::process::abort(),
            "panic" => panic!("a panic while loading"),
            "hang" => loop {
                std::thread::park();
            },
            "threads" => drop(std::thread::spawn(|| {
                loop {
                    std::thread::park();
                }
            })),
            "child" => {
                // A child that has ended and that nobody waits for.
                drop(std::process::Command::new("true").spawn().unwrap());
            }
            "daemon" => {
                // SAFETY: this process has one thread; the child only waits.
                while unsafe { libc::fork() } == 0 {
                    std::thread::park();
                }
            }
            "handlers" => {
                // SAFETY: ignoring a signal runs no code of ours.
                unsafe {
                    libc::signal(libc::SIGTERM, libc::SIG_IGN);
                    libc::signal(libc::SIGCHLD, libc::SIG_IGN);
                }
                block_signals();
            }
            _ => {}
        }
        Ok(())
    }

    fn settle(&self) -> usize {
        fs::read_dir("/proc/self/task").unwrap().count() - 1
    }

    fn sources(&self) -> Vec<PathBuf> {
        vec![self.folder.join("source")]
    }

    fn stop_listening(&self) {
        self.listener.take();
    }

    fn serve(&self, seat: Seat, orders: Orders, ready: &mut dyn FnMut()) -> i32 {
        let mode = self.mode("serve");
        let listener = self.listener.take().expect("the supervisor closed it before the fork");
        match mode.as_str() {
            "die early" => std::process::abort(),
            "hang early" => loop {
                std::thread::park();
            },
            _ => {}
        }
        ready();
        log::info!("serving on seat {}", seat.number());
        match mode.as_str() {
            "die late" => std::process::abort(),
            "panic" => panic!("a panic while serving"),
            _ => {}
        }
        loop {
            let mut sources = [
                PollFd::from_borrowed_fd(orders.drain.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN),
            ];
            // The signal that says drain interrupts the wait for it.
            if poll(&mut sources, None).is_err() {
                continue;
            }
            if !sources[0].revents().is_empty() {
                return 0;
            }
            if let Ok((client, _)) = listener.accept() {
                // A client that is gone is no reason to end.
                let _ = answer(client, seat);
            }
        }
    }
}

/// `pid`: the number of the worker. `slow`: says `begun`, and `done` when the client has sent another line.
fn answer(mut client: UnixStream, seat: Seat) -> io::Result<()> {
    client.set_nonblocking(false)?;
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let Some(line) = lines.next().transpose()? else { return Ok(()) };
    seat.begin(0, b"GET", format!("/{line}?a=1").as_bytes());
    if line == "slow" {
        client.write_all(b"begun\n")?;
        lines.next().transpose()?;
        client.write_all(b"done\n")?;
    } else {
        client.write_all(format!("{}\n", std::process::id()).as_bytes())?;
    }
    seat.end(0);
    Ok(())
}
