//! Scripts that are started and fail, each in its own way: the diagnosis names the cause.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use millau_doctor::{
    Ending, Failure, Finding, Options, Problem, SERVER_PATH, Severity, Trial, User, diagnose_failure, try_script,
};

struct Script {
    folder: tempfile::TempDir,
    path: PathBuf,
}

fn script(name: &str, content: &str) -> Script {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Script { folder, path }
}

fn options() -> Options {
    Options { path: SERVER_PATH.into(), selinux: false, ..Options::default() }
}

fn tried(script: &Script) -> Trial {
    try_script(&script.path, &options(), Duration::from_secs(20))
}

fn python(body: &str) -> Trial {
    tried(&script("a.py", &format!("#!/usr/bin/env python3\n{body}")))
}

fn problems(findings: &[Finding]) -> Vec<Problem> {
    findings.iter().map(|finding| finding.problem).collect()
}

#[track_caller]
fn only(trial: &Trial, problem: Problem) -> &Finding {
    assert_eq!(problems(&trial.findings), [problem], "{:#?}", trial.findings);
    assert_eq!(trial.answer, None);
    assert_eq!(trial.findings[0].severity, Severity::Error);
    &trial.findings[0]
}

#[test]
fn a_good_answer_is_described() {
    let trial = python("print('Content-Type: text/plain\\n\\nhello')");
    assert_eq!(trial.answer.as_deref(), Some("status 200, text/plain, 6 bytes"));
    assert!(trial.findings.is_empty());
    let trial = python("print('Status: 302 Found\\nLocation: http://localhost/x\\n')");
    assert_eq!(trial.answer.as_deref(), Some("status 302, http://localhost/x, 0 bytes"));
    let nph = tried(&script("nph-a.sh", "#!/bin/sh\nprintf 'HTTP/1.0 200 OK\\r\\n\\r\\n'\n"));
    assert_eq!(nph.answer.as_deref(), Some("HTTP/1.0 200 OK"));
}

#[test]
fn the_environment_is_that_of_a_get_and_holds_nothing_of_ours() {
    let body = "import os\nprint('Content-Type: text/plain\\n')\n\
                assert 'HOME' not in os.environ and 'CARGO_MANIFEST_DIR' not in os.environ\n\
                assert os.environ['REQUEST_METHOD'] == 'GET' and os.environ['SCRIPT_NAME'] == '/cgi-bin/a.py'\n\
                assert os.getcwd() == os.path.dirname(os.environ['SCRIPT_FILENAME'])\n";
    assert_eq!(python(body).answer.as_deref(), Some("status 200, text/plain, 0 bytes"));
}

#[test]
fn output_before_the_header() {
    let trial = python("print('debug 1')\nprint('Content-Type: text/plain\\n')");
    let finding = only(&trial, Problem::OutputBeforeHeader);
    assert!(finding.what.contains("\"debug 1\""), "{finding}");
    only(&python("print()\nprint('Content-Type: text/plain\\n')"), Problem::OutputBeforeHeader);
    only(&python("print('<html>')"), Problem::OutputBeforeHeader);
}

