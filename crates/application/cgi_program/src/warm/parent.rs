//! One warm interpreter: a process that forks others.

use std::ffi::{CString, OsStr, c_char};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};
use rustix::process::Pid;

use crate::child::{Child, Ending};
use crate::environment::Environment;
use crate::interpreter::Python;
use crate::pipes;
use crate::reaper::{Fate, Reaper, Remains, SETTLE};
use crate::script::{Identity, Script};
use crate::spawn::{Program, spawn};
use crate::standard_error::StandardError;

/// Bytes of a message from a parent: some of the files that it imports.
const LONGEST: usize = 1024 * 1024;
/// Room for messages on their way: the variables of some dozens of requests.
const SEND_BUFFER: usize = 1024 * 1024;

/// A warm interpreter that runs. When the last owner lets go, it ends; what it has forked finishes its requests.
pub(crate) struct Parent {
    /// Jobs go out here.
    pub(super) jobs: OwnedFd,
    /// It tells what it imports; its end shows here too.
    control: OwnedFd,
    program: (PathBuf, Identity),
    said: Mutex<Said>,
    used: Mutex<Instant>,
    served: AtomicBool,
    stuck: AtomicBool,
}

/// The files that a parent imports, as they were before that.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched(Vec<(PathBuf, Identity)>);

impl Watched {
    /// Adds what a message tells: path and identity in turn, with NULs between.
    fn take(&mut self, text: &[u8]) {
        let mut parts = text.split(|byte| *byte == 0);
        while let (Some(path), Some(identity)) = (parts.next(), parts.next()) {
            self.0.extend(Identity::told(identity).map(|identity| (PathBuf::from(OsStr::from_bytes(path)), identity)));
        }
    }

    pub(super) fn has_changed(&self) -> bool {
        self.0.iter().any(|(path, identity)| Identity::at(path) != Some(*identity))
    }
}

/// Whether a parent may be given a job.
pub(crate) enum Standing {
    Good,
    /// It has ended, or has imported something that has changed.
    Stale,
    /// It has ended before it was of any use, so that another is not to be tried at once.
    Lost(String),
    /// The script cannot be run so, for this reason, as long as these files stay as they are.
    Unfit(String, Watched),
}

/// What a parent has told so far.
#[derive(Default)]
struct Said {
    files: Watched,
    /// Why it cannot run the script.
    unfit: Option<String>,
    /// It has ended, and told nothing more.
    is_over: bool,
}

