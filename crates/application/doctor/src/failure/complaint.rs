//! What interpreters write to standard error when they give up.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::mend::quoted;
use crate::script::{Installation, Options, closed_directories, moved};
use crate::{Finding, Mend, Place, Problem, User};

/// The cause that standard error shows, if it shows one.
pub(super) fn in_stderr(script: &Path, stderr: &[u8], options: &Options) -> Option<Finding> {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    python(script, &lines, options).or_else(|| perl(script, &lines)).or_else(|| shell(script, &lines, options))
}

/// An exception: the line behind the last traceback, or behind the place of a syntax error.
fn python(script: &Path, lines: &[&str], options: &Options) -> Option<Finding> {
    let start = lines.iter().rposition(|line| line.starts_with("Traceback (most recent call last)"));
    let start = start.or_else(|| lines.iter().rposition(|line| line.starts_with("  File \"")));
    let index = match start {
        Some(start) => {
            start + 1 + lines[start + 1..].iter().position(|line| !line.starts_with(' ') && line.contains(is_word))?
        }
        // A source that cannot be decoded has no place.
        None => lines.iter().position(|line| line.starts_with("SyntaxError: "))?,
    };
    let (name, message) = lines[index].split_once(": ").unwrap_or((lines[index], ""));
    if !name.chars().all(|c| is_word(c) || c == '.') {
        return None;
    }
    let frames: Vec<(PathBuf, usize)> =
        lines[start.unwrap_or(index)..index].iter().filter_map(|line| frame(line)).collect();
    // The innermost frame that is the script's own says more than one in a library.
    let folder = script.parent().unwrap_or(script);
    let own = frames.iter().rev().find(|(path, _)| path.starts_with(folder) && !in_library(path));
    let place = match own.or(frames.last()) {
        Some((path, line)) => Place::Line(path.clone(), *line),
        None => Place::File(script.to_owned()),
    };
    let exception = Exception { script, name: name.rsplit('.').next().unwrap_or(name), message, place, options };
    Some(exception.finding(lines[index]))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn in_library(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("site-packages" | "dist-packages")))
}

/// `  File "/srv/x.py", line 3, in f`
fn frame(line: &str) -> Option<(PathBuf, usize)> {
    let (path, rest) = line.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let number = rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    Some((path.into(), number))
}

struct Exception<'a> {
    script: &'a Path,
    name: &'a str,
    message: &'a str,
    place: Place,
    options: &'a Options,
}

