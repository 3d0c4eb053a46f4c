//! What the script's own Python says about it: encoding, syntax, modules. The script is not run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::installation::Installation;
use super::interpreter::Interpreter;
use super::moved::{self, Now};
use super::{Options, clean_environment};
use crate::bounded::{self, Bounds, Ending};
use crate::mend::quoted;
use crate::{Finding, Mend, Place, Problem, SafeMend};

const PROBE: &str = include_str!("probe.py");

/// An interpreter on a slow disk starts well within this; what it prints is some lines of JSON.
const BOUNDS: Bounds = Bounds { time: Duration::from_secs(20), output: 4 * 1024 * 1024 };

#[derive(Deserialize)]
struct Report {
    version: (u32, u32),
    executable: Option<String>,
    managed: bool,
    lib2to3: bool,
    files: Vec<Source>,
    missing: Vec<Missing>,
    uses: Vec<Use>,
}

#[derive(Deserialize)]
struct Source {
    path: PathBuf,
    encoding: Option<Encoding>,
    syntax: Option<Syntax>,
    old: Vec<(usize, String)>,
}

#[derive(Deserialize)]
struct Encoding {
    line: usize,
    byte: String,
    declared: Option<String>,
    known: bool,
}

#[derive(Deserialize)]
struct Syntax {
    line: Option<usize>,
    message: String,
    kind: String,
}

#[derive(Deserialize)]
struct Missing {
    file: PathBuf,
    line: usize,
    module: String,
    lazy: bool,
}

#[derive(Deserialize)]
struct Use {
    file: PathBuf,
    line: usize,
    name: String,
}

/// Asks the interpreter about the script, whose text is `source`.
pub(super) fn examine(
    path: &Path,
    source: &[u8],
    interpreter: &Interpreter,
    options: &Options,
    findings: &mut Vec<Finding>,
) {
    match ask(path, source, interpreter, options) {
        Ok(report) => Judge { path, interpreter, report: &report }.all(findings),
        Err(problem) => findings.push(Finding::warning(
            Problem::InterpreterFails,
            Place::Line(path.to_owned(), 1),
            format!("{} cannot be asked about the script: {problem}", interpreter.program.display()),
            "syntax and modules have not been looked at",
            Mend::Command(format!("{} --version", quoted(&interpreter.program))),
        )),
    }
}

fn ask(path: &Path, source: &[u8], interpreter: &Interpreter, options: &Options) -> Result<Report, String> {
    let mut command = Command::new(&interpreter.program);
    // Options such as -u or -O belong to the script's Python as well; what is no option would be a program of its own.
    let options_of_python = interpreter.arguments.iter().flat_map(|argument| split(argument));
    command.args(options_of_python.take_while(|word| word.starts_with('-')));
    command.args(["-E", "-c", PROBE]).arg(path);
    clean_environment(&mut command, options);
    command.current_dir("/");
    let outcome = bounded::run(command, source.to_vec(), &options.user, BOUNDS).map_err(|error| error.to_string())?;
    match outcome.ending {
        Ending::Exited(0) => serde_json::from_slice(&outcome.stdout).map_err(|error| error.to_string()),
        ending => {
            let stderr = String::from_utf8_lossy(&outcome.stderr);
            let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            Err(format!("{ending:?} {last}"))
        }
    }
}

fn split(argument: &OsStr) -> Vec<String> {
    argument.to_string_lossy().split_whitespace().map(str::to_owned).collect()
}

struct Judge<'a> {
    path: &'a Path,
    interpreter: &'a Interpreter,
    report: &'a Report,
}