impl Parent {
    /// Starts an interpreter.
    ///
    /// # Errors
    /// The interpreter cannot be executed, or the system has no more descriptors.
    pub(super) fn start(
        program: &Path,
        python: &Python,
        script: &Script,
        environment: &Environment,
        reaper: &Arc<Reaper>,
    ) -> io::Result<Self> {
        let identity = Identity::at(&python.program).ok_or(io::ErrorKind::NotFound)?;
        let (jobs, their_jobs) = pair()?;
        let (control, their_control) = pair()?;
        let (error, their_error) = pipes::one_way()?;
        let (_, their_input) = pipes::one_way().map(|(theirs, ours)| (ours, theirs))?;
        let mut arguments = vec![text(python.program.as_os_str())?];
        for option in &python.options {
            arguments.push(text(option)?);
        }
        arguments.push(text(program.as_os_str())?);
        arguments.push(text(script.path.as_os_str())?);
        let pointers: Vec<*const c_char> =
            arguments.iter().map(|argument| argument.as_ptr()).chain([std::ptr::null()]).collect();
        let descriptors: [BorrowedFd<'_>; 5] =
            [their_input.as_fd(), their_error.as_fd(), their_error.as_fd(), their_jobs.as_fd(), their_control.as_fd()];
        let pid = spawn(&Program {
            path: &arguments[0],
            arguments: &pointers,
            environment: &environment.pointers(),
            directory: c"/",
            descriptors: &descriptors,
        })?;
        let name = PathBuf::from(format!("{} (warm interpreter)", script.path.display()));
        reaper.take(Remains {
            child: Child::new(pid)?,
            is_ours: true,
            error: Some(StandardError::new(error, name.clone())),
            script: name,
            place: None,
            fate: Fate::Stay,
        });
        Ok(Self {
            jobs,
            control,
            program: (python.program.clone(), identity),
            said: Mutex::default(),
            used: Mutex::new(Instant::now()),
            served: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
        })
    }

    pub(super) fn last_used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_use(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// One of its children has taken a job.
    pub(super) fn note_served(&self) {
        self.served.store(true, Relaxed);
    }

    /// A job was not taken for long: it shall get no further ones.
    pub(super) fn give_up(&self) {
        self.stuck.store(true, Relaxed);
    }

    /// Looks at what the parent says, and whether what it has imported is still what is there.
    pub(super) fn standing(&self) -> Standing {
        if self.stuck.load(Relaxed) {
            return Standing::Stale;
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        // An answer that came too late is nobody's any more.
        while self.listen(&mut said).is_some() {}
        if let Some(reason) = said.unfit.take() {
            return Standing::Unfit(reason, said.files.clone());
        }
        let (program, identity) = &self.program;
        if said.is_over && !self.served.load(Relaxed) {
            return Standing::Lost(format!(
                "the warm interpreter {} ended before it served a request (it must be Python 3.8 or newer)",
                program.display()
            ));
        }
        if said.is_over || Identity::at(program) != Some(*identity) || said.files.has_changed() {
            Standing::Stale
        } else {
            Standing::Good
        }
    }

    /// How a process ended that it has forked, and that has not told so itself.
    pub(super) fn ending_of(&self, pid: Pid) -> Ending {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let question = pid.as_raw_pid().to_string();
        if send(&self.control, question.as_bytes(), SendFlags::DONTWAIT | SendFlags::NOSIGNAL).is_err() {
            return Ending::Unknown;
        }
        let until = Instant::now() + SETTLE;
        while !said.is_over {
            match self.listen(&mut said) {
                Some(Heard::Ending(of, ending)) if of == pid => return ending,
                Some(_) => continue,
                None => {}
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let left = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
            let _ = poll(&mut [PollFd::new(&self.control, PollFlags::IN)], Some(&left));
        }
        Ending::Unknown
    }

    /// Takes one message, if there is one.
    fn listen(&self, said: &mut Said) -> Option<Heard> {
        if said.is_over {
            return None;
        }
        // Most of the time there is nothing, and nothing is set aside for it.
        let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK | RecvFlags::TRUNC;
        match recv(&self.control, &mut [0; 1][..], flags) {
            Err(Errno::AGAIN) => None,
            Err(Errno::INTR) => Some(Heard::Nothing),
            Ok((_, 0)) | Err(_) => {
                said.is_over = true;
                None
            }
            Ok((_, length)) => {
                let mut message = vec![0; length.min(LONGEST)];
                let _ = recv(&self.control, &mut message[..], RecvFlags::DONTWAIT);
                let text = &message[1..];
                match message[0] {
                    b'x' => said.unfit = Some(String::from_utf8_lossy(text).into_owned()),
                    b'f' => said.files.take(text),
                    b'e' => return Some(Heard::ending(text)),
                    _ => {}
                }
                Some(Heard::Nothing)
            }
        }
    }
}

/// What a message was.
enum Heard {
    /// Noted in what the parent has said.
    Nothing,
    /// The answer to a question.
    Ending(Pid, Ending),
}

impl Heard {
    /// `pid number`: an exit status, or below 0 a signal.
    fn ending(text: &[u8]) -> Self {
        let numbers = std::str::from_utf8(text).ok().and_then(|text| text.split_once(' '));
        match numbers.map(|(pid, number)| (pid.parse().ok().and_then(Pid::from_raw), number.parse::<i32>())) {
            Some((Some(pid), Ok(number))) if number < 0 => Self::Ending(pid, Ending::Signal(-number)),
            Some((Some(pid), Ok(number))) => Self::Ending(pid, Ending::Exit(number)),
            _ => Self::Nothing,
        }
    }
}

/// Two ends that carry whole messages.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let ends = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    for end in [&ends.0, &ends.1] {
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(end, SEND_BUFFER);
    }
    Ok(ends)
}

fn text(argument: &OsStr) -> io::Result<CString> {
    CString::new(argument.as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}
