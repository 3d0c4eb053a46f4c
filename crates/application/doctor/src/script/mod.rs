//! What keeps a CGI script from being started, or from getting far: found by looking, without running it.

mod access;
mod content;
mod directory;
mod file_system;
mod installation;
mod interpreter;
mod location;
pub(crate) mod moved;
mod permissions;
mod python;
mod shebang;
mod source;
#[cfg(test)]
mod tests;
mod way;

use std::ffi::OsString;
use std::fs::{File, FileType};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

pub use directory::scripts_in;
pub use location::Served;

use crate::{Finding, Mend, Place, Problem, User};
pub(crate) use content::Content;
pub(crate) use installation::Installation;
use interpreter::{Interpreter, Language, language_of};

/// A script that is larger is none. Limits what is read into memory.
const LARGEST: u64 = 16 * 1024 * 1024;

/// What services are started with by systemd, and what most servers hand on to CGI scripts.
pub const SERVER_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How the script will be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whom the web server runs it as.
    pub user: User,
    /// The PATH that the web server gives it.
    pub path: OsString,
    /// The PATH of the operator's shell, where a missing interpreter may be.
    pub shell_path: Option<OsString>,
    /// What is served as CGI; `None` where that is out of the question.
    pub served: Option<Served>,
    /// Whether SELinux is in force.
    pub selinux: bool,
    /// Whether the script's interpreter may be started, to ask it about syntax and modules.
    pub ask_interpreter: bool,
}

impl Default for Options {
    /// This process is the web server, and the script has been found by it.
    fn default() -> Self {
        Self {
            user: User::current(),
            path: std::env::var_os("PATH").unwrap_or_else(|| SERVER_PATH.into()),
            shell_path: None,
            served: None,
            selinux: file_system::selinux_enforces(),
            ask_interpreter: true,
        }
    }
}

