//! Signals by their number on Linux, and why a script is ended by each (signal(7)).

/// The name, and the usual reason.
pub(super) fn described(number: i32) -> (&'static str, &'static str) {
    const SENT: &str = "somebody sent it: no fault of a program causes it";
    match number {
        1 => ("SIGHUP", "the terminal or the session that it belonged to was closed, or somebody sent it"),
        2 => ("SIGINT", "somebody interrupted it, from a terminal mostly"),
        3 => ("SIGQUIT", "somebody interrupted it, from a terminal mostly"),
        4 => ("SIGILL", "the program is for another processor"),
        5 => ("SIGTRAP", "it met a breakpoint, or a library in it found that something is wrong and gave up"),
        6 => ("SIGABRT", "the program, or a library in it, found that something is wrong and gave up"),
        7 => ("SIGBUS", "a file that was mapped became shorter, or memory is broken"),
        8 => ("SIGFPE", "a compiled program or an extension module divided by zero"),
        9 => ("SIGKILL", "the kernel does so when memory is short, and operators do when nothing else helps"),
        10 => ("SIGUSR1", SENT),
        11 => ("SIGSEGV", "a fault in a compiled program or in an extension module"),
        12 => ("SIGUSR2", SENT),
        13 => ("SIGPIPE", "nobody read its output any more"),
        14 => ("SIGALRM", "a time was over that it had set itself (alarm, setitimer), and nothing in it handles that"),
        15 => ("SIGTERM", "it was asked to end"),
        16 => ("SIGSTKFLT", SENT),
        17 => ("SIGCHLD", SENT),
        18 => ("SIGCONT", SENT),
        19 => ("SIGSTOP", SENT),
        20 => ("SIGTSTP", SENT),
        21 => ("SIGTTIN", "it read from a terminal that belonged to others"),
        22 => ("SIGTTOU", "it wrote to a terminal that belonged to others"),
        23 => ("SIGURG", SENT),
        24 => ("SIGXCPU", "it used up its limit of processor time (ulimit -t)"),
        25 => ("SIGXFSZ", "it wrote a file beyond the limit (ulimit -f)"),
        26 => ("SIGVTALRM", "a time was over that it had set itself (setitimer), and nothing in it handles that"),
        27 => {
            ("SIGPROF", "a time was over that it, or a profiler in it, had set (setitimer), and nothing handles that")
        }
        28 => ("SIGWINCH", SENT),
        29 => ("SIGIO", "a descriptor was ready, as it had asked to be told, and nothing in it handles that"),
        30 => ("SIGPWR", SENT),
        31 => ("SIGSYS", "it made a system call that it may not make (seccomp)"),
        32..=64 => ("a real-time signal", SENT),
        _ => ("none of Linux's", SENT),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn names_are_those_that_the_shell_knows() {
        let script = "n=1; while [ $n -le 31 ]; do echo SIG$(kill -l $n); n=$((n + 1)); done";
        let output = Command::new("sh").args(["-c", script]).output().unwrap();
        let names = String::from_utf8(output.stdout).unwrap();
        assert_eq!(names.lines().count(), 31);
        for (number, name) in (1..).zip(names.lines()) {
            // These are not in POSIX, and not all shells name them so.
            if ![16, 29, 30].contains(&number) {
                assert_eq!(described(number).0, name);
            }
        }
        assert_eq!((described(14).0, described(40).0), ("SIGALRM", "a real-time signal"));
    }
}