#[test]
fn a_missing_blank_line() {
    only(&python("print('Content-Type: text/html')\nprint('<h1>Hello</h1>')"), Problem::NoBlankLine);
    let trial = python("print('Content-Type: text/html')");
    let finding = only(&trial, Problem::NoBlankLine);
    assert!(finding.mend.command().contains(r#"print("Content-Type: text/html; charset=utf-8\n")"#), "{finding}");
}

#[test]
fn a_missing_content_type() {
    only(&python("print('Status: 200 OK\\n\\nhello')"), Problem::NoContentType);
}

#[test]
fn no_output() {
    only(&python("pass"), Problem::NoOutput);
}

#[test]
fn a_field_that_cannot_be_sent() {
    only(&python("print('Status: two hundred\\nContent-Type: text/plain\\n')"), Problem::MalformedHeader);
    only(&python("print('HTTP/1.0 200 OK\\nContent-Type: text/plain\\n')"), Problem::MalformedHeader);
    only(&tried(&script("nph-a.sh", "#!/bin/sh\nprintf 'Content-Type: a/b\\n\\n'\n")), Problem::MalformedHeader);
}

#[test]
fn an_exception_is_named_with_its_place_in_the_script() {
    let trial = python("import json\ndef f():\n    json.loads('{')\nf()\n");
    let finding = only(&trial, Problem::Exception);
    assert!(finding.what.starts_with("json.decoder.JSONDecodeError: "), "{finding}");
    assert!(finding.place.to_string().ends_with("a.py:4"), "{finding}");
}

#[test]
fn an_exception_after_the_header_is_told_as_well() {
    let trial = python("print('Content-Type: text/plain\\n', flush=True)\n1/0\n");
    assert_eq!(problems(&trial.findings), [Problem::Exception]);
    assert_eq!(trial.answer.as_deref(), Some("status 200, text/plain, 0 bytes"));
}

#[test]
fn modules_that_are_gone_or_missing() {
    let missing = python("import flask_of_nobody.views\n");
    assert!(only(&missing, Problem::ModuleMissing).mend.command().contains("-m pip install flask_of_nobody"));
    let renamed = python("import urllib2\n");
    let renamed = only(&renamed, Problem::ModuleGone);
    assert!(
        renamed.what.ends_with("is 'urllib.request' now") && renamed.mend.command().contains(" -w -n "),
        "{renamed}"
    );
    let gone = python("import bsddb\n");
    assert_eq!(only(&gone, Problem::ModuleGone).mend.command(), "use dbm, or the package berkeleydb");
}

#[test]
fn python_2_in_many_forms() {
    for body in [
        "print 'hello'",
        "try:\n    pass\nexcept KeyError, e:\n    pass",
        "x = 0777",
        "x = 10L",
        "x = raw_input",
        "{}.has_key(1)",
    ] {
        let trial = python(body);
        assert_eq!(problems(&trial.findings), [Problem::PythonTwo], "{body}: {:#?}", trial.findings);
    }
}

#[test]
fn errors_of_syntax_and_encoding() {
    let syntax = python("x = (\n");
    assert!(only(&syntax, Problem::SyntaxError).place.to_string().ends_with("a.py:2"));
    let encoding = script("a.py", "");
    fs::write(&encoding.path, b"#!/usr/bin/env python3\n# \xe9\n").unwrap();
    assert!(only(&tried(&encoding), Problem::SourceEncoding).mend.command().contains("--fix"));
}

#[test]
fn files_that_the_script_may_not_use() {
    let trial = python("raise PermissionError(13, 'Permission denied', 'data/log.txt')");
    let finding = only(&trial, Problem::FileDenied);
    assert!(finding.mend.command().starts_with("chgrp ") && finding.mend.command().contains("/data "), "{finding}");
    let other = User { name: "other".into(), uid: 54_321, gid: 54_321, groups: vec![54_321] };
    let closed = script("a.py", "");
    fs::create_dir(closed.folder.path().join("data")).unwrap();
    fs::set_permissions(closed.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(closed.folder.path().join("data"), fs::Permissions::from_mode(0o700)).unwrap();
    let failure = Failure {
        script: &closed.path,
        not_started: None,
        ending: Some(Ending::Exited(1)),
        stderr: b"Traceback (most recent call last):\nPermissionError: [Errno 13] Permission denied: 'data/log.txt'\n",
        defect: None,
    };
    let mend = diagnose_failure(&failure, &Options { user: other, ..options() })[0].mend.command();
    assert!(mend.starts_with("chmod o+x /") && mend.ends_with("/data"), "{mend}");
    for no_file in ["1, 'Operation not permitted'", "1, 'Operation not permitted', 'a.txt'", "13, 'Permission denied'"]
    {
        only(&python(&format!("raise PermissionError({no_file})")), Problem::Exception);
    }
    let sqlite = python("import sqlite3\nsqlite3.connect('/no/such/dir/x.db')");
    only(&sqlite, Problem::FileDenied);
}

#[test]
fn an_encoding_of_the_output_that_lacks_a_character() {
    let trial = python("import sys\nsys.stdout.reconfigure(encoding='ascii')\nprint('Content-Type: a/b\\n\\n\\u20ac')");
    only(&trial, Problem::OutputEncoding);
}

#[test]
fn a_program_that_a_shell_does_not_find() {
    let trial = tried(&script("a.sh", "#!/bin/sh\n\nno-such-program-here --x\n"));
    let finding = only(&trial, Problem::ExitStatus);
    assert!(
        finding.what.contains("'no-such-program-here'") && finding.place.to_string().ends_with("a.sh:3"),
        "{finding}"
    );
}

#[test]
fn a_perl_module() {
    let stderr =
        b"Can't locate CGI.pm in @INC (you may need to install the CGI module) (@INC contains: ...) at a.pl line 2.\n";
    let perl = script("a.pl", "#!/usr/bin/perl\n");
    let failure = Failure {
        script: &perl.path,
        not_started: None,
        ending: Some(Ending::Exited(2)),
        stderr,
        defect: Some(&millau_cgi::Defect::Empty),
    };
    let findings = diagnose_failure(&failure, &options());
    assert_eq!(findings[0].mend.command(), "cpan CGI   # Debian: apt-get install libcgi-perl");
    assert_eq!(findings.len(), 1);
}

#[test]
fn crashes_and_statuses() {
    let trial = python("import os\nos.kill(os.getpid(), 11)");
    assert!(problems(&trial.findings).contains(&Problem::Crashed), "{:#?}", trial.findings);
    assert!(trial.findings[0].what.contains("SIGSEGV"));
    assert!(problems(&python("raise SystemExit(3)").findings).contains(&Problem::ExitStatus));
}

#[test]
fn a_script_that_never_ends() {
    let endless = script("a.py", "#!/usr/bin/env python3\nimport time\ntime.sleep(600)\n");
    let trial = try_script(&endless.path, &options(), Duration::from_millis(500));
    assert!(problems(&trial.findings).contains(&Problem::TimedOut), "{:#?}", trial.findings);
}

#[test]
fn a_script_that_cannot_be_started_gets_the_diagnosis_of_its_file() {
    let folder = script("a.py", "#!/usr/bin/env python3\n");
    fs::set_permissions(&folder.path, fs::Permissions::from_mode(0o644)).unwrap();
    only(&tried(&folder), Problem::NotExecutable);
    only(&tried(&script("a.py", "#!/opt/none/python3\n")), Problem::InterpreterMissing);
    only(&tried(&script("a.py", "#!/usr/bin/env python3\r\nprint(1)\r\n")), Problem::CarriageReturns);
    only(&tried(&script("a.py", "\u{feff}#!/usr/bin/env python3\n")), Problem::ByteOrderMark);
    // env has been started, and could not go on.
    only(&tried(&script("a.py", "#!/usr/bin/env python9.9\n")), Problem::InterpreterNotOnPath);
    let gone = script("a.py", "");
    fs::remove_file(&gone.path).unwrap();
    only(&tried(&gone), Problem::NotFound);
    assert!(gone.folder.path().exists());
}

#[test]
fn a_failure_without_any_trace_still_says_what_to_do() {
    let silent = script("a.py", "#!/usr/bin/env python3\n");
    let failure = Failure { script: &silent.path, not_started: None, ending: None, stderr: b"", defect: None };
    let findings = diagnose_failure(&failure, &options());
    assert!(findings[0].mend.command().starts_with("millau doctor --run "));
}

#[test]
fn every_problem_is_in_the_documentation() {
    let page = include_str!("../../../../docs/doctor.md");
    let words: Vec<&str> = page.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
    for problem in Problem::ALL {
        assert!(words.contains(&problem.name()), "{problem} is not in docs/doctor.md");
    }
}
