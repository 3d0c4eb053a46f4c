//! `millau relay`: writes a CGI program whose interpreter is the relay, and the relay itself.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use millau_config::{RelayScript, quoted_word};
use pyo3::prelude::*;

const DONE: i32 = 0;
const FAILURE: i32 = 1;

/// The executable, for the system that the engine was built for.
static RELAY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/millau-relay"));
const NAME: &str = "millau-relay";
/// The longest first line that every Linux reads whole (execve(2)).
const FIRST_LINE: usize = 127;

/// Writes both, says on standard output what was written, and gives the exit code.
pub(crate) fn write(py: Python<'_>, script: &RelayScript) -> i32 {
    match written(py, script) {
        Ok(said) => {
            print!("{said}");
            DONE
        }
        Err(error) => {
            eprintln!("millau relay: {error}");
            FAILURE
        }
    }
}

fn written(py: Python<'_>, script: &RelayScript) -> Result<String, String> {
    let file = std::path::absolute(&script.file).map_err(|error| format!("{}: {error}", script.file.display()))?;
    refuse_another(&file)?;
    let millau = command_path(py).ok_or(
        "the command millau is not where it was called from, so that the script could not name it; call it by its path",
    )?;
    let beside = millau.with_file_name(NAME);
    let (relay, first_line) = match install(&beside) {
        Ok(()) => (beside.clone(), format!("#!{}", text(&beside)?)),
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
            let relay = file.with_file_name(NAME);
            install(&relay).map_err(|error| format!("cannot write {}: {error}", relay.display()))?;
            let first_line = format!("#!{} --millau={}", text(&relay)?, text(&millau)?);
            (relay, first_line)
        }
        Err(error) => return Err(format!("cannot write {}: {error}", beside.display())),
    };
    let lines = lines(script, &file)?;
    replace(&file, lines_below(&first_line, &lines).as_bytes())
        .map_err(|error| format!("cannot write {}: {error}", file.display()))?;

    let mut said = format!("the relay is {}\nthe CGI program is {}:\n", relay.display(), file.display());
    for line in std::iter::once(&first_line).chain(&lines) {
        let _ = writeln!(said, "    {line}");
    }
    let _ = writeln!(said, "to start the server anew after a change: touch {}", file.display());
    if first_line.len() > FIRST_LINE {
        let _ = writeln!(said, "warning: its first line is longer than {FIRST_LINE} bytes, which old systems cut off");
    }
    Ok(said)
}

/// Nothing is overwritten that is not a script of the relay.
fn refuse_another(file: &Path) -> Result<(), String> {
    match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("cannot look at {}: {error}", file.display())),
        Ok(text) => {
            let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let is_ours = line.starts_with(b"#!") && line.windows(NAME.len()).any(|part| part == NAME.as_bytes());
            if is_ours {
                Ok(())
            } else {
                Err(format!(
                    "{} is there already and is no script of the relay; remove it, or choose another name",
                    file.display()
                ))
            }
        }
    }
}

/// The command that this is, or the one beside the interpreter.
fn command_path(py: Python<'_>) -> Option<PathBuf> {
    let sys = py.import("sys").ok()?;
    let called = sys.getattr("argv").and_then(|argv| argv.get_item(0)?.extract::<PathBuf>()).ok();
    let called = called.filter(|path| path.file_name() == Some(OsStr::new("millau")));
    let beside = sys.getattr("executable").and_then(|path| path.extract::<PathBuf>()).ok();
    let beside = beside.map(|path| path.with_file_name("millau"));
    let found = [called, beside].into_iter().flatten().find(|path| path.is_file())?;
    std::path::absolute(found).ok()
}

/// Puts the relay there, unless it is there.
fn install(path: &Path) -> io::Result<()> {
    let is_there = fs::read(path).is_ok_and(|found| found == RELAY)
        && path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o777 == 0o755);
    if is_there { Ok(()) } else { replace(path, RELAY) }
}

/// Writes an executable file as a whole: whoever starts it meanwhile gets the old one or the new one.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let write = || {
        fs::write(&new, content)?;
        fs::set_permissions(&new, PermissionsExt::from_mode(0o755))?;
        fs::rename(&new, path)
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// The lines below the first: the target, the directory, and the options.
fn lines(script: &RelayScript, file: &Path) -> Result<Vec<String>, String> {
    let here = std::env::current_dir().map_err(|error| format!("the current directory cannot be found: {error}"))?;
    let directory = match &script.settings.chdir {
        Some(directory) => here.join(directory),
        None => here,
    };
    let mut lines = script.lines.clone();
    if file.parent() != Some(&*directory) {
        let place = usize::from(script.settings.target.is_some());
        lines.insert(place, vec!["--chdir".into(), directory.into()]);
    }
    let line = |words: Vec<std::ffi::OsString>| {
        let words = words.iter().map(|word| {
            let quoted = word.to_str().and_then(quoted_word);
            quoted.ok_or_else(|| format!("'{}' cannot be written into a script", word.to_string_lossy()))
        });
        Ok(words.collect::<Result<Vec<String>, String>>()?.join(" "))
    };
    lines.into_iter().map(line).collect()
}

fn lines_below(first_line: &str, lines: &[String]) -> String {
    format!("{first_line}\n{}\n", lines.join("\n"))
}

/// A path in a first line, which the kernel splits at blanks.
fn text(path: &Path) -> Result<&str, String> {
    let text = path.to_str().filter(|text| !text.contains(char::is_whitespace));
    text.ok_or_else(|| {
        format!("'{}' cannot stand in the first line of a script, because of its blanks", path.display())
    })
}