impl Judge<'_> {
    fn all(&self, findings: &mut Vec<Finding>) {
        for source in &self.report.files {
            self.encoding(source, findings);
            self.syntax(source, findings);
        }
        let mut told: Vec<&str> = Vec::new();
        for missing in &self.report.missing {
            if !told.contains(&&*missing.module) {
                told.push(&missing.module);
                findings.push(self.missing(missing));
            }
        }
        for used in &self.report.uses {
            if !told.contains(&&*used.name) {
                told.push(&used.name);
                findings.extend(self.used(used));
            }
        }
    }

    /// The script's own path is given as the operator wrote it, not as the interpreter resolved it.
    fn place(&self, file: &Path, line: Option<usize>) -> Place {
        Place::of(self.shown(file), line)
    }

    fn shown<'b>(&'b self, file: &'b Path) -> &'b Path {
        if self.report.files.first().is_some_and(|main| main.path == file) { self.path } else { file }
    }

    fn python(&self) -> String {
        format!("Python {}.{}", self.report.version.0, self.report.version.1)
    }

    fn encoding(&self, source: &Source, findings: &mut Vec<Finding>) {
        let Some(encoding) = &source.encoding else { return };
        let place = self.place(&source.path, Some(encoding.line));
        let path = self.shown(&source.path);
        let is_script = path == self.path;
        let finding = match &encoding.declared {
            None => {
                let mend = if is_script {
                    Mend::Safe(SafeMend::CodingLine { path: path.to_owned(), encoding: "cp1252".into() })
                } else {
                    Mend::Command(to_utf8(path, "CP1252"))
                };
                Finding::error(
                    Problem::SourceEncoding,
                    place,
                    format!("the byte {} is not UTF-8, and no line says what it is", encoding.byte),
                    format!(
                        "{} reads sources as {} unless one of the first two lines names another encoding, and refuses the \
                         rest ('Non-UTF-8 code'); Windows editors in western Europe write cp1252. To convert the file \
                         instead: {}",
                        self.python(),
                        if self.report.version.0 < 3 { "ASCII" } else { "UTF-8" },
                        to_utf8(path, "CP1252"),
                    ),
                    mend,
                )
            }
            Some(declared) if encoding.known => Finding::error(
                Problem::SourceEncoding,
                place,
                format!("the byte {} is not {declared}, which the coding line promises", encoding.byte),
                "Python refuses a source that does not fit its declared encoding",
                Mend::Command(to_utf8(path, "CP1252")),
            ),
            Some(declared) => Finding::error(
                Problem::SourceEncoding,
                place,
                format!("the coding line names '{declared}', which is no encoding that {} knows", self.python()),
                "Python refuses such a source ('unknown encoding')",
                Mend::Command(format!(r"sed -i '1,2s/coding[:=] *[-_.a-zA-Z0-9]*/coding: utf-8/' {}", quoted(path))),
            ),
        };
        findings.push(finding);
    }

    fn syntax(&self, source: &Source, findings: &mut Vec<Finding>) {
        let path = self.shown(&source.path);
        if let Some((first, _)) = source.old.first() {
            findings.push(Finding::error(
                Problem::PythonTwo,
                self.place(&source.path, Some(*first)),
                format!("Python 2 syntax: {}", listed(&source.old)),
                format!("the interpreter is {}, which does not accept it", self.python()),
                Mend::Command(self.convert(path)),
            ));
            return;
        }
        let Some(syntax) = &source.syntax else { return };
        // A source that cannot be decoded cannot be compiled either: that has been said.
        if source.encoding.is_some() {
            return;
        }
        let mend = if syntax.kind == "TabError" {
            let path = quoted(path);
            Mend::Command(format!("expand -i -t 8 {path} > {path}.new && cat {path}.new > {path} && rm {path}.new"))
        } else {
            Mend::Command(format!("{} -m py_compile {}", quoted(&self.interpreter.program), quoted(path)))
        };
        findings.push(Finding::error(
            Problem::SyntaxError,
            self.place(&source.path, syntax.line),
            format!("{} of {}: {}", syntax.kind, self.python(), syntax.message),
            "a script that cannot be compiled does not start: not even its header is printed",
            mend,
        ));
    }

    fn installation(&self) -> Installation {
        Installation { is_managed: self.report.managed, has_lib2to3: self.report.lib2to3 }
    }

    fn convert(&self, path: &Path) -> String {
        self.installation().convert(path, &self.interpreter.program)
    }

    fn install(&self, package: &str) -> String {
        self.installation().install(self.path, self.executable(), package)
    }

    fn missing(&self, missing: &Missing) -> Finding {
        let gone = moved::find(&missing.module).filter(|gone| self.report.version >= gone.since);
        let place = self.place(&missing.file, Some(missing.line));
        let module = &missing.module;
        let when = if missing.lazy { "when a function that imports it is called" } else { "before it prints anything" };
        let Some(gone) = gone else {
            let program = self.executable();
            let finding = Finding::error(
                Problem::ModuleMissing,
                place,
                format!("there is no module '{module}' for {}", program.display()),
                format!(
                    "the script ends with ModuleNotFoundError {when}; modules are installed for each interpreter, and what \
                     is in your home directory or in a virtual environment is not there for the web server's"
                ),
                Mend::Command(self.install(moved::package(module))),
            );
            return if missing.lazy { Finding { severity: crate::Severity::Warning, ..finding } } else { finding };
        };
        let (since, python) = (gone.since, self.python());
        let (what, mend) = match gone.now {
            Now::Package(package) => (
                format!("the module '{module}' left the standard library with Python {}.{}", since.0, since.1),
                Mend::Command(self.install(package)),
            ),
            Now::Renamed(name) if since.0 == 3 && since.1 == 0 => (
                format!("the module '{module}' of Python 2 is '{name}' now"),
                Mend::Command(self.convert(self.shown(&missing.file))),
            ),
            Now::Renamed(name) | Now::Instead(name) => (
                format!("the module '{module}' left the standard library with Python {}.{}", since.0, since.1),
                Mend::Advice(format!("use {name}")),
            ),
        };
        let why = format!("the interpreter is {python}: the script ends with ModuleNotFoundError {when}");
        let finding = Finding::error(Problem::ModuleGone, place, what, why, mend);
        if missing.lazy { Finding { severity: crate::Severity::Warning, ..finding } } else { finding }
    }

    fn used(&self, used: &Use) -> Option<Finding> {
        let place = self.place(&used.file, Some(used.line));
        if let Some((name, since, now)) = moved::NAMES.iter().find(|(name, ..)| *name == used.name) {
            return (self.report.version >= *since).then(|| {
                Finding::error(
                    Problem::ModuleGone,
                    place,
                    format!("'{name}' is gone since Python {}.{}", since.0, since.1),
                    format!("the interpreter is {}: the line raises an exception when it runs", self.python()),
                    Mend::Advice(format!("use {now}")),
                )
            });
        }
        let gone = moved::find(&used.name)?;
        let Now::Package(package) = gone.now else { return None };
        // Where a package has brought it back, it is no part of the standard library, and not among the uses.
        (self.report.version.0 == 3 && self.report.version < gone.since && gone.module == used.name).then(|| {
            Finding::note(
                Problem::ModuleGone,
                place,
                format!("the module '{}' is not in Python {}.{} and later", used.name, gone.since.0, gone.since.1),
                format!("the interpreter is {}, where the script works still", self.python()),
                Mend::Command(self.install(package)),
            )
        })
    }

    fn executable(&self) -> &Path {
        match &self.report.executable {
            Some(executable) if !executable.is_empty() => Path::new(executable),
            _ => &self.interpreter.program,
        }
    }
}

fn to_utf8(path: &Path, from: &str) -> String {
    let path = quoted(path);
    format!("iconv -f {from} -t UTF-8 {path} > {path}.utf8 && cat {path}.utf8 > {path} && rm {path}.utf8")
}

/// `print statement (lines 3, 7), backticks (line 9)`
fn listed(old: &[(usize, String)]) -> String {
    const SHOWN: usize = 5;
    let mut kinds: Vec<&str> = Vec::new();
    for (_, kind) in old {
        if !kinds.contains(&&**kind) {
            kinds.push(kind);
        }
    }
    let part = |kind: &str| {
        let lines: Vec<String> =
            old.iter().filter(|(_, other)| other == kind).map(|(line, _)| line.to_string()).collect();
        let (word, more) = match lines.len() {
            1 => ("line", String::new()),
            n if n > SHOWN => ("lines", format!(" and {} more", n - SHOWN)),
            _ => ("lines", String::new()),
        };
        format!("{kind} ({word} {}{more})", lines[..lines.len().min(SHOWN)].join(", "))
    };
    kinds.into_iter().map(part).collect::<Vec<_>>().join(", ")
}
