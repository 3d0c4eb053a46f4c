//! A child process with a limit on its time and on what it may write.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::User;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this status.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
    /// By a signal, or by `_exit`: whoever watched was not told which.
    Vanished,
    /// It was ended because it took longer than this.
    TimedOut(Duration),
    /// It was ended because it wrote more than it may.
    TooMuchOutput,
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        match status.signal() {
            Some(signal) => Self::Signalled(signal),
            None => Self::Exited(status.code().unwrap_or(-1)),
        }
    }
}

/// What a process has left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) ending: Ending,
    pub(crate) stdout: Vec<u8>,
    /// The last of it.
    pub(crate) stderr: Vec<u8>,
}

/// What a process may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) time: Duration,
    pub(crate) output: usize,
}

/// Of standard error, only the end is kept.
const STDERR_TAIL: usize = 64 * 1024;

/// Runs a command to its end, with `input` on its standard input. Everything that it has started ends with it.
///
/// # Errors
/// It cannot be started, in the system's words.
pub(crate) fn run(mut command: Command, input: Vec<u8>, user: &User, bounds: Bounds) -> io::Result<Outcome> {
    if User::current().is_root() && !user.is_root() {
        // The standard library drops root's groups together with its uid.
        command.uid(user.uid).gid(user.gid);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn()?;
    let group = Pid::from_child(&child);
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stdin) = child.stdin.take() {
        // Who does not read what is offered is not at fault.
        thread::spawn(move || stdin.write_all(&input));
    }
    // One byte more than the limit tells that it was passed.
    pump(child.stdout.take(), bounds.output.saturating_add(1), Stream::Output, sender.clone());
    pump(child.stderr.take(), STDERR_TAIL, Stream::Error, sender);
    let deadline = Instant::now() + bounds.time;
    let (mut stdout, mut stderr) = (None, None);
    let mut ended = None;
    while stdout.is_none() || stderr.is_none() {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((Stream::Output, bytes)) => {
                if bytes.len() > bounds.output {
                    ended = ended.or(Some(Ending::TooMuchOutput));
                    let _ = kill_process_group(group, Signal::KILL);
                }
                stdout = Some(bytes);
            }
            Ok((Stream::Error, bytes)) => stderr = Some(bytes),
            Err(_) => {
                ended = ended.or(Some(Ending::TimedOut(bounds.time)));
                let _ = kill_process_group(group, Signal::KILL);
                break;
            }
        }
    }
    let status = wait(&mut child, deadline, bounds.time, group, &mut ended)?;
    // What the process has started and left behind would hold its pipes open for ever.
    let _ = kill_process_group(group, Signal::KILL);
    while let (true, Ok((stream, bytes))) =
        (stdout.is_none() || stderr.is_none(), receiver.recv_timeout(Duration::from_secs(1)))
    {
        match stream {
            Stream::Output => stdout = Some(bytes),
            Stream::Error => stderr = Some(bytes),
        }
    }
    Ok(Outcome {
        ending: ended.unwrap_or_else(|| status.into()),
        stdout: stdout.unwrap_or_default(),
        stderr: stderr.unwrap_or_default(),
    })
}

/// A process may close its output long before it ends.
fn wait(
    child: &mut Child,
    deadline: Instant,
    time: Duration,
    group: Pid,
    ended: &mut Option<Ending>,
) -> io::Result<ExitStatus> {
    while ended.is_none() {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            *ended = Some(Ending::TimedOut(time));
            let _ = kill_process_group(group, Signal::KILL);
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait()
}

#[derive(Clone, Copy)]
enum Stream {
    Output,
    Error,
}

fn pump(
    source: Option<impl Read + Send + 'static>,
    limit: usize,
    stream: Stream,
    sender: mpsc::Sender<(Stream, Vec<u8>)>,
) {
    let Some(mut source) = source else { return };
    thread::spawn(move || {
        let (mut kept, mut buffer) = (Vec::new(), [0_u8; 8192]);
        while let Ok(length @ 1..) = source.read(&mut buffer) {
            kept.extend_from_slice(&buffer[..length]);
            if kept.len() > limit {
                match stream {
                    Stream::Output => {
                        kept.truncate(limit);
                        break;
                    }
                    Stream::Error => drop(kept.drain(..kept.len() - limit)),
                }
            }
        }
        let _ = sender.send((stream, kept));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, milliseconds: u64, output: usize) -> Outcome {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let bounds = Bounds { time: Duration::from_millis(milliseconds), output };
        run(command, b"input".to_vec(), &User::current(), bounds).unwrap()
    }

    #[test]
    fn what_is_written_and_the_status_come_back() {
        let outcome = shell("cat; echo bad >&2; exit 3", 20_000, 100);
        assert_eq!(
            (outcome.ending, &*outcome.stdout, &*outcome.stderr),
            (Ending::Exited(3), &b"input"[..], &b"bad\n"[..])
        );
        assert_eq!(shell("kill -11 $$", 20_000, 100).ending, Ending::Signalled(11));
    }

    #[test]
    fn who_takes_too_long_is_ended_with_everything_started() {
        let outcome = shell("echo a; trap '' TERM; sleep 600 & sleep 600", 300, 100);
        assert_eq!(outcome.ending, Ending::TimedOut(Duration::from_millis(300)));
        let closed = shell("exec >&- 2>&-; sleep 600", 300, 100);
        assert_eq!(closed.ending, Ending::TimedOut(Duration::from_millis(300)));
    }

    #[test]
    fn who_writes_for_ever_is_ended() {
        let outcome = shell("yes", 20_000, 1000);
        assert_eq!(outcome.ending, Ending::TooMuchOutput);
        assert_eq!(outcome.stdout.len(), 1001);
    }

    #[test]
    fn the_last_of_standard_error_is_kept() {
        let outcome = shell("yes 1234567 | head -c 100000 >&2; echo end >&2", 20_000, 1000);
        assert_eq!(outcome.stderr.len(), STDERR_TAIL);
        assert!(outcome.stderr.ends_with(b"end\n"));
    }
}
