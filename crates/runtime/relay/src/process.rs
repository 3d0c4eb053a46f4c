//! Processes and time: becoming another program, starting one, waiting.

use alloc::ffi::CString;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::ptr;
use core::time::Duration;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus, chdir, setsid, waitpid};
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::system_call::{Fork, execve, exit, fork};

/// A program with its arguments and its environment.
pub(crate) struct Command {
    path: CString,
    arguments: Vec<CString>,
    variables: Vec<CString>,
}

impl Command {
    /// The program gets its own path as the first argument. Bytes behind a NUL are lost, as in any argument.
    pub(crate) fn new(path: &[u8], arguments: &[&[u8]], variables: &[&[u8]]) -> Self {
        let arguments = [path].iter().chain(arguments).map(|argument| text(argument)).collect();
        Self { path: text(path), arguments, variables: variables.iter().map(|variable| text(variable)).collect() }
    }

    /// Becomes the program; returns only if that cannot be.
    fn execute(&self) -> Errno {
        let pointers =
            |words: &[CString]| -> Vec<_> { words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect() };
        let (arguments, variables) = (pointers(&self.arguments), pointers(&self.variables));
        // SAFETY: both are pointers to strings that end with a NUL, and NULL at the end; their owners outlive the call.
        unsafe { execve(self.path.as_ptr(), arguments.as_ptr(), variables.as_ptr()) }
    }
}

fn text(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    CString::new(&bytes[..end]).unwrap_or_default()
}

/// Becomes the program, with this as standard input; returns only if that cannot be.
pub(crate) fn replace(command: &Command, input: Option<OwnedFd>) -> Errno {
    if let Some(Err(error)) = input.map(rustix::stdio::dup2_stdin) {
        return error;
    }
    command.execute()
}

/// Starts the program in `directory` and in a session of its own: a web server ends programs that take too long, and their
/// groups with them. It reads nothing, writes to `log`, and keeps no other descriptor that does not want to be kept.
///
/// # Errors
/// It cannot be started.
pub(crate) fn start(command: &Command, directory: &[u8], log: &OwnedFd) -> Result<Pid, Errno> {
    use rustix::fs::{Mode, OFlags, open};
    let nothing = open(c"/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let (failure, told) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let directory = text(directory);
    match fork()? {
        Fork::Parent(child) => {
            drop(told);
            let child = Pid::from_raw(child).ok_or(Errno::SRCH)?;
            let mut number = [0; 4];
            match rustix::io::read(&failure, &mut number) {
                Ok(4) => {
                    let _ = waitpid(Some(child), WaitOptions::empty());
                    Err(Errno::from_raw_os_error(i32::from_ne_bytes(number)))
                }
                _ => Ok(child),
            }
        }
        Fork::Child => {
            let error = begin(command, &directory, nothing, log).err().unwrap_or(Errno::NOEXEC);
            let _ = rustix::io::write(&told, &error.raw_os_error().to_ne_bytes());
            exit(127)
        }
    }
}

fn begin(command: &Command, directory: &CStr, nothing: OwnedFd, log: &OwnedFd) -> Result<(), Errno> {
    setsid()?;
    rustix::stdio::dup2_stdin(nothing)?;
    rustix::stdio::dup2_stdout(log)?;
    rustix::stdio::dup2_stderr(log)?;
    chdir(directory)?;
    Err(command.execute())
}

/// How a process ended, if it has.
pub(crate) fn has_ended(child: Pid) -> Result<Option<WaitStatus>, Errno> {
    Ok(waitpid(Some(child), WaitOptions::NOHANG)?.map(|(_, status)| status))
}

/// Waits so long.
pub(crate) fn pause(time: Duration) {
    let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) };
    let _ = rustix::thread::nanosleep(&time);
}

/// A point in time after which there is no more waiting.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Timespec);

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        Self(Timespec { tv_sec: now.tv_sec + time.as_secs() as i64, ..now })
    }

    pub(crate) fn has_passed(self) -> bool {
        clock_gettime(ClockId::Monotonic) >= self.0
    }
}

/// Now, as files are stamped.
pub(crate) fn now() -> Timespec {
    clock_gettime(ClockId::Realtime)
}
