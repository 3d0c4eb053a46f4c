//! How much a CGI program may take, and how that is put on its process.

use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// How much of anything, for each worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Without any output, or any of the body taken; after the end of the output, until the process ends.
    pub time: Duration,
    /// Bytes of output for one request; [`u64::MAX`]: no limit.
    pub output: u64,
    /// Bytes of the header in the output.
    pub head: usize,
    /// Programs at a time.
    pub children: usize,
    /// Requests that wait for a program to end; beyond that they get 503.
    pub queue: usize,
    /// Warm interpreters at a time.
    pub warm_parents: usize,
    /// After this time without a request a warm interpreter is ended.
    pub warm_idle: Duration,
    /// What the kernel holds each process to.
    pub process: ProcessLimits,
}

/// Limits that the kernel puts on each process (setrlimit(2)); `None` leaves the server's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Seconds of processor time.
    pub cpu_seconds: Option<u64>,
    /// Bytes of address space.
    pub memory: Option<u64>,
    /// Processes of the server's user, all together.
    pub processes: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(60),
            output: 1 << 30,
            head: 64 * 1024,
            children: 64,
            queue: 128,
            warm_parents: 32,
            warm_idle: Duration::from_secs(300),
            process: ProcessLimits::default(),
        }
    }
}

impl ProcessLimits {
    /// Puts the limits on a process that has just been started; what that has started before keeps the server's own, for
    /// posix_spawn(3) has no limits to set. It leaves no core file in any case: that would fill the disk next to the script,
    /// and show memory to whoever can read it.
    pub(crate) fn apply(&self, pid: Pid) {
        let rows = [
            (Resource::Core, Some(0)),
            (Resource::Cpu, self.cpu_seconds),
            (Resource::As, self.memory),
            (Resource::Nproc, self.processes),
        ];
        for (resource, limit) in rows {
            let Some(limit) = limit else { continue };
            // A second more for the hard limit: SIGXCPU comes at the soft one and can be caught.
            let most = if resource == Resource::Cpu { limit + 1 } else { limit };
            // It has ended already, or the server's own limits are lower.
            let _ = prlimit(Some(pid), resource, Rlimit { current: Some(limit), maximum: Some(most) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_put_on_a_running_process() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let limits = ProcessLimits { cpu_seconds: Some(7), ..ProcessLimits::default() };
        limits.apply(Pid::from_child(&child));
        let shown = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let row = |name: &str| {
            let line = shown.lines().find(|line| line.starts_with(name)).unwrap();
            line[name.len()..].split_whitespace().take(2).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(row("Max cpu time"), "7 8");
        assert_eq!(row("Max core file size"), "0 0");
    }
}