impl Exception<'_> {
    fn finding(self, line: &str) -> Finding {
        let quotes: Vec<&str> = self.message.split('\'').skip(1).step_by(2).collect();
        let first = quotes.first().copied().unwrap_or_default();
        match self.name {
            "ModuleNotFoundError" | "ImportError" if self.message.starts_with("No module named ") => {
                let module = self.message.trim_start_matches("No module named ").split(';').next().unwrap_or_default();
                self.module(module.trim_matches('\''))
            }
            "SyntaxError" | "IndentationError" | "TabError" if is_about_encoding(self.message) => self.told(
                Problem::SourceEncoding,
                line,
                "Python reads sources as UTF-8 unless one of the first two lines names another encoding",
                self.doctor("--fix"),
            ),
            "SyntaxError" | "TabError" if is_python_two(self.message) => self.told(
                Problem::PythonTwo,
                line,
                "the script is written for Python 2, and its first line leads to Python 3",
                self.convert(),
            ),
            "SyntaxError" | "IndentationError" | "TabError" => self.told(
                Problem::SyntaxError,
                line,
                "a script that cannot be compiled does not start: not even its header is printed",
                self.doctor(""),
            ),
            "NameError" if is_name_of_python_two(first) => self.told(
                Problem::PythonTwo,
                line,
                "the name belongs to Python 2, and the first line of the script leads to Python 3",
                self.convert(),
            ),
            "AttributeError" if quotes.len() == 2 => self.attribute(quotes[0], quotes[1], line),
            "UnicodeEncodeError" => self.told(
                Problem::OutputEncoding,
                line,
                "a web server starts scripts without the locale of your shell, so that Python may print in ASCII",
                Mend::Advice(
                    "have the script say sys.stdout.reconfigure(encoding=\"utf-8\") before it prints, and charset=utf-8 in \
                     its Content-Type; or set PYTHONIOENCODING=utf-8 (Apache: SetEnv PYTHONIOENCODING utf-8)"
                        .into(),
                ),
            ),
            // Errno 1 is about rights that no file mode gives, and without a name no file was meant.
            "PermissionError" | "OSError" | "IOError" if self.message.starts_with("[Errno 13]") && quotes.len() == 1 => {
                self.denied(first, line)
            }
            "OperationalError" if self.message.contains("database file") || self.message.contains("readonly") => self.told(
                Problem::FileDenied,
                line,
                "SQLite writes its journal beside the database: the serving user must be able to write the file and the \
                 directory that it is in",
                Mend::Command(format!(
                    "chgrp {} DIRECTORY DIRECTORY/DATABASE && chmod g+rwx DIRECTORY && chmod g+rw DIRECTORY/DATABASE",
                    group(&self.options.user)
                )),
            ),
            "FileNotFoundError" if !first.is_empty() && !first.starts_with('/') => self.told(
                Problem::Exception,
                line,
                "a relative name counts from the directory of the script when a web server runs it, or from elsewhere on some",
                Mend::Advice(format!("os.path.join(os.path.dirname(os.path.abspath(__file__)), {first:?})")),
            ),
            _ => self.told(
                Problem::Exception,
                line,
                "nothing in the script has caught it, so that the script ended there",
                Mend::Command(format!("millau doctor --run {}", quoted(self.script))),
            ),
        }
    }

    fn told(&self, problem: Problem, what: &str, why: &str, mend: Mend) -> Finding {
        Finding::error(problem, self.place.clone(), what, why, mend)
    }

    fn doctor(&self, option: &str) -> Mend {
        let option = if option.is_empty() { String::new() } else { format!("{option} ") };
        Mend::Command(format!("millau doctor {option}{}", quoted(self.script)))
    }

    /// The Python that the script's first line leads to.
    fn python(&self) -> PathBuf {
        crate::script::interpreter_of(self.script, self.options).unwrap_or_else(|| "python3".into())
    }

    fn convert(&self) -> Mend {
        let python = self.python();
        Mend::Command(Installation::of(&python).convert(self.script, &python))
    }

    fn module(&self, module: &str) -> Finding {
        let gone = moved::find(module);
        let python = self.python();
        let install = |package: &str| Mend::Command(Installation::of(&python).install(self.script, &python, package));
        let (problem, what, mend) = match gone.map(|gone| (gone.since, gone.now)) {
            Some((since, moved::Now::Package(package))) => (
                Problem::ModuleGone,
                format!("the module '{module}' left the standard library with Python {}.{}", since.0, since.1),
                install(package),
            ),
            Some(((3, 0), moved::Now::Renamed(now))) => {
                let what = format!("the module '{module}' of Python 2 is '{now}' now");
                (Problem::ModuleGone, what, self.convert())
            }
            Some((_, moved::Now::Renamed(now) | moved::Now::Instead(now))) => {
                let what = format!("the module '{module}' is not in this Python any more");
                (Problem::ModuleGone, what, Mend::Advice(format!("use {now}")))
            }
            None => (
                Problem::ModuleMissing,
                format!("there is no module '{module}' for {}", python.display()),
                install(moved::package(module)),
            ),
        };
        let why = "modules are installed for each interpreter, and what is in your home directory or in a virtual \
                   environment is not there for the web server's";
        self.told(problem, &what, why, mend)
    }

    fn attribute(&self, owner: &str, name: &str, line: &str) -> Finding {
        let full = format!("{owner}.{name}");
        if let Some((_, _, now)) = moved::NAMES.iter().find(|(known, ..)| *known == full) {
            let why = "the name was in older versions of Python";
            return self.told(Problem::ModuleGone, line, why, Mend::Advice(format!("use {now}")));
        }
        if matches!(name, "has_key" | "iteritems" | "iterkeys" | "itervalues") && owner.contains("dict") {
            let why = "the method belongs to Python 2, and the first line of the script leads to Python 3";
            return self.told(Problem::PythonTwo, line, why, self.convert());
        }
        let why = "nothing in the script has caught it, so that the script ended there";
        self.told(Problem::Exception, line, why, Mend::Command(format!("millau doctor --run {}", quoted(self.script))))
    }

    fn denied(&self, file: &str, line: &str) -> Finding {
        let user = &self.options.user;
        let path = self.script.parent().unwrap_or(Path::new("/")).join(file);
        if let Some(closed) = closed_directories(&path, user).into_iter().next() {
            return self.told(Problem::FileDenied, line, &format!("{}: {}", closed.place, closed.what), closed.mend);
        }
        let group = group(user);
        // A file that is not there yet is made in its directory.
        let (target, bits) = match path.metadata() {
            Ok(facts) if !facts.is_dir() => (path.as_path(), "g+rw"),
            Ok(_) => (path.as_path(), "g+rwx"),
            Err(_) => (path.parent().unwrap_or(Path::new("/")), "g+rwx"),
        };
        let target = quoted(target);
        let why = format!("the script runs as {}, and not as you", user.name);
        self.told(
            Problem::FileDenied,
            line,
            &why,
            Mend::Command(format!("chgrp {group} {target} && chmod {bits} {target}")),
        )
    }
}

