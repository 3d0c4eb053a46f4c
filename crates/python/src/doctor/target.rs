//! Applications: can they be loaded? The message is that of `millau serve`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use millau_config::{Invocation, PasteServer, parse};
use pyo3::prelude::*;

use crate::application::wsgi::Surroundings;
use crate::host::PythonHost;
use crate::load;

/// Files in which an application of a project usually is.
const USUAL: [&str; 4] = ["wsgi.py", "app.py", "application.py", "main.py"];

/// Loads what a target names as `millau serve` would in this directory. `true`: that works.
pub(super) fn examine(py: Python<'_>, target: &str, out: &mut impl Write) -> io::Result<bool> {
    match load(py, target) {
        Ok(()) => {
            writeln!(out, "{target}: {}; to serve it: millau serve {target}", what_works(target))?;
            Ok(true)
        }
        Err(message) => {
            writeln!(out, "error: {message}")?;
            Ok(false)
        }
    }
}

fn load(py: Python<'_>, target: &str) -> Result<(), String> {
    let here = std::env::current_dir().unwrap_or_default();
    load::put_on_path(py, &here).map_err(|error| error.to_string())?;
    let words = ["millau", "serve", "--", target].map(OsString::from);
    let invocation = parse(words, [], &PasteServer::default()).map_err(|error| error.to_string())?;
    let Invocation::Serve(settings) = invocation else { return Err(format!("'{target}' is nothing to be served")) };
    let surroundings = Surroundings { multithread: true, multiprocess: true, run_once: false, debug: false };
    PythonHost::new(py, &settings, Vec::new(), None).application(target, surroundings).map(drop)
}

/// What has been seen of a target that could be loaded, and what will be seen with the first request only.
fn what_works(target: &str) -> &'static str {
    if load::static_directory(target).is_some() {
        return "the directory can be opened";
    }
    match load::mod_python_kind(target) {
        Some(("publisher", path)) if path.ends_with(".py") => "the file is there, and is imported when it is asked for",
        Some(("publisher", _)) => "the directory is there, and a module in it is imported when it is asked for",
        Some(("psp", _)) => "the directory is there, and a page in it is compiled when it is asked for",
        _ => "it can be imported and called",
    }
}

/// Whether a file is a module with a WSGI application rather than a CGI script.
pub(super) fn is_application(path: &Path) -> bool {
    // What is no regular file is not opened: a FIFO without a writer would be waited for.
    let is_module = path.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 == 0);
    if !is_module || path.extension().is_none_or(|suffix| suffix != "py") {
        return false;
    }
    let text = std::fs::read(path).unwrap_or_default();
    !text.starts_with(b"#!") && String::from_utf8_lossy(&text).lines().any(defines_one)
}

/// `application = …`, `def app(…`, at the left edge.
fn defines_one(line: &str) -> bool {
    let line = line.strip_prefix("async ").unwrap_or(line);
    let rest = line.strip_prefix("def ").or_else(|| line.strip_prefix("class ")).unwrap_or(line);
    ["application", "app"].iter().any(|name| {
        rest.strip_prefix(name).is_some_and(|after| {
            let after = after.trim_start();
            after.starts_with('(') && rest.len() < line.len()
                || after.starts_with('=') && !after.starts_with("==")
                || after.starts_with(':') && after.contains('=')
        })
    })
}

/// The targets of a project: the usual files, in the directory and in the packages right below it.
pub(super) fn applications_in(directory: &Path) -> Vec<PathBuf> {
    let below = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = below.filter(|path| path.join("__init__.py").is_file()).collect();
    folders.sort();
    folders.insert(0, directory.to_owned());
    let files = folders.iter().flat_map(|folder| USUAL.iter().map(|name| folder.join(name)));
    files.filter(|path| is_application(path)).collect()
}

/// A project with one application is examined; with several, the operator is to say which.
pub(super) fn project(py: Python<'_>, directory: &Path, files: &[PathBuf], out: &mut impl Write) -> io::Result<bool> {
    let module = |file: &PathBuf| {
        let inside = file.strip_prefix(directory).unwrap_or(file).with_extension("");
        inside.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join(".")
    };
    let targets: Vec<String> = files.iter().map(module).collect();
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    if let Err(error) = std::env::set_current_dir(&directory) {
        writeln!(out, "error: cannot change to '{}': {error}", directory.display())?;
        return Ok(false);
    }
    match targets.as_slice() {
        [target] => {
            writeln!(out, "{}: a project with the application {target}", directory.display())?;
            examine(py, target, out)
        }
        _ => {
            writeln!(out, "{}: applications: {}", directory.display(), targets.join(", "))?;
            writeln!(out, "name the one that is meant: cd {} && millau doctor {}", directory.display(), targets[0])?;
            Ok(true)
        }
    }
}
