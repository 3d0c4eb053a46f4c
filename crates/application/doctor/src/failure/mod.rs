//! Why a script that was started (or was to be) has given no proper answer: from how it ended, what it has written to
//! standard error, and what was wrong with its output.
//!
//! Looks at files, and starts no process: it may be called for every failed request.

mod complaint;
mod output;
mod signal;

use std::io;
use std::path::Path;

use millau_cgi::Defect;

use crate::bounded::Ending;
use crate::mend::quoted;
use crate::script::{self, Options};
use crate::{Finding, Mend, Place, Problem, Severity};

/// What is known of a script that has failed.
#[derive(Debug)]
pub struct Failure<'a> {
    /// The script's file.
    pub script: &'a Path,
    /// Why it could not be started, in the system's words; `None` if it was.
    pub not_started: Option<&'a io::Error>,
    /// How it ended; `None` where that is not known (yet).
    pub ending: Option<Ending>,
    /// The last of its standard error.
    pub stderr: &'a [u8],
    /// What was wrong with its output, if anything.
    pub defect: Option<&'a Defect>,
}

/// Says why, the likeliest cause first; never nothing.
pub fn diagnose_failure(failure: &Failure<'_>, options: &Options) -> Vec<Finding> {
    let quick = Options { ask_interpreter: false, served: None, ..options.clone() };
    let mut findings = Vec::new();
    // 126 and 127 come from env and from shells that could not start what they were to start.
    let never_ran = matches!(failure.ending, Some(Ending::Exited(126 | 127)));
    if failure.not_started.is_some() || never_ran {
        let errors = script::diagnose_script(failure.script, &quick);
        findings.extend(errors.into_iter().filter(|finding| finding.severity == Severity::Error));
        if let (Some(error), true) = (failure.not_started, findings.is_empty()) {
            findings.push(not_started(failure.script, error));
        }
    }
    if findings.is_empty() {
        findings.extend(complaint::in_stderr(failure.script, failure.stderr, options));
    }
    // An interpreter that cannot open the script says so in words of its own, and ends.
    let said_nothing = failure.defect == Some(&Defect::Empty);
    if findings.is_empty() && said_nothing && matches!(failure.ending, Some(Ending::Exited(1..))) {
        let out_of_reach = [Problem::NotFound, Problem::DirectoryClosed, Problem::NotReadable];
        let errors = script::diagnose_script(failure.script, &quick).into_iter();
        findings.extend(errors.filter(|f| f.severity == Severity::Error && out_of_reach.contains(&f.problem)));
    }
    let is_explained = !findings.is_empty();
    if let Some(ending) = failure.ending {
        findings.extend(ended(failure.script, ending, is_explained));
    }
    // No output is a consequence, unless nothing else is known.
    if let Some(defect) = failure.defect
        && (findings.is_empty() || *defect != Defect::Empty && failure.not_started.is_none())
    {
        findings.push(output::finding(failure.script, defect));
    }
    if findings.is_empty() {
        findings.push(Finding::error(
            Problem::ExitStatus,
            Place::File(failure.script.to_owned()),
            "the script failed and has not said why",
            "neither its status nor its standard error shows a reason",
            Mend::Command(format!("millau doctor --run {}", quoted(failure.script))),
        ));
    }
    findings
}

fn not_started(script: &Path, error: &io::Error) -> Finding {
    let why = match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::NOENT) => "the file is gone, or the interpreter that its first line names",
        Some(rustix::io::Errno::ACCESS) => {
            "permissions, a noexec mount or a security module keep it from being started"
        }
        Some(rustix::io::Errno::NOEXEC) => {
            "the file is neither a program for this processor nor does it begin with '#!'"
        }
        Some(rustix::io::Errno::AGAIN) => "the limit on processes of this user is reached (ulimit -u, TasksMax)",
        Some(rustix::io::Errno::NOMEM) => "there is not enough memory for another process",
        Some(rustix::io::Errno::TXTBSY) => "the program is being written at this moment",
        _ => "the system refused to start it",
    };
    let mend = Mend::Command(format!("millau doctor {}", quoted(script)));
    Finding::error(
        Problem::NotStarted,
        Place::File(script.to_owned()),
        format!("the script could not be started: {error}"),
        why,
        mend,
    )
}

fn ended(script: &Path, ending: Ending, is_explained: bool) -> Option<Finding> {
    let place = Place::File(script.to_owned());
    let run = || Mend::Command(format!("millau doctor --run {}", quoted(script)));
    match ending {
        Ending::Exited(0) => None,
        Ending::Exited(_) if is_explained => None,
        Ending::Exited(status) => Some(Finding::error(
            Problem::ExitStatus,
            place,
            format!("the script ended with status {status}"),
            "a status other than 0 says that it failed; its own error output should say why",
            run(),
        )),
        Ending::Signalled(number) => {
            let (name, why) = signal::described(number);
            Some(Finding::error(
                Problem::Crashed,
                place,
                format!("the script was ended by signal {number} ({name})"),
                why,
                if number == 9 { Mend::Command("dmesg | grep -i -A1 'killed process'".into()) } else { run() },
            ))
        }
        Ending::Vanished => Some(Finding::error(
            Problem::Crashed,
            place,
            "the script's process was gone before it had said how it ended",
            "a signal has ended it (SIGSEGV, a fault in an extension module, say, or SIGKILL, when memory is short), or \
             os._exit()",
            run(),
        )),
        Ending::TimedOut(limit) => Some(Finding::error(
            Problem::TimedOut,
            place,
            format!("the script had not ended after {} s and was ended", limit.as_secs_f32()),
            "it waits for something (a lock, a network, input beyond CONTENT_LENGTH) or never stops; a script must read at \
             most CONTENT_LENGTH bytes, for the end of the input is not promised (RFC 3875 §4.2)",
            Mend::Command(format!("time {} < /dev/null", quoted(script))),
        )),
        Ending::TooMuchOutput => Some(Finding::error(
            Problem::TimedOut,
            place,
            "the script wrote more than it may and was ended",
            "it writes in a loop, or it answers with a large file",
            run(),
        )),
    }
}