/// Everything that is wrong with a script as far as can be told without running it, the worst first.
///
/// Reads the script and the modules beside it, asks its Python about them, and changes nothing. Takes as long as starting
/// that Python does, and never longer than some 20 seconds.
pub fn diagnose_script(path: &Path, options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Relative to nothing: commands are to work from everywhere.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    examine(&absolute, options, &mut findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn examine(path: &Path, options: &Options, findings: &mut Vec<Finding>) {
    let facts = match path.metadata() {
        Ok(facts) => facts,
        Err(error) => {
            if error.kind() == std::io::ErrorKind::PermissionDenied {
                findings.extend(closed_directories(path, &options.user));
            }
            if findings.is_empty() {
                findings.push(unreachable(path, &error));
            }
            return;
        }
    };
    let place = || Place::File(path.to_owned());
    if !facts.is_file() {
        let what = format!("this is {}, not a regular file", kind(facts.file_type()));
        let why = "a CGI script is a regular file that can be executed";
        let mend = Mend::Advice("name the script, or the directory that it is in".into());
        return findings.push(Finding::error(Problem::NoScript, place(), what, why, mend));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    let content = Content::of(&bytes);
    if let Content::Data(name) = content {
        return findings.push(no_script(path, name));
    }
    let is_binary = content == Content::Program;
    permissions::directories(path, Some(facts.uid()), &options.user, findings);
    permissions::file(path, &facts, &options.user, is_binary, findings);
    file_system::mount(path, findings);
    if options.selinux {
        file_system::label(path, findings);
    }
    location::examine(path, options, findings);
    if let Err(error) = read {
        let why = "this process may not read it, so that its content has not been looked at";
        let mend = Mend::Command("sudo millau doctor ...".into());
        return findings.push(Finding::warning(Problem::NotReadable, place(), error.to_string(), why, mend));
    }
    if bytes.is_empty() {
        let why = "a CGI script prints a header, an empty line and a page; an empty file prints nothing";
        let mend = Mend::Advice("put the script there again: an upload may have failed".into());
        return findings.push(Finding::error(Problem::NoScript, place(), "the file is empty", why, mend));
    }
    match content {
        Content::Text if bytes.len() as u64 <= LARGEST => text(path, &bytes, options, findings),
        Content::Bundle => bundle(path, &bytes, options, findings),
        _ => {}
    }
}

fn kind(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

/// Whatever else is wrong with it does not matter, and nothing of it may be changed.
fn no_script(path: &Path, name: &str) -> Finding {
    Finding::error(
        Problem::NoScript,
        Place::File(path.to_owned()),
        format!("this is no script: it is {name}"),
        "the kernel finds neither '#!' at its start nor a program for this processor in it ('Exec format error')",
        Mend::Advice("put the script there again, or move the file to where files are sent as they are".into()),
    )
}

/// Only the first line is for an interpreter that can be told without running it; and nothing moves what is behind it.
fn bundle(path: &Path, bytes: &[u8], options: &Options, findings: &mut Vec<Finding>) {
    let mut of_the_first_line = Vec::new();
    shebang::examine(path, bytes, options, &mut of_the_first_line);
    findings.extend(of_the_first_line.into_iter().map(|finding| {
        let mend = Mend::Command(finding.mend.command());
        Finding { mend, ..finding }
    }));
}

fn text(path: &Path, bytes: &[u8], options: &Options, findings: &mut Vec<Finding>) {
    let is_python = language_named(bytes) == Some(Language::Python)
        || language_named(bytes).is_none() && language_of(interpreter::usual_for(path)) == Language::Python;
    let text = source::examine(path, bytes, is_python, findings);
    let Some(interpreter) = shebang::examine(path, &text, options, findings) else { return };
    if !options.ask_interpreter {
        return;
    }
    match interpreter.language() {
        Language::Python => python::examine(path, &text, &interpreter, options, findings),
        Language::Shell => shell(path, &interpreter, options, findings),
        Language::Other => {}
    }
}

/// The directories on the way to a file that the user may not go through.
pub(crate) fn closed_directories(path: &Path, user: &User) -> Vec<Finding> {
    let mut closed = Vec::new();
    permissions::directories(path, None, user, &mut closed);
    closed
}

/// The program that the first line of a script leads to, as the serving user would find it.
pub(crate) fn interpreter_of(path: &Path, options: &Options) -> Option<PathBuf> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(4096).read_to_end(&mut head).ok()?;
    shebang::examine(path, &head, options, &mut Vec::new()).map(|interpreter| interpreter.program)
}

/// What the first line names, even if it cannot be started.
fn language_named(bytes: &[u8]) -> Option<Language> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let line = text.strip_prefix(b"#!")?.split(|byte| matches!(byte, b'\n' | b'\r')).next()?;
    let line = String::from_utf8_lossy(line).into_owned();
    let words = line.split(|c: char| c.is_whitespace() || c == '/' || c == '\\');
    let mut names = words.filter(|word| !word.is_empty() && !word.starts_with('-') && !word.contains('='));
    let known = names.find(|word| language_of(word) != Language::Other);
    Some(known.map_or(Language::Other, language_of))
}

/// Lets the shell read the script without running it.
fn shell(path: &Path, interpreter: &Interpreter, options: &Options, findings: &mut Vec<Finding>) {
    let mut command = Command::new(&interpreter.program);
    command.arg("-n").arg(path);
    clean_environment(&mut command, options);
    let bounds = crate::bounded::Bounds { time: std::time::Duration::from_secs(10), output: 64 * 1024 };
    let Ok(outcome) = crate::bounded::run(command, Vec::new(), &User::current(), bounds) else { return };
    // Carriage returns and the like have been told; the shell would complain about those as well.
    if outcome.ending == crate::Ending::Exited(0) || !findings.iter().all(|finding| finding.mend.safe().is_none()) {
        return;
    }
    let complaint = String::from_utf8_lossy(&outcome.stderr);
    let line = complaint.lines().next().unwrap_or_default();
    let number = line.split(':').find_map(|part| part.trim().trim_start_matches("line ").parse().ok());
    findings.push(Finding::error(
        Problem::SyntaxError,
        Place::of(path, number),
        format!("the shell cannot read it: {line}"),
        "the script ends there, perhaps before it has printed a header",
        Mend::Command(format!("{} -n {}", interpreter.program.display(), crate::mend::quoted(path))),
    ));
}

/// Only what a web server gives to a script.
pub(crate) fn clean_environment(command: &mut Command, options: &Options) {
    command.env_clear().env("PATH", &options.path);
    for name in ["LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // Looking at a script leaves nothing behind.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
}

fn unreachable(path: &Path, error: &std::io::Error) -> Finding {
    let near = nearest_name(path).map_or_else(String::new, |near| format!("; did you mean '{}'?", near.display()));
    Finding::error(
        Problem::NotFound,
        Place::File(path.to_owned()),
        format!("the script cannot be found: {error}{near}"),
        "the web server answers 404, or 500 if its configuration names the file",
        Mend::Command(format!("ls -l {}", crate::mend::quoted(path.parent().unwrap_or(Path::new("/"))))),
    )
}

/// A file beside that has the same name but for its case or its suffix.
fn nearest_name(path: &Path) -> Option<PathBuf> {
    let wanted = path.file_stem()?.to_ascii_lowercase();
    let beside = std::fs::read_dir(path.parent()?).ok()?;
    beside
        .flatten()
        .map(|entry| entry.path())
        .find(|other| other.file_stem().is_some_and(|stem| stem.to_ascii_lowercase() == wanted) && other.is_file())
}
