//! `millau doctor`: tells the subjects apart, has each examined, and prints what is found.

mod deployment;
mod scripts;
mod target;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use millau_config::Examination;
use millau_doctor::{Options, SERVER_PATH, Served, Url, User, scripts_in};
use pyo3::prelude::*;

use scripts::Scripts;

/// What a word on the command line stands for.
enum Subject {
    Script(PathBuf),
    Directory(PathBuf),
    Application(String),
    Deployment(Url),
}

/// Examines every subject. `Ok(true)`: no error is left.
///
/// # Errors
/// What makes the examination itself impossible, in one line for the operator.
pub(crate) fn examine(py: Python<'_>, examination: &Examination, out: &mut impl Write) -> Result<bool, String> {
    let subjects = examination.subjects.iter().map(|word| subject(word)).collect::<Result<Vec<_>, _>>()?;
    let are_urls = subjects.iter().all(|subject| matches!(subject, Subject::Deployment(_)));
    let options = options(examination, are_urls)?;
    let mut is_well = true;
    for (index, subject) in subjects.into_iter().enumerate() {
        if index > 0 {
            let _ = writeln!(out);
        }
        is_well &= match subject {
            Subject::Script(path) => {
                Scripts { examination, options: &options }.all(std::slice::from_ref(&path), out).map_err(broken)?
            }
            Subject::Directory(path) => directory(py, &path, examination, &options, out)?,
            Subject::Deployment(url) => deployment::examine(py, &url, examination, out).map_err(broken)?,
            Subject::Application(target) => target::examine(py, &target, out).map_err(broken)?,
        };
    }
    Ok(is_well)
}

/// A reader that has gone (`millau doctor . | head`) is no failure of the patient.
fn broken(error: io::Error) -> String {
    format!("the report cannot be written: {error}")
}

/// `1 error`, `2 errors`
fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn options(examination: &Examination, are_urls: bool) -> Result<Options, String> {
    let current = User::current();
    let user = match &examination.user {
        Some(name) => User::named(name).map_err(|error| format!("--user: {error}"))?,
        None => current.clone(),
    };
    if current.is_root() && examination.user.is_none() && !are_urls {
        if examination.run {
            return Err(
                "--run as root: name the user that the web server runs scripts as, with --user www-data, say".into()
            );
        }
        eprintln!(
            "millau: examined for root, who may do nearly everything; for the web server's user add --user www-data, say"
        );
    }
    if examination.run && !user.can_be_taken_on() {
        return Err(format!("--run --user {}: only root may run a script as another user; use sudo", user.name));
    }
    let served = if examination.cgi_directories.is_empty() && examination.cgi_suffixes.is_empty() {
        Served::configured()
    } else {
        Served {
            directories: examination.cgi_directories.iter().filter_map(|path| std::path::absolute(path).ok()).collect(),
            suffixes: examination.cgi_suffixes.clone(),
            sources: Vec::new(),
        }
    };
    Ok(Options {
        user,
        path: examination.path.clone().unwrap_or_else(|| SERVER_PATH.into()),
        shell_path: std::env::var_os("PATH"),
        served: Some(served),
        ..Options::default()
    })
}

fn subject(word: &OsStr) -> Result<Subject, String> {
    let text = word.to_string_lossy();
    if text.starts_with("http://") || text.starts_with("https://") {
        return Url::parse(&text).map(Subject::Deployment);
    }
    let path = Path::new(text.strip_prefix("cgi:").map_or(word, OsStr::new));
    if path.is_dir() {
        return Ok(Subject::Directory(path.to_owned()));
    }
    if path.exists() {
        return Ok(match text.strip_prefix("cgi:") {
            None if target::is_application(path) => Subject::Application(text.into_owned()),
            _ => Subject::Script(path.to_owned()),
        });
    }
    // No TARGET has "//" behind its colon.
    if text.contains("://") {
        return Url::parse(&text).map(Subject::Deployment);
    }
    // module:attribute and file.py:attribute name no file; a path that leads nowhere is one of a script.
    let source = text.split_once(':').map_or(&*text, |(source, _)| source);
    Ok(if text.contains(':') && !text.starts_with("cgi:") || !(source.contains('/') || has_suffix(path)) {
        Subject::Application(text.into_owned())
    } else {
        Subject::Script(path.to_owned())
    })
}

fn has_suffix(path: &Path) -> bool {
    path.extension().is_some_and(|suffix| ["py", "cgi", "pl", "sh", "rb", "fcgi"].iter().any(|known| suffix == *known))
}

fn directory(
    py: Python<'_>,
    path: &Path,
    examination: &Examination,
    options: &Options,
    out: &mut impl Write,
) -> Result<bool, String> {
    let found = scripts_in(path).map_err(|error| format!("{}: {error}", path.display()))?;
    // A project has scripts as well (manage.py), and a directory of scripts may hold a module with an application.
    let applications = target::applications_in(path);
    let is_project = !applications.is_empty() && !path.ends_with("cgi-bin");
    if is_project {
        return target::project(py, path, &applications, out).map_err(broken);
    }
    if found.scripts.is_empty() {
        let _ = writeln!(
            out,
            "{}: no script and no application in it ({}, {})",
            path.display(),
            counted(found.modules.len(), "Python module"),
            counted(found.others, "other file")
        );
        return Ok(true);
    }
    let is_well = Scripts { examination, options }.all(&found.scripts, out).map_err(broken)?;
    if !found.modules.is_empty() {
        let names: Vec<String> = found
            .modules
            .iter()
            .take(8)
            .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into())
            .collect();
        let more = if found.modules.len() > names.len() { ", ..." } else { "" };
        let _ = writeln!(out, "taken for modules, not for scripts: {}{more}", names.join(", "));
    }
    Ok(is_well)
}
