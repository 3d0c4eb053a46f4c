//! Starts a stand-in, talks to it, and knows all of its processes.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::stand_in;

/// Nothing here takes seconds; whoever waits this long waits for something that does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running stand-in. All of its processes are in one process group, and are killed with the value.
pub(crate) struct Running {
    child: Child,
    pub(crate) folder: PathBuf,
    log: Arc<Mutex<String>>,
}

/// A stand-in to be started.
pub(crate) struct Start {
    folder: PathBuf,
    command: Command,
}

impl Start {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("millau-processes-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("source"), "1").unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(stand_in::FOLDER, &folder).env("RUST_BACKTRACE", "0").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Self { folder, command }
    }

    /// A setting of the stand-in.
    pub(crate) fn set(mut self, name: &str, value: u32) -> Self {
        self.command.env(format!("STAND_IN_{name}"), value.to_string());
        self
    }

    /// What `load` or `serve` does.
    pub(crate) fn mode(self, of: &str, mode: &str) -> Self {
        fs::write(self.folder.join(of), mode).unwrap();
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, copy) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = copy.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Running { child, folder: self.folder, log }
    }

    /// Starts it and waits until the first generation serves.
    pub(crate) fn ready(self) -> Running {
        let running = self.start();
        running.wait_for("ready: generation 1,");
        running
    }
}

impl Running {
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_for_times(text, 1);
    }

    pub(crate) fn wait_for_times(&self, text: &str, times: usize) {
        self.until(&format!("{text:?} is {times} times in the log"), || self.log().matches(text).count() >= times);
    }

    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begin = Instant::now();
        while !holds() {
            assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}; the log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The number of the supervisor.
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal);
    }

    pub(crate) fn signal_all(&self, signal: Signal) {
        kill_process_group(Pid::from_raw(self.pid()).unwrap(), signal).unwrap();
    }

    /// Waits for the supervisor to end by itself, and for all others; gives its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let mut status = None;
        let begin = Instant::now();
        while status.is_none() {
            assert!(begin.elapsed() < PATIENCE, "the supervisor did not end; the log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
            status = self.child.try_wait().unwrap();
        }
        self.until("all processes have ended", || self.processes().is_empty());
        status.unwrap().code()
    }

    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// All of its processes, the dead included that nobody has waited for.
    pub(crate) fn processes(&self) -> BTreeSet<i32> {
        let own = |entry: &Stat| entry.group == self.pid() && !(entry.pid == self.pid() && entry.state == 'Z');
        all_processes().into_iter().filter(own).map(|entry| entry.pid).collect()
    }

    /// The processes whose parent is this one.
    pub(crate) fn children_of(&self, parent: i32) -> BTreeSet<i32> {
        all_processes().into_iter().filter(|entry| entry.parent == parent).map(|entry| entry.pid).collect()
    }

    /// The only template.
    pub(crate) fn template(&self) -> i32 {
        let templates = self.children_of(self.pid());
        assert_eq!(templates.len(), 1, "the log:\n{}", self.log());
        templates.into_iter().next().unwrap()
    }

    /// The workers of the only template.
    pub(crate) fn workers(&self) -> BTreeSet<i32> {
        self.children_of(self.template())
    }

    /// The same once there are as many as given, and no other process besides them, the template and the supervisor.
    pub(crate) fn settled(&self, workers: usize) -> BTreeSet<i32> {
        let is_settled = || {
            self.processes().len() == workers + 2
                && self.children_of(self.pid()).len() == 1
                && self.workers().len() == workers
        };
        self.until(&format!("there are {workers} workers and nothing else"), is_settled);
        self.workers()
    }

    /// Sends a line and gives everything that is answered.
    pub(crate) fn ask(&self, line: &str) -> String {
        ask(&self.folder, line)
    }

    /// Begins a request that ends when it is told to.
    pub(crate) fn slow(&self) -> Slow {
        let mut stream = UnixStream::connect(self.folder.join("front")).unwrap();
        stream.write_all(b"slow\n").unwrap();
        let mut begun = [0; 6];
        stream.read_exact(&mut begun).unwrap();
        assert_eq!(&begun, b"begun\n");
        Slow { stream }
    }

    pub(crate) fn mode(&self, of: &str, mode: &str) {
        fs::write(self.folder.join(of), mode).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.pid()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A request in progress.
pub(crate) struct Slow {
    stream: UnixStream,
}

impl Slow {
    /// Lets it end, and gives the rest of the answer: nothing if the worker is gone.
    pub(crate) fn end(mut self) -> String {
        let mut answer = String::new();
        let _ = self.stream.write_all(b"end\n");
        let _ = self.stream.read_to_string(&mut answer);
        answer
    }
}

/// Sends a line to the front of a stand-in and gives everything that is answered.
pub(crate) fn ask(folder: &Path, line: &str) -> String {
    let mut stream = UnixStream::connect(folder.join("front")).unwrap();
    stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn kill(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// What the descriptors of a process are open on, as the system names it, without the numbers of sockets and pipes.
pub(crate) fn descriptors(pid: i32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let mut names: Vec<String> = entries
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .map(|target| target.to_string_lossy().split(":[").next().unwrap_or_default().to_owned())
        .collect();
    names.sort();
    names
}

/// How often a process has waited for something.
pub(crate) fn sleeps(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

struct Stat {
    pid: i32,
    parent: i32,
    group: i32,
    state: char,
}

fn all_processes() -> Vec<Stat> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name is in parentheses and may contain anything.
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            Some(Stat {
                pid,
                state: fields.next()?.chars().next()?,
                parent: fields.next()?.parse().ok()?,
                group: fields.next()?.parse().ok()?,
            })
        })
        .collect()
}
