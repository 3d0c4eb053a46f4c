//! Why a script could not be started, or gave no proper answer: for the log, and under `--debug` for the browser.
//!
//! What can be wrong, and what mends it, is `millau-doctor`'s.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use millau_doctor::{Failure, Finding, Options as Examination, Problem, Severity, diagnose_failure, page};
use millau_gateway::{Exchange, Response};

use crate::child::Ending;
use crate::options::Options;

/// What is known of a program that has failed, beside the error itself.
#[derive(Default)]
pub(crate) struct Evidence {
    pub(crate) not_started: Option<std::io::Error>,
    pub(crate) ending: Option<millau_doctor::Ending>,
    /// The last of its standard error.
    pub(crate) stderr: Vec<u8>,
    pub(crate) defect: Option<millau_cgi::Defect>,
}

/// Explains failures.
pub(crate) struct Diagnosis {
    examination: Examination,
    debug: bool,
}

impl Diagnosis {
    pub(crate) fn new(options: &Options) -> Self {
        let path = OsStr::from_bytes(options.variable(b"PATH").unwrap_or_default()).to_owned();
        Self { examination: Examination { path, ..Examination::default() }, debug: options.debug }
    }

    /// Pages for developers are shown.
    pub(crate) fn is_shown(&self) -> bool {
        self.debug
    }

    /// Finds the causes.
    pub(crate) fn of(&self, script: &Path, evidence: &Evidence) -> Vec<Finding> {
        let failure = Failure {
            script,
            not_started: evidence.not_started.as_ref(),
            ending: evidence.ending,
            stderr: &evidence.stderr,
            defect: evidence.defect.as_ref(),
        };
        diagnose_failure(&failure, &self.examination)
    }

    /// Whether a program that has written a whole response has failed all the same, so that developers want to see why
    /// rather than what it wrote. A status alone says nothing: that of a shell script is its last command's.
    /// The page that a Python script makes of its exception stays, unless more is known than that it raised.
    pub(crate) fn has_failed(&self, script: &Path, evidence: &Evidence, is_page: bool) -> bool {
        let has_ended_well = matches!(evidence.ending, None | Some(millau_doctor::Ending::Exited(0)));
        self.debug
            && !has_ended_well
            && self.of(script, evidence).iter().any(|finding| {
                finding.severity == Severity::Error
                    && finding.problem != Problem::ExitStatus
                    && !(is_page && finding.problem == Problem::Exception)
            })
    }

    /// Writes a line for each finding to the log.
    pub(crate) fn log(findings: &[Finding]) {
        for finding in findings {
            log::error!("{}", finding.line());
        }
    }

    /// Answers with the findings: a page for browsers, text for others.
    pub(crate) fn show(exchange: Exchange, status: u16, script: &Path, findings: &[Finding], stderr: &[u8]) {
        let accepts = |accept: &[u8]| accept.to_ascii_lowercase().windows(9).any(|part| part == b"text/html");
        let is_browser = exchange.request().fields.get_all(b"accept").any(accepts);
        let name = script.file_name().unwrap_or_default().to_string_lossy();
        let mut response = Response::new(status);
        let body = if is_browser {
            response.fields.push(b"Content-Type", b"text/html; charset=utf-8");
            response.fields.push(b"Content-Security-Policy", b"default-src 'none'; style-src 'unsafe-inline'");
            page(&format!("{name} could not answer"), findings, stderr)
        } else {
            response.fields.push(b"Content-Type", b"text/plain; charset=utf-8");
            let findings: String = findings.iter().map(|finding| format!("{finding}\n\n")).collect();
            format!("{name} could not answer\n\n{findings}{}", String::from_utf8_lossy(stderr))
        };
        response.fields.push(b"Cache-Control", b"no-store");
        response.fields.push(b"X-Content-Type-Options", b"nosniff");
        exchange.respond(&response, body.as_bytes());
    }
}

impl From<Ending> for millau_doctor::Ending {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Exit(status) => Self::Exited(status),
            Ending::Signal(number) => Self::Signalled(number),
            Ending::Unknown => Self::Vanished,
        }
    }
}
