//! The few system calls that rustix leaves to C libraries: fork, execve, exit_group, and the disposition of a signal.

use core::ffi::c_char;

use rustix::io::Errno;

/// Which of the two a process is after [`fork`].
pub(crate) enum Fork {
    Parent(i32),
    Child,
}

#[cfg(feature = "bare")]
mod kernel {
    use core::arch::asm;

    const RT_SIGACTION: usize = 13;
    const CLONE: usize = 56;
    const FORK: usize = 57;
    const EXECVE: usize = 59;
    const EXIT_GROUP: usize = 231;

    const SIGPIPE: usize = 13;
    const SIGCHLD: usize = 17;
    const SIG_IGN: usize = 1;
    const CLONE_PARENT: usize = 0x8000;

    /// # Safety
    /// As the call itself demands.
    unsafe fn call(number: usize, arguments: [usize; 4]) -> isize {
        let result;
        // SAFETY: as the caller promises; the kernel changes nothing but these registers (System V ABI for AMD64, A.2.1).
        unsafe {
            asm!("syscall", inlateout("rax") number => result, in("rdi") arguments[0], in("rsi") arguments[1],
                in("rdx") arguments[2], in("r10") arguments[3], lateout("rcx") _, lateout("r11") _, options(nostack));
        }
        result
    }

    pub(super) fn fork() -> isize {
        // SAFETY: the process has one thread, and no C library whose locks a child could find held.
        unsafe { call(FORK, [0; 4]) }
    }

    pub(super) fn fork_sibling() -> isize {
        // SAFETY: as that of `fork`; without a stack of its own the child has a copy of this one.
        unsafe { call(CLONE, [CLONE_PARENT | SIGCHLD, 0, 0, 0]) }
    }

    /// # Safety
    /// As that of [`super::execve`].
    pub(super) unsafe fn execve(path: *const i8, arguments: *const *const i8, variables: *const *const i8) -> isize {
        // SAFETY: as the caller promises.
        unsafe { call(EXECVE, [path as usize, arguments as usize, variables as usize, 0]) }
    }

    pub(super) fn exit(status: i32) -> ! {
        loop {
            // SAFETY: the process ends here.
            unsafe { call(EXIT_GROUP, [status as usize, 0, 0, 0]) };
        }
    }

    pub(super) fn ignore_sigpipe() {
        // Handler, flags, restorer and mask, as the kernel has them (not the C library).
        let action = [SIG_IGN, 0, 0, 0];
        // SAFETY: nothing is called when the signal comes; the mask has 8 bytes.
        unsafe { call(RT_SIGACTION, [SIGPIPE, action.as_ptr() as usize, 0, 8]) };
    }
}

#[cfg(not(feature = "bare"))]
mod kernel {
    use core::ffi::c_char;

    unsafe extern "C" {
        #[link_name = "fork"]
        safe fn c_fork() -> i32;
        #[link_name = "execve"]
        fn c_execve(path: *const c_char, arguments: *const *const c_char, variables: *const *const c_char) -> i32;
        #[link_name = "_exit"]
        safe fn c_exit(status: i32) -> !;
    }

    /// The C library says -1 where the kernel says which error.
    fn told(result: i32) -> isize {
        let error = || std::io::Error::last_os_error().raw_os_error().unwrap_or(1);
        if result < 0 { -(error() as isize) } else { result as isize }
    }

    pub(super) fn fork() -> isize {
        told(c_fork())
    }

    /// # Safety
    /// As that of [`super::execve`].
    pub(super) unsafe fn execve(
        path: *const c_char,
        arguments: *const *const c_char,
        variables: *const *const c_char,
    ) -> isize {
        // SAFETY: as the caller promises.
        told(unsafe { c_execve(path, arguments, variables) })
    }

    pub(super) fn exit(status: i32) -> ! {
        c_exit(status)
    }

    /// The standard library has done so.
    pub(super) fn ignore_sigpipe() {}
}

/// Makes a second process of this one, which must have one thread.
///
/// # Errors
/// There may be no more processes.
pub(crate) fn fork() -> Result<Fork, Errno> {
    match kernel::fork() {
        0 => Ok(Fork::Child),
        child if child > 0 => Ok(Fork::Parent(child as i32)),
        error => Err(error_of(error)),
    }
}

/// Makes a second process of this one that is its sibling: a child of the same parent (`CLONE_PARENT`).
///
/// # Errors
/// There may be no more processes.
#[cfg(feature = "bare")]
pub(crate) fn fork_sibling() -> Result<Fork, Errno> {
    match kernel::fork_sibling() {
        0 => Ok(Fork::Child),
        child if child > 0 => Ok(Fork::Parent(child as i32)),
        error => Err(error_of(error)),
    }
}

/// Becomes another program; returns only if that cannot be.
///
/// # Safety
/// `path` is a string that ends with a NUL; the others are rows of such strings, each with NULL at its end.
pub(crate) unsafe fn execve(
    path: *const c_char,
    arguments: *const *const c_char,
    variables: *const *const c_char,
) -> Errno {
    // SAFETY: as the caller promises.
    error_of(unsafe { kernel::execve(path, arguments, variables) })
}

/// Ends the process, at once.
pub(crate) fn exit(status: i32) -> ! {
    kernel::exit(status)
}

/// A write to a pipe that nobody reads any more is an error and not the end. Programs that are started have it so too until they
/// say otherwise, as Python does anyway.
pub(crate) fn ignore_broken_pipes() {
    kernel::ignore_sigpipe();
}

fn error_of(result: isize) -> Errno {
    Errno::from_raw_os_error(i32::try_from(-result).unwrap_or(1))
}
