//! The first line of a script: does it lead to an interpreter that the serving user can start?

use std::path::{Path, PathBuf};

use super::interpreter::{Interpreter, State, on_path, state, usual_for};
use super::{Language, Options, closed_directories, language_of};
use crate::mend::quoted;
use crate::{Finding, Mend, Place, Problem, SafeMend};

/// Interpreters that are packages of their own name.
const PACKAGED: [&str; 7] = ["bash", "dash", "ksh", "perl", "php-cgi", "ruby", "zsh"];

/// The kernel reads that much of the file (BINPRM_BUF_SIZE since Linux 5.1) and cuts the line there.
const LONGEST: usize = 255;

/// Looks at the first line of `text`, and gives the interpreter: the one that it names or, if that cannot be started, the
/// one that the mend would name.
pub(super) fn examine(path: &Path, text: &[u8], options: &Options, findings: &mut Vec<Finding>) -> Option<Interpreter> {
    let Some(rest) = text.strip_prefix(b"#!") else {
        return missing(path, options, findings);
    };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let line = String::from_utf8_lossy(&rest[..end]);
    let line = line.trim_matches([' ', '\t', '\r']);
    // Everything behind the program is one argument (execve(2), "Interpreter scripts").
    let (program, argument) = match line.split_once([' ', '\t']) {
        Some((program, argument)) => (program, Some(argument.trim())),
        None => (line, None),
    };
    let shebang = Shebang { path, program, argument, options };
    if end + 2 > LONGEST {
        findings.push(Finding::error(
            Problem::ShebangTooLong,
            shebang.place(),
            format!("the first line has {} bytes", end + 2),
            format!("the kernel reads {LONGEST} of them, and takes what is left for the name of the interpreter"),
            shebang.mend_with(shebang.replacement(shebang.wanted()).as_ref(), shebang.wanted()),
        ));
        return shebang.replacement(shebang.wanted()).map(|found| found.interpreter);
    }
    shebang.interpreter(findings)
}

fn missing(path: &Path, options: &Options, findings: &mut Vec<Finding>) -> Option<Interpreter> {
    let usual = usual_for(path);
    let shebang = Shebang { path, program: "/usr/bin/env", argument: Some(usual), options };
    let found = shebang.replacement(usual);
    let mend = match &found {
        Some(found) => Mend::Safe(SafeMend::InsertShebang { path: path.to_owned(), line: found.line.clone() }),
        None => Mend::Command(format!("sed -i '1i #!/usr/bin/env {usual}' {}", quoted(path))),
    };
    findings.push(Finding::error(
        Problem::NoShebang,
        Place::Line(path.to_owned(), 1),
        "the first line does not begin with '#!'",
        "it names the program that runs the script; without it the kernel does not know how to start the file ('Exec format \
         error'), or a shell tries to run it",
        mend,
    ));
    found.map(|found| found.interpreter)
}

struct Shebang<'a> {
    path: &'a Path,
    program: &'a str,
    argument: Option<&'a str>,
    options: &'a Options,
}

/// A first line that works.
struct Replacement {
    line: String,
    interpreter: Interpreter,
}

