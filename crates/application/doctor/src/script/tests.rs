//! Every problem on a real script in a directory of its own: it is named, and mended where that is safe.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Options, SERVER_PATH, Served, diagnose_script, scripts_in};
use crate::{Finding, Mend, Problem, Severity, User};

const GOOD: &str = "#!/usr/bin/env python3\nprint('Content-Type: text/plain')\nprint()\nprint('hello')\n";

struct Folder {
    _root: tempfile::TempDir,
    path: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = root.path().join("cgi-bin");
        fs::create_dir(&path).unwrap();
        Self { _root: root, path }
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.path.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }
}

/// A user that owns nothing and is in no group of ours.
fn nobody() -> User {
    User { name: "nobody-here".into(), uid: 54_321, gid: 54_321, groups: vec![54_321] }
}

fn options() -> Options {
    Options {
        user: User::current(),
        path: SERVER_PATH.into(),
        shell_path: None,
        served: Some(Served::default()),
        selinux: false,
        ask_interpreter: true,
    }
}

fn problems(findings: &[Finding]) -> Vec<Problem> {
    findings.iter().map(|finding| finding.problem).collect()
}

fn examined(path: &Path) -> Vec<Finding> {
    diagnose_script(path, &options())
}

/// The problem is the only one, is mended by what the doctor may do, and is gone then.
#[track_caller]
fn mended(path: &Path, options: &Options, expected: &[Problem]) {
    let findings = diagnose_script(path, options);
    assert_eq!(problems(&findings), expected, "{findings:#?}");
    for finding in &findings {
        finding.mend.safe().unwrap_or_else(|| panic!("not safe: {finding}")).apply().unwrap();
    }
    assert_eq!(diagnose_script(path, options), []);
}

#[track_caller]
fn only(path: &Path, expected: Problem) -> Finding {
    let mut findings = examined(path);
    assert_eq!(problems(&findings), [expected], "{findings:#?}");
    findings.remove(0)
}

