//! Starts a program without copying the worker: posix_spawn(3), which shares the memory until the program runs.
//!
//! Not `std::process::Command`: that cannot give a program the default action for every signal (an ignored one is
//! inherited), a session of its own, or close the descriptors that a library has opened without close-on-exec.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_short};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use rustix::process::Pid;

/// What is started, and with what.
pub(crate) struct Program<'a> {
    /// The file to execute.
    pub(crate) path: &'a CStr,
    /// Pointers to the arguments, the program's name first, and a null pointer.
    pub(crate) arguments: &'a [*const c_char],
    /// Pointers to the variables, and a null pointer.
    pub(crate) environment: &'a [*const c_char],
    /// Where it runs.
    pub(crate) directory: &'a CStr,
    /// What its descriptors 0, 1, 2 ... are; it has no others.
    pub(crate) descriptors: &'a [BorrowedFd<'a>],
}

type AddDirectory = unsafe extern "C" fn(*mut libc::posix_spawn_file_actions_t, *const c_char) -> c_int;
type AddCloseFrom = unsafe extern "C" fn(*mut libc::posix_spawn_file_actions_t, c_int) -> c_int;

/// Functions that are younger than the oldest C library that the wheel runs on.
struct Young {
    add_directory: Option<AddDirectory>,
    add_close_from: Option<AddCloseFrom>,
}

fn young() -> &'static Young {
    static YOUNG: OnceLock<Young> = OnceLock::new();
    YOUNG.get_or_init(|| {
        let find = |name: &CStr| {
            // SAFETY: a look-up by name in what is loaded.
            unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
        };
        let directory = find(c"posix_spawn_file_actions_addchdir_np");
        let close_from = find(c"posix_spawn_file_actions_addclosefrom_np");
        Young {
            // SAFETY: the C library's functions of these names have these types.
            add_directory: (!directory.is_null())
                .then(|| unsafe { std::mem::transmute::<*mut _, AddDirectory>(directory) }),
            // SAFETY: as above.
            add_close_from: (!close_from.is_null())
                .then(|| unsafe { std::mem::transmute::<*mut _, AddCloseFrom>(close_from) }),
        }
    })
}

struct Actions(libc::posix_spawn_file_actions_t);

impl Drop for Actions {
    fn drop(&mut self) {
        // SAFETY: it was initialised, and is destroyed once.
        unsafe { libc::posix_spawn_file_actions_destroy(&mut self.0) };
    }
}

struct Attributes(libc::posix_spawnattr_t);

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: it was initialised, and is destroyed once.
        unsafe { libc::posix_spawnattr_destroy(&mut self.0) };
    }
}

fn checked(code: c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

/// Starts it: leader of a session and a process group of its own, no signal blocked, every signal at its default.
///
/// # Errors
/// What execve(2) or the preparation of the new process says.
pub(crate) fn spawn(program: &Program<'_>) -> io::Result<Pid> {
    let count = c_int::try_from(program.descriptors.len()).unwrap_or(c_int::MAX);
    let mut moved: Vec<OwnedFd> = Vec::new();
    let mut sources: Vec<RawFd> = Vec::new();
    for descriptor in program.descriptors {
        // A source that is itself one of the targets could be overwritten before its turn.
        if descriptor.as_raw_fd() < count {
            let higher = rustix::io::fcntl_dupfd_cloexec(descriptor, count)?;
            sources.push(higher.as_raw_fd());
            moved.push(higher);
        } else {
            sources.push(descriptor.as_raw_fd());
        }
    }
    let mut actions = MaybeUninit::uninit();
    // SAFETY: it is initialised here, before it is used.
    let mut actions = unsafe {
        checked(libc::posix_spawn_file_actions_init(actions.as_mut_ptr()))?;
        Actions(actions.assume_init())
    };
    for (target, source) in sources.iter().enumerate() {
        // SAFETY: the actions are initialised; the numbers are looked at when the process is made.
        checked(unsafe { libc::posix_spawn_file_actions_adddup2(&mut actions.0, *source, target as c_int) })?;
    }
    if let Some(add_close_from) = young().add_close_from {
        // SAFETY: as above.
        checked(unsafe { add_close_from(&mut actions.0, count) })?;
    }
    let add_directory = young().add_directory.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "the C library is too old to start a program in a directory of its own",
        )
    })?;
    // SAFETY: the text is copied.
    checked(unsafe { add_directory(&mut actions.0, program.directory.as_ptr()) })?;
    let attributes = attributes()?;
    let mut pid = 0;
    // SAFETY: the lists end with a null pointer and their texts with a NUL; all of it lives until this returns.
    checked(unsafe {
        libc::posix_spawn(
            &mut pid,
            program.path.as_ptr(),
            &actions.0,
            &attributes.0,
            program.arguments.as_ptr().cast::<*mut c_char>(),
            program.environment.as_ptr().cast::<*mut c_char>(),
        )
    })?;
    Pid::from_raw(pid).ok_or_else(|| io::Error::other("posix_spawn gave no process"))
}

fn attributes() -> io::Result<Attributes> {
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: it is initialised here, before it is used.
    let mut attributes = unsafe {
        checked(libc::posix_spawnattr_init(attributes.as_mut_ptr()))?;
        Attributes(attributes.assume_init())
    };
    let mut signals = MaybeUninit::uninit();
    // SAFETY: both calls fill the set completely.
    let (none, all) = unsafe {
        libc::sigemptyset(signals.as_mut_ptr());
        let none = signals.assume_init();
        libc::sigfillset(signals.as_mut_ptr());
        (none, signals.assume_init())
    };
    let flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF | c_int::from(libc::POSIX_SPAWN_SETSID);
    // SAFETY: the attributes are initialised, the sets too.
    unsafe {
        checked(libc::posix_spawnattr_setsigmask(&mut attributes.0, &none))?;
        checked(libc::posix_spawnattr_setsigdefault(&mut attributes.0, &all))?;
        checked(libc::posix_spawnattr_setflags(&mut attributes.0, flags as c_short))?;
    }
    Ok(attributes)
}