impl Shebang<'_> {
    fn place(&self) -> Place {
        Place::Line(self.path.to_owned(), 1)
    }

    fn interpreter(&self, findings: &mut Vec<Finding>) -> Option<Interpreter> {
        if !self.program.starts_with('/') {
            let windows = self.program.contains('\\') || self.program.get(1..2) == Some(":");
            let what = if self.program.is_empty() {
                "no interpreter stands behind the '#!'".to_owned()
            } else if windows {
                format!("the interpreter '{}' is a path of Windows", self.program)
            } else {
                format!("the interpreter '{}' is no absolute path", self.program)
            };
            let why = "the kernel does not search for it: the path must begin with '/', or be '/usr/bin/env NAME'";
            return self.broken(Problem::InterpreterRelative, what, why, findings);
        }
        match state(Path::new(self.program), &self.options.user) {
            State::Missing => {
                let what = format!("the interpreter '{}' does not exist", self.program);
                let why = "the kernel starts it to run the script; without it the message is 'No such file or directory', \
                           which seems to speak of the script";
                return self.broken(Problem::InterpreterMissing, what, why, findings);
            }
            State::Closed => {
                let closed = closed_directories(Path::new(self.program), &self.options.user);
                let at = closed.first().map_or_else(String::new, |finding| format!(": {} is closed", finding.place));
                let what = format!("{} may not start the interpreter '{}'{at}", self.options.user.name, self.program);
                let why = "an interpreter in a home directory or a private virtual environment is out of reach for the web \
                           server: it needs the execute bit of the program and of every directory above it";
                return self.broken(Problem::InterpreterClosed, what, why, findings);
            }
            State::Usable => {}
        }
        if Path::new(self.program).file_name().is_some_and(|name| name == "env") {
            return self.through_env(findings);
        }
        let arguments = self.argument.map(Into::into).into_iter().collect();
        Some(Interpreter { program: self.program.into(), arguments })
    }

    fn through_env(&self, findings: &mut Vec<Finding>) -> Option<Interpreter> {
        let argument = self.argument.unwrap_or_default();
        let split = argument.strip_prefix("-S").or_else(|| argument.strip_prefix("--split-string="));
        let words: Vec<&str> = split.unwrap_or(argument).split_whitespace().collect();
        // Assignments come before the name.
        let name = words.iter().position(|word| !word.contains('='))?;
        let (name, arguments) = (words[name], &words[name + 1..]);
        let interpreter =
            |program: PathBuf| Interpreter { program, arguments: arguments.iter().map(Into::into).collect() };
        if split.is_none() && words.len() > 1 {
            let line = format!("#!{} -S {argument}", self.program);
            findings.push(Finding::error(
                Problem::EnvArguments,
                self.place(),
                format!("env is asked for a program named '{argument}'"),
                "the kernel hands over everything behind the first word as one argument; env takes it apart with -S only",
                Mend::Safe(SafeMend::ReplaceShebang { path: self.path.to_owned(), line }),
            ));
        }
        let (user, search) = (&self.options.user, &self.options.path);
        let Some(program) = on_path(search, name, user) else {
            let what = format!("'{name}' is not on the web server's PATH ({})", search.to_string_lossy());
            let why = "env looks for it there, and not on the PATH of your shell, which also has what your login adds";
            return self.broken(Problem::InterpreterNotOnPath, what, why, findings);
        };
        if let Some(own) = self.options.shell_path.as_deref().and_then(|own| on_path(own, name, user))
            && own.canonicalize().ok() != program.canonicalize().ok()
        {
            findings.push(Finding::note(
                Problem::InterpreterDiffers,
                self.place(),
                format!(
                    "the web server will run this with {}, your shell runs it with {}",
                    program.display(),
                    own.display()
                ),
                "the PATH of the web server is another one; versions and installed packages may differ",
                Mend::Command(format!("sed -i '1c #!{}' {}", own.display(), quoted(self.path))),
            ));
        }
        Some(interpreter(program))
    }

    /// The name of the program that was meant.
    fn wanted(&self) -> &str {
        let last = |path: &str| path.rsplit(['/', '\\']).next().map(str::len).unwrap_or(0);
        let program = &self.program[self.program.len() - last(self.program)..];
        if program == "env" {
            let words = self.argument.unwrap_or_default().split_whitespace();
            return words.into_iter().find(|word| !word.starts_with('-') && !word.contains('=')).unwrap_or(program);
        }
        program.strip_suffix(".exe").unwrap_or(program)
    }

    fn broken(&self, problem: Problem, what: String, why: &str, findings: &mut Vec<Finding>) -> Option<Interpreter> {
        let wanted = if self.wanted().is_empty() { usual_for(self.path) } else { self.wanted() };
        let found = self.replacement(wanted);
        findings.push(Finding::error(problem, self.place(), what, why, self.mend_with(found.as_ref(), wanted)));
        found.map(|found| found.interpreter)
    }

    fn mend_with(&self, found: Option<&Replacement>, wanted: &str) -> Mend {
        match found {
            Some(found) => {
                Mend::Safe(SafeMend::ReplaceShebang { path: self.path.to_owned(), line: found.line.clone() })
            }
            None => {
                let is_python = language_of(wanted) == Language::Python;
                let package =
                    if is_python { Some("python3") } else { PACKAGED.iter().find(|name| **name == wanted).copied() };
                match package {
                    Some(package) => {
                        Mend::Command(format!("apt-get install {package}   # or the package manager of this system"))
                    }
                    None => Mend::Advice("name an interpreter that exists".into()),
                }
            }
        }
    }

    /// A first line for the interpreter that was meant, or for its present-day successor.
    fn replacement(&self, wanted: &str) -> Option<Replacement> {
        let successor = if language_of(wanted) == Language::Python { "python3" } else { "" };
        let user = &self.options.user;
        // What env found on the way is no longer an argument of env.
        let argument = self.argument.filter(|_| !self.program.ends_with("/env"));
        for name in [wanted, successor].into_iter().filter(|name| !name.is_empty()) {
            let everywhere = [Some(&self.options.path), self.options.shell_path.as_ref()];
            for (index, search) in everywhere.into_iter().flatten().enumerate() {
                let Some(program) = on_path(search, name, user) else { continue };
                // On the server's PATH, env will find it, unless an argument has to follow.
                let has_env =
                    index == 0 && argument.is_none() && state(Path::new("/usr/bin/env"), user) == State::Usable;
                let mut line =
                    if has_env { format!("#!/usr/bin/env {name}") } else { format!("#!{}", program.display()) };
                let mut arguments = Vec::new();
                if let Some(argument) = argument {
                    line.push(' ');
                    line.push_str(argument);
                    arguments.push(argument.into());
                }
                return Some(Replacement { line, interpreter: Interpreter { program, arguments } });
            }
        }
        None
    }
}