#[test]
fn nothing_is_wrong_with_a_good_script() {
    let folder = Folder::new();
    assert_eq!(examined(&folder.write("good.py", GOOD, 0o755)), []);
    assert_eq!(examined(&folder.write("good.sh", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\n", 0o755)), []);
    let program = folder.path.join("compiled");
    fs::copy("/bin/true", &program).unwrap();
    assert_eq!(examined(&program), []);
}

#[test]
fn a_script_that_is_not_executable() {
    let folder = Folder::new();
    let path = folder.write("a.py", GOOD, 0o644);
    assert_eq!(examined(&path)[0].mend.command(), format!("chmod a+x {}", path.display()));
    mended(&path, &options(), &[Problem::NotExecutable]);
}

#[test]
fn a_script_that_another_user_may_not_read_or_execute() {
    let folder = Folder::new();
    let path = folder.write("a.py", GOOD, 0o700);
    let options = Options { user: nobody(), ask_interpreter: false, ..options() };
    let findings = diagnose_script(&path, &options);
    assert_eq!(findings[0].mend.command(), format!("chmod o+rx {}", path.display()));
    mended(&path, &options, &[Problem::NotExecutable, Problem::NotReadable]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o705);
}

#[test]
fn every_directory_above_that_the_user_may_not_enter() {
    let folder = Folder::new();
    let path = folder.write("a.py", GOOD, 0o755);
    fs::set_permissions(&folder.path, fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(folder.path.parent().unwrap(), fs::Permissions::from_mode(0o750)).unwrap();
    let options = Options { user: nobody(), ask_interpreter: false, ..options() };
    let findings = diagnose_script(&path, &options);
    assert!(findings[0].what.starts_with("nobody-here may not go through this directory (mode 750, owner "));
    mended(&path, &options, &[Problem::DirectoryClosed, Problem::DirectoryClosed]);
    assert_eq!(fs::metadata(&folder.path).unwrap().permissions().mode() & 0o777, 0o701);
}

#[test]
fn the_directory_of_another_owner_is_not_opened_by_the_doctor() {
    let folder = Folder::new();
    let path = folder.write("a.py", GOOD, 0o755);
    fs::set_permissions(&folder.path, fs::Permissions::from_mode(0o700)).unwrap();
    let mut findings = Vec::new();
    super::permissions::directories(&path, Some(54_322), &nobody(), &mut findings);
    assert_eq!(findings[0].mend, Mend::Command(format!("chmod o+x {}", folder.path.display())));
}

#[test]
fn a_closed_directory_behind_a_link_is_named() {
    let folder = Folder::new();
    let home = folder.path.parent().unwrap().join("home");
    fs::create_dir(&home).unwrap();
    let real = folder.write("real.py", GOOD, 0o755);
    fs::rename(&real, home.join("real.py")).unwrap();
    let link = folder.path.join("link.py");
    std::os::unix::fs::symlink("../home/real.py", &link).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    let options = Options { user: nobody(), ask_interpreter: false, ..options() };
    assert_eq!(diagnose_script(&link, &options)[0].mend.command(), format!("chmod o+x {}", home.display()));
    mended(&link, &options, &[Problem::DirectoryClosed]);
}

#[test]
fn carriage_returns_in_the_first_line_keep_it_from_starting() {
    let folder = Folder::new();
    let path = folder.write("a.py", GOOD.replace('\n', "\r\n"), 0o755);
    let finding = only(&path, Problem::CarriageReturns);
    assert_eq!(finding.severity, Severity::Error);
    assert!(finding.what.starts_with("4 lines end with CR LF"), "{}", finding.what);
    mended(&path, &options(), &[Problem::CarriageReturns]);
}

#[test]
fn carriage_returns_further_down_are_a_warning_for_python_and_break_a_shell() {
    let folder = Folder::new();
    let python = folder.write(
        "a.py",
        GOOD.replace("\nprint", "\nprint(1)\r\nprint").replace("python3\nprint(1)\r", "python3"),
        0o755,
    );
    assert_eq!(only(&python, Problem::CarriageReturns).severity, Severity::Warning);
    let shell = folder.write("a.sh", "#!/bin/sh\nif true\r\nthen echo\r\nfi\r\n", 0o755);
    assert_eq!(only(&shell, Problem::CarriageReturns).severity, Severity::Error);
    mended(&shell, &options(), &[Problem::CarriageReturns]);
}

#[test]
fn carriage_returns_alone() {
    let folder = Folder::new();
    let path = folder.write("a.py", GOOD.replace('\n', "\r"), 0o755);
    mended(&path, &options(), &[Problem::LoneCarriageReturns]);
}

#[test]
fn a_byte_order_mark() {
    let folder = Folder::new();
    let path = folder.write("a.py", ["\u{feff}", GOOD].concat(), 0o755);
    mended(&path, &options(), &[Problem::ByteOrderMark]);
}

#[test]
fn utf_16() {
    let folder = Folder::new();
    let text: Vec<u8> = std::iter::once(0xfeff).chain(GOOD.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    mended(&folder.write("a.py", text, 0o755), &options(), &[Problem::Utf16]);
}

#[test]
fn everything_at_once_is_found_at_once_and_mended_in_order() {
    let folder = Folder::new();
    let text =
        ["\u{feff}\r\n", &GOOD.replace("/usr/bin/env python3", "/usr/local/bin/python2.4").replace('\n', "\r\n")];
    let path = folder.write("a.py", text.concat(), 0o644);
    let findings = examined(&path);
    for problem in [
        Problem::ByteOrderMark,
        Problem::CarriageReturns,
        Problem::ShebangNotFirst,
        Problem::InterpreterMissing,
        Problem::NotExecutable,
    ] {
        assert!(problems(&findings).contains(&problem), "{problem}: {findings:#?}");
    }
    for finding in findings.iter().filter(|finding| finding.problem != Problem::NotExecutable) {
        finding.mend.safe().unwrap().apply().unwrap();
    }
    assert_eq!(problems(&examined(&path)), [Problem::NotExecutable]);
    assert_eq!(fs::read_to_string(&path).unwrap(), GOOD);
}

#[test]
fn no_shebang() {
    let folder = Folder::new();
    let path = folder.write("a.py", "print('Content-Type: text/plain\\n')\n", 0o755);
    assert!(only(&path, Problem::NoShebang).mend.command().contains("1i #!/usr/bin/env python3"));
    mended(&path, &options(), &[Problem::NoShebang]);
    assert!(only(&folder.write("a.pl", "print 1;\n", 0o755), Problem::NoShebang).mend.command().contains("perl"));
}

#[test]
fn an_interpreter_that_is_not_there() {
    let folder = Folder::new();
    let path = folder.write("a.py", GOOD.replace("/usr/bin/env python3", "/opt/no/bin/python3 -u"), 0o755);
    mended(&path, &options(), &[Problem::InterpreterMissing]);
    let line = fs::read_to_string(&path).unwrap().lines().next().unwrap().to_owned();
    assert!(line.ends_with("/python3 -u") && !line.contains("env"), "{line}");
}

#[test]
fn an_interpreter_that_is_no_absolute_path_or_one_of_windows() {
    let folder = Folder::new();
    for shebang in ["python3", r"C:\Python27\python.exe", "c:/Python312/python.exe", ""] {
        let path = folder.write("a.py", GOOD.replace("/usr/bin/env python3", shebang), 0o755);
        mended(&path, &options(), &[Problem::InterpreterRelative]);
    }
}

#[test]
fn an_interpreter_out_of_reach_for_the_serving_user() {
    let folder = Folder::new();
    let home = folder.path.parent().unwrap().join("home");
    fs::create_dir(&home).unwrap();
    fs::copy("/bin/true", home.join("python3")).unwrap();
    let text = GOOD.replace("/usr/bin/env python3", &home.join("python3").display().to_string());
    let path = folder.write("a.py", text, 0o755);
    let options = Options { user: nobody(), ask_interpreter: false, ..options() };
    assert_eq!(diagnose_script(&path, &options), []);
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    let finding = diagnose_script(&path, &options).remove(0);
    assert!(finding.what.ends_with(&format!("python3': {} is closed", home.display())), "{finding}");
    mended(&path, &options, &[Problem::InterpreterClosed]);
}

#[test]
fn an_interpreter_that_env_does_not_find_on_the_servers_path() {
    let folder = Folder::new();
    let text = GOOD.replace("python3", "python9.9");
    let path = folder.write("a.py", &text, 0o755);
    let finding = only(&path, Problem::InterpreterNotOnPath);
    assert_eq!(finding.what, format!("'python9.9' is not on the web server's PATH ({SERVER_PATH})"));
    mended(&path, &options(), &[Problem::InterpreterNotOnPath]);

    let bin = folder.path.parent().unwrap().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::copy("/bin/true", bin.join("python9.9")).unwrap();
    fs::write(&path, &text).unwrap();
    let with_shell = Options { shell_path: Some(bin.clone().into()), ask_interpreter: false, ..options() };
    let findings = diagnose_script(&path, &with_shell);
    assert!(findings[0].mend.command().contains(&format!("1c #!{}/python9.9", bin.display())), "{}", findings[0]);
}

#[test]
fn an_interpreter_that_differs_from_that_of_the_shell_is_noted() {
    let folder = Folder::new();
    let bin = folder.path.parent().unwrap().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::copy("/bin/true", bin.join("python3")).unwrap();
    let path = folder.write("a.py", GOOD, 0o755);
    let findings = diagnose_script(&path, &Options { shell_path: Some(bin.into()), ..options() });
    assert_eq!((findings[0].problem, findings[0].severity), (Problem::InterpreterDiffers, Severity::Note));
}

#[test]
fn an_interpreter_that_cannot_be_replaced_is_to_be_installed() {
    let folder = Folder::new();
    let path = folder.write("a.x", "#!/usr/bin/env no-such-language\n", 0o755);
    assert_eq!(only(&path, Problem::InterpreterNotOnPath).mend.command(), "name an interpreter that exists");
    let packaged = folder.write("a.ksh", "#!/opt/bin/ksh\n", 0o755);
    let nothing = Options { path: "/nowhere".into(), ..options() };
    let findings = diagnose_script(&packaged, &nothing);
    assert!(findings[0].mend.command().starts_with("apt-get install ksh"), "{findings:?}");
}

#[test]
fn several_words_for_env() {
    let folder = Folder::new();
    let path = folder.write("a.py", GOOD.replace("python3", "python3 -u"), 0o755);
    mended(&path, &options(), &[Problem::EnvArguments]);
    assert!(fs::read_to_string(&path).unwrap().starts_with("#!/usr/bin/env -S python3 -u\n"));
}

#[test]
fn a_first_line_that_the_kernel_cuts() {
    let folder = Folder::new();
    let path = folder.write("a.py", format!("#!/{}/python3\nprint()\n", "x".repeat(300)), 0o755);
    mended(&path, &options(), &[Problem::ShebangTooLong]);
}

#[test]
fn a_place_and_a_name_that_are_not_served_as_cgi() {
    let folder = Folder::new();
    let elsewhere = folder.path.parent().unwrap().join("www");
    fs::create_dir(&elsewhere).unwrap();
    let path = folder.write("a.py", GOOD, 0o755);
    let moved = elsewhere.join("a.py");
    fs::rename(path, &moved).unwrap();
    let finding = only(&moved, Problem::NotServedAsCgi);
    assert!(finding.mend.command().starts_with(&format!("millau serve cgi:{} ", elsewhere.display())));
    assert!(finding.mend.command().contains("ScriptAlias") && finding.mend.command().contains("cgi.assign"));
}

#[test]
fn bytes_that_are_no_utf_8() {
    let folder = Folder::new();
    let text = [GOOD.as_bytes(), b"# Gr\xfc\xdfe \x80\n"].concat();
    let path = folder.write("a.py", text, 0o755);
    let finding = only(&path, Problem::SourceEncoding);
    assert!(finding.place.to_string().ends_with("a.py:5") && finding.what.contains("the byte FC"), "{finding}");
    mended(&path, &options(), &[Problem::SourceEncoding]);
}

#[test]
fn python_2() {
    let folder = Folder::new();
    let text = "#!/usr/bin/env python3\nprint 'Content-Type: text/plain'\nprint\ntry:\n    print `1`\nexcept KeyError, e:\n    pass\n";
    let finding = only(&folder.write("a.py", text, 0o755), Problem::PythonTwo);
    assert_eq!(
        finding.what,
        "Python 2 syntax: print statement (lines 2, 3, 5), backticks (line 5), except with a comma (line 6)"
    );
}

#[test]
fn what_only_looks_like_python_2_is_not_taken_for_it() {
    let folder = Folder::new();
    let text = "#!/usr/bin/env python3\n\"\"\"print 'x' <> `y` 0777\n\"\"\"\nx = 'except A, b:'  # print 1\nprint (\"a\")\nprint('a' 'b')\nm = {0: 1, 00: 2}\nprint\n";
    assert_eq!(examined(&folder.write("a.py", text, 0o755)), []);
}

#[test]
fn a_syntax_error_is_named_with_its_line() {
    let folder = Folder::new();
    let finding = only(&folder.write("a.py", format!("{GOOD}x = (\n"), 0o755), Problem::SyntaxError);
    assert!(finding.place.to_string().ends_with("a.py:5"), "{finding}");
    let shell = only(&folder.write("a.sh", "#!/bin/sh\nif true\n", 0o755), Problem::SyntaxError);
    assert!(shell.what.starts_with("the shell cannot read it"), "{shell}");
}

#[test]
fn modules_that_are_missing_are_found_without_running_anything() {
    let folder = Folder::new();
    let trap = folder.path.join("ran");
    folder.write("beside.py", format!("import missing_two\nopen({trap:?}, 'w')\n"), 0o644);
    let text = format!(
        "#!/usr/bin/env python3\nopen({trap:?}, 'w')\nimport os.path, missing_one\nimport beside\n\
         try:\n    import optional\nexcept ImportError:\n    optional = None\n\
         def late():\n    import missing_late\n\
         import urllib2\n"
    );
    let findings = examined(&folder.write("a.py", text, 0o755));
    let told: Vec<(Problem, Severity, &str)> =
        findings.iter().map(|f| (f.problem, f.severity, f.what.split('\'').nth(1).unwrap())).collect();
    assert_eq!(
        told,
        [
            (Problem::ModuleMissing, Severity::Error, "missing_one"),
            (Problem::ModuleGone, Severity::Error, "urllib2"),
            (Problem::ModuleMissing, Severity::Error, "missing_two"),
            (Problem::ModuleMissing, Severity::Warning, "missing_late"),
        ]
    );
    assert!(findings[0].mend.command().contains("-m pip install missing_one"), "{}", findings[0]);
    assert!(findings[2].place.to_string().ends_with("beside.py:1"));
    assert!(!trap.exists() && !folder.path.join("__pycache__").exists());
}

#[test]
fn a_module_beside_the_script_cannot_pass_for_one_that_the_probe_needs() {
    let folder = Folder::new();
    let trap = folder.path.join("ran");
    folder.write("json.py", format!("open({trap:?}, 'w')\n"), 0o644);
    assert_eq!(examined(&folder.write("a.py", format!("{GOOD}import json\n"), 0o755)), []);
    assert!(!trap.exists());
}

#[test]
fn names_that_have_left_a_module() {
    let folder = Folder::new();
    let text = format!("{GOOD}import time as t\nfrom urllib import urlencode\nt.clock()\n");
    let findings = examined(&folder.write("a.py", text, 0o755));
    let told: Vec<&str> = findings.iter().map(|finding| finding.what.as_str()).collect();
    assert_eq!(
        told,
        ["'urllib.urlencode' is gone since Python 3.0", "'time.clock' is gone since Python 3.8"],
        "{findings:#?}"
    );
}

#[test]
fn bits_that_are_odd() {
    let folder = Folder::new();
    mended(&folder.write("a.py", GOOD, 0o4755), &options(), &[Problem::SetuidBits]);
    mended(&folder.write("b.py", GOOD, 0o757), &options(), &[Problem::WritableByOthers]);
}

#[test]
fn a_label_of_selinux() {
    let folder = Folder::new();
    let path = folder.write("a.py", GOOD, 0o755);
    let label = b"system_u:object_r:user_home_t:s0\0";
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(&path, "security.selinux", label, flags).is_err() {
        return;
    }
    let findings = diagnose_script(&path, &Options { selinux: true, ..options() });
    assert_eq!(problems(&findings), [Problem::SecurityLabel]);
    assert!(findings[0].mend.command().starts_with("chcon -t httpd_sys_script_exec_t "));
}

#[test]
fn what_is_no_script_at_all() {
    let folder = Folder::new();
    only(&folder.write("a.py", "", 0o755), Problem::NoScript);
    only(&folder.path, Problem::NoScript);
    folder.write("Hello.py", GOOD, 0o755);
    let finding = only(&folder.path.join("hello.cgi"), Problem::NotFound);
    assert!(finding.what.contains("did you mean '") && finding.what.contains("Hello.py"), "{finding}");
}

/// Bytes as a generator gives them, always the same.
fn random(length: usize, mut seed: u32) -> Vec<u8> {
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn data_under_the_name_of_a_script_is_told_once_and_never_edited() {
    let folder = Folder::new();
    let files: [(&str, &[u8]); 6] = [
        ("logo.cgi", b"GIF89a\x01\x00\x01\x00\r\n\x80\r\n"),
        ("old.cgi", b"\xa7\r\r\n\0\0\0\0\x11\r\n\xe3"),
        ("shop.cgi", b"SQLite format 3\0\x10\r\n"),
        ("paper.cgi", b"%PDF-1.4\r\n\xe2\xe3\xcf\xd3\r\n"),
        ("short.py", &random(60, 7)),
        ("long.py", &random(5000, 8)),
    ];
    for (name, content) in files {
        for mode in [0o755, 0o644] {
            let path = folder.write(name, content, mode);
            let finding = only(&path, Problem::NoScript);
            assert!(finding.what.starts_with("this is no script: it is "), "{finding}");
            assert_eq!((finding.severity, finding.mend.safe()), (Severity::Error, None));
            // What an earlier look has found is not done to it either.
            crate::SafeMend::LineEndings(path.clone()).apply().unwrap_err();
            assert_eq!(fs::read(&path).unwrap(), content);
        }
    }
}

#[test]
fn a_script_with_data_behind_its_first_line_is_one_and_is_not_edited() {
    let folder = Folder::new();
    let bundle = |line: &str| [line.as_bytes(), b"PK\x03\x04\0\0\r\nprint `1`\r\n"].concat();
    assert_eq!(examined(&folder.write("app.cgi", bundle("#!/usr/bin/env python3\n"), 0o755)), []);
    let finding = only(&folder.write("app.cgi", bundle("#!/opt/no/python3\n"), 0o755), Problem::InterpreterMissing);
    assert_eq!(finding.mend.safe(), None);
}

#[test]
fn scripts_are_told_from_modules_and_data() {
    let folder = Folder::new();
    fs::create_dir(folder.path.join("deep")).unwrap();
    fs::create_dir(folder.path.join("__pycache__")).unwrap();
    for (name, content, mode) in [
        ("a.py", GOOD, 0o644),
        ("b.cgi", "x", 0o644),
        ("deep/c", "#!/bin/sh\n", 0o644),
        ("d.py", "print('Content-type: text/html')", 0o644),
        ("module.py", "def f(): pass\n", 0o644),
        ("data.txt", "x", 0o644),
        (".hidden.py", GOOD, 0o755),
        ("__pycache__/e.py", GOOD, 0o755),
    ] {
        folder.write(name, content, mode);
    }
    let found = scripts_in(&folder.path).unwrap();
    let names = |paths: &[PathBuf]| -> Vec<String> {
        paths.iter().map(|path| path.strip_prefix(&folder.path).unwrap().display().to_string()).collect()
    };
    assert_eq!(names(&found.scripts), ["a.py", "b.cgi", "d.py", "deep/c"]);
    assert_eq!((names(&found.modules), found.others), (vec!["module.py".to_owned()], 1));
}
