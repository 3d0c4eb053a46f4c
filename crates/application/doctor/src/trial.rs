//! Runs a script once, as a web server would for a plain GET, to see what it answers.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use millau_cgi::ResponseDecoder;
use millau_gateway::Response;

use crate::bounded::{self, Bounds, Ending};
use crate::failure::{Failure, diagnose_failure};
use crate::script::{Options, clean_environment};
use crate::{Finding, Mend, Place, Problem};

/// What a script is let write: enough for any page, and not for a download.
const OUTPUT: usize = 16 * 1024 * 1024;

/// As the server's own limit for heads.
const HEAD: usize = 64 * 1024;

/// What came of it.
#[derive(Debug)]
pub struct Trial {
    /// One line about the answer; `None` where there was none.
    pub answer: Option<String>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// The last of what the script wrote to its standard error.
    pub stderr: Vec<u8>,
}

/// Runs the script with the environment of a GET for it with no query, as the serving user if this process may do that.
/// After `time` it is ended, and everything that it has started with it.
pub fn try_script(path: &Path, options: &Options, time: Duration) -> Trial {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut command = Command::new(&path);
    environment(&mut command, &path, options);
    let outcome = match bounded::run(command, Vec::new(), &options.user, Bounds { time, output: OUTPUT }) {
        Ok(outcome) => outcome,
        Err(error) => {
            let failure = Failure { script: &path, not_started: Some(&error), ending: None, stderr: b"", defect: None };
            return Trial { answer: None, findings: diagnose_failure(&failure, options), stderr: Vec::new() };
        }
    };
    let is_nph = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"nph-"));
    let (answer, defect) = if is_nph { as_http(&outcome.stdout) } else { as_cgi(&outcome.stdout) };
    let mut findings = Vec::new();
    if defect.is_some() || outcome.ending != Ending::Exited(0) {
        let failure = Failure {
            script: &path,
            not_started: None,
            ending: Some(outcome.ending),
            stderr: &outcome.stderr,
            defect: defect.as_ref(),
        };
        findings = diagnose_failure(&failure, options);
    } else if answer.is_none() {
        findings.push(Finding::error(
            Problem::MalformedHeader,
            Place::File(path.clone()),
            "the script's name begins with nph-, and its output does not begin with a status line",
            "what such a script prints goes to the client as it is (RFC 3875 §5)",
            Mend::Advice("print 'HTTP/1.1 200 OK' first, or give the script another name".into()),
        ));
    }
    Trial { answer: answer.filter(|_| defect.is_none()), findings, stderr: outcome.stderr }
}

fn environment(command: &mut Command, path: &Path, options: &Options) {
    clean_environment(command, options);
    command.env_remove("PYTHONDONTWRITEBYTECODE");
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut name = std::ffi::OsString::from("/cgi-bin/");
    name.push(path.file_name().unwrap_or_default());
    command.current_dir(folder).env("SCRIPT_FILENAME", path).env("SCRIPT_NAME", &name).env("REQUEST_URI", &name);
    for (name, value) in [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_SOFTWARE", "Millau"),
        ("SERVER_NAME", "localhost"),
        ("SERVER_PORT", "80"),
        ("REQUEST_METHOD", "GET"),
        ("QUERY_STRING", ""),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("REMOTE_PORT", "50000"),
        ("HTTP_HOST", "localhost"),
        ("HTTP_ACCEPT", "text/html, */*;q=0.5"),
        ("HTTP_USER_AGENT", "millau doctor"),
    ] {
        command.env(name, value);
    }
}

fn as_cgi(output: &[u8]) -> (Option<String>, Option<millau_cgi::Defect>) {
    let mut decoder = ResponseDecoder::new(HEAD);
    let mut response = Response::default();
    match decoder.receive(output, &mut response) {
        Ok(Some(head)) => {
            let body = output.len() - head.length;
            if body > 0
                && let Err(defect) = head.check_body()
            {
                return (None, Some(defect));
            }
            let kind = response.fields.get(b"Content-Type").or_else(|| response.fields.get(b"Location"));
            let kind = String::from_utf8_lossy(kind.unwrap_or_default()).into_owned();
            (Some(format!("status {}, {kind}, {body} bytes", response.status)), None)
        }
        Ok(None) => (None, Some(decoder.finish(output))),
        Err(defect) => (None, Some(defect)),
    }
}

fn as_http(output: &[u8]) -> (Option<String>, Option<millau_cgi::Defect>) {
    if output.is_empty() {
        return (None, Some(millau_cgi::Defect::Empty));
    }
    let line = output.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line).trim_end().to_owned();
    (line.starts_with("HTTP/").then_some(line), None)
}
