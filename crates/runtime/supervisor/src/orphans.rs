//! CGI programs whose worker was killed: nobody is left to end them but the supervisor, whose children they have become.
//!
//! They are told from what an application has detached on purpose by what every such program is given when it starts.

use std::collections::BTreeSet;
use std::fs;

use rustix::process::{Pid, Signal, getpgid, getpid, kill_process_group};

/// In the environment of a program that was executed for a request (RFC 3875 §4.1.4).
const EXECUTED: &[u8] = b"GATEWAY_INTERFACE=CGI/";
/// In the command line of a warm interpreter, and so of what it has forked for a request.
const FORKED: &[u8] = b"_warm_cgi.py";

/// Ends the orphaned programs with all that they have started, and says how many groups of processes that were.
pub(crate) fn end_programs() -> usize {
    let processes: Vec<Process> = fs::read_dir("/proc").map_or_else(
        |_| Vec::new(),
        |entries| {
            let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
            numbers.filter_map(Process::look).collect()
        },
    );
    let mut orphans: BTreeSet<i32> = processes
        .iter()
        .filter(|process| process.parent == getpid().as_raw_nonzero().get() && process.is_program())
        .map(|process| process.number)
        .collect();
    loop {
        let before = orphans.len();
        let below = processes.iter().filter(|process| orphans.contains(&process.parent)).map(|process| process.number);
        orphans.extend(below.collect::<Vec<_>>());
        if orphans.len() == before {
            break;
        }
    }
    let own = getpgid(None).ok();
    let groups: BTreeSet<i32> = orphans
        .iter()
        .filter_map(|number| getpgid(Pid::from_raw(*number)).ok())
        .filter(|group| Some(*group) != own)
        .map(|group| group.as_raw_nonzero().get())
        .collect();
    for group in &groups {
        if let Some(group) = Pid::from_raw(*group) {
            // One that has ended meanwhile needs no end.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
    groups.len()
}

struct Process {
    number: i32,
    parent: i32,
}

impl Process {
    /// What proc(5) tells of a process; `None` once it is gone.
    fn look(number: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        // The name stands in parentheses and may hold anything; state and parent follow it.
        let (_, after) = stat.rsplit_once(')')?;
        let parent = after.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(Self { number, parent })
    }

    fn is_program(&self) -> bool {
        let holds = |file: &str, word: &[u8]| {
            fs::read(format!("/proc/{}/{file}", self.number))
                .is_ok_and(|content| content.windows(word.len()).any(|window| window == word))
        };
        holds("environ", EXECUTED) || holds("cmdline", FORKED)
    }
}