fn group(user: &User) -> String {
    crate::user::group_name_of(user.gid)
}

/// As the compiler says it for a file, and for a source that somebody else has read.
fn is_about_encoding(message: &str) -> bool {
    message.starts_with("Non-UTF-8 code") || message.starts_with("(unicode error) 'utf-8' codec")
}

fn is_python_two(message: &str) -> bool {
    ["Missing parentheses in call to", "multiple exception types must be parenthesized", "leading zeros in decimal"]
        .iter()
        .any(|start| message.starts_with(start))
        || message.starts_with("invalid decimal literal")
        || message.starts_with("inconsistent use of tabs")
}

fn is_name_of_python_two(name: &str) -> bool {
    let names = ["unicode", "raw_input", "xrange", "basestring", "unichr", "long", "reduce", "file", "execfile", "cmp"];
    names.contains(&name)
}

fn perl(script: &Path, lines: &[&str]) -> Option<Finding> {
    let missing = lines.iter().find_map(|line| line.strip_prefix("Can't locate ")?.split_once(".pm in @INC"));
    if let Some((module, _)) = missing {
        let module = module.replace('/', "::");
        let package = format!("lib{}-perl", module.to_lowercase().replace("::", "-"));
        let mend = format!("cpan {module}   # Debian: apt-get install {package}");
        return Some(Finding::error(
            Problem::ModuleMissing,
            Place::File(script.to_owned()),
            format!("there is no module '{module}' for this Perl"),
            "Perl compiles what a script uses before anything is printed; CGI.pm is not a part of Perl since 5.22",
            Mend::Command(mend),
        ));
    }
    let line = lines.iter().find(|line| line.starts_with("syntax error at ") && line.contains(" line "))?;
    let number = line.split(" line ").nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
    Some(Finding::error(
        Problem::SyntaxError,
        Place::of(script, number),
        (*line).to_owned(),
        "a script that cannot be compiled does not start: not even its header is printed",
        Mend::Command(format!("perl -wc {}", quoted(script))),
    ))
}

/// `script.sh: line 3: convert: command not found`, or dash's `script.sh: 3: convert: not found`.
fn shell(script: &Path, lines: &[&str], options: &Options) -> Option<Finding> {
    let line = lines.iter().find(|line| line.ends_with(": not found") || line.ends_with(": command not found"))?;
    let mut parts = line.rsplit(": ");
    let program = parts.nth(1)?;
    let number = parts.next().and_then(|part| part.trim_start_matches("line ").parse().ok());
    let elsewhere = options.shell_path.as_ref().or(Some(&options.path)).and_then(|path| which(path, program));
    let mend = match elsewhere {
        Some(found) => Mend::Advice(format!("write the whole path: {}", found.display())),
        None => Mend::Command(format!("apt-get install {program}   # or the package that has it")),
    };
    Some(Finding::error(
        Problem::ExitStatus,
        Place::of(script, number),
        format!("the program '{program}' is not on the web server's PATH ({})", options.path.to_string_lossy()),
        "the PATH of the web server is not that of your shell",
        mend,
    ))
}

fn which(search: &OsStr, program: &str) -> Option<PathBuf> {
    std::env::split_paths(search).map(|folder| folder.join(program)).find(|path| path.is_file())
}
