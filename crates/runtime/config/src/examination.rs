//! `millau doctor`: what is to be examined, and for whom. Says nothing of what can be wrong with it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::{UsageError, span};

/// What `millau doctor` is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// Scripts, directories, applications (in the words of TARGET) and URLs; at least one.
    pub subjects: Vec<OsString>,
    /// Do what is safe, after showing it.
    pub fix: bool,
    /// Run each script once.
    pub run: bool,
    /// When a script that is run is ended.
    pub time_limit: Duration,
    /// Whom the web server runs scripts as; `None`: the current user.
    pub user: Option<String>,
    /// The PATH that the web server gives to scripts; `None`: that of services.
    pub path: Option<OsString>,
    /// Directories in which everything that can be executed is a script.
    pub cgi_directories: Vec<PathBuf>,
    /// Suffixes of scripts, with their dot.
    pub cgi_suffixes: Vec<String>,
    /// What `--doctor-token` of the deployment is.
    pub token: Option<String>,
}

const SUBJECT: &str = "SUBJECT";

struct Row {
    name: &'static str,
    /// Empty: a switch.
    value: &'static str,
    many: bool,
    help: &'static str,
}

const ROWS: &[Row] = &[
    Row { name: "fix", value: "", many: false, help: "Mend what is safe to mend, after showing the command for it" },
    Row {
        name: "run",
        value: "",
        many: false,
        help: "Run each script once, as for a GET without query, and look at its answer",
    },
    Row { name: "time-limit", value: "TIME", many: false, help: "When a script that is run is ended [default: 10]" },
    Row {
        name: "user",
        value: "NAME",
        many: false,
        help: "Whom the web server runs scripts as, www-data say [default: the current user]",
    },
    Row {
        name: "path",
        value: "PATH",
        many: false,
        help: "The PATH that the web server gives to scripts [default: that of services]",
    },
    Row {
        name: "cgi-directory",
        value: "DIR",
        many: true,
        help: "Everything in it is served as CGI; may be given several times [default: what Apache and lighttpd on this \
               machine are configured for]",
    },
    Row {
        name: "cgi-suffix",
        value: ".SUFFIX",
        many: true,
        help: "What ends so is served as CGI; may be given several times",
    },
    Row {
        name: "token",
        value: "TEXT",
        many: false,
        help: "The --doctor-token of the deployment that a URL leads to [default: the variable MILLAU_DOCTOR_TOKEN]",
    },
];

pub(crate) fn command() -> Command {
    let subject = Arg::new(SUBJECT)
        .help("A CGI script, a directory, an application (module:attribute) or a URL; several may be given")
        .action(ArgAction::Append)
        .num_args(1..)
        .value_parser(ValueParser::os_string());
    let options = ROWS.iter().map(|row| {
        let option = Arg::new(row.name).long(row.name).help(row.help);
        match (row.value, row.many) {
            ("", _) => option.action(ArgAction::SetTrue),
            (value, many) => option
                .value_name(value)
                .action(if many { ArgAction::Append } else { ArgAction::Set })
                .value_parser(ValueParser::os_string()),
        }
    });
    Command::new("doctor")
        .about("Say what is wrong with a script, an application or a running deployment, and how to mend it")
        .max_term_width(100)
        .arg(subject)
        .args(options)
        .after_help(
            "For instance: millau doctor --user www-data /usr/lib/cgi-bin\n\
             Scripts are looked at and not run, unless --run says so; a URL is asked for. Exit code: 0 no error is left, 1 one \
             is, 2 it cannot be asked so.",
        )
}

/// `token` is what the environment says.
pub(crate) fn read(matches: &ArgMatches, token: Option<OsString>) -> Result<Examination, UsageError> {
    let one = |name: &str| matches.get_one::<OsString>(name).cloned();
    let many = |name: &str| matches.get_many::<OsString>(name).into_iter().flatten().cloned();
    let text = |name: &str, value: OsString| {
        let value = value.into_string().map_err(|_| UsageError::new(format!("--{name} is not valid UTF-8")))?;
        if value.is_empty() { Err(UsageError::new(format!("--{name} is empty"))) } else { Ok(value) }
    };
    let subjects: Vec<OsString> = many(SUBJECT).collect();
    if subjects.is_empty() || subjects.iter().any(|subject| subject.is_empty()) {
        return Err(UsageError::new(
            "nothing to examine: write millau doctor PATH, for instance millau doctor /usr/lib/cgi-bin",
        ));
    }
    let time_limit = match one("time-limit") {
        Some(value) => {
            let value = text("time-limit", value)?;
            let span =
                span::parse(&value).map_err(|problem| UsageError::new(format!("--time-limit '{value}': {problem}")))?;
            if span.is_zero() {
                return Err(UsageError::new("--time-limit '0': a script needs some time"));
            }
            span
        }
        None => Duration::from_secs(10),
    };
    let suffix = |value: OsString| {
        let value = text("cgi-suffix", value)?;
        Ok(format!(".{}", value.trim_start_matches(['*', '.'])))
    };
    Ok(Examination {
        subjects,
        fix: matches.get_flag("fix"),
        run: matches.get_flag("run"),
        time_limit,
        user: one("user").map(|value| text("user", value)).transpose()?,
        path: one("path"),
        cgi_directories: many("cgi-directory").map(PathBuf::from).collect(),
        cgi_suffixes: many("cgi-suffix").map(suffix).collect::<Result<_, _>>()?,
        token: one("token")
            .or(token)
            .filter(|token| !token.is_empty())
            .map(|value| text("token", value))
            .transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Invocation, parse};

    fn asked(line: &str, environment: &[(&str, &str)]) -> Result<Examination, String> {
        let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        match parse(line.split(' ').map(OsString::from), environment, &crate::PasteServer::default()) {
            Ok(Invocation::Doctor(examination)) => Ok(*examination),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_path_alone_is_examined_for_the_current_user_and_changed_by_nobody() {
        let examination = asked("millau doctor a.py", &[]).unwrap();
        assert_eq!(examination.subjects, ["a.py"]);
        assert_eq!((examination.fix, examination.run, examination.user), (false, false, None));
        assert_eq!((examination.time_limit, examination.token), (Duration::from_secs(10), None));
    }

    #[test]
    fn every_option_counts() {
        let line = "millau doctor --fix --run --time-limit 3s --user www-data --path /bin --cgi-directory /a \
                    --cgi-directory b --cgi-suffix py --cgi-suffix *.cgi --token t a b";
        let examination = asked(line, &[("MILLAU_DOCTOR_TOKEN", "other")]).unwrap();
        let expected = Examination {
            subjects: vec!["a".into(), "b".into()],
            fix: true,
            run: true,
            time_limit: Duration::from_secs(3),
            user: Some("www-data".into()),
            path: Some("/bin".into()),
            cgi_directories: vec!["/a".into(), "b".into()],
            cgi_suffixes: vec![".py".into(), ".cgi".into()],
            token: Some("t".into()),
        };
        assert_eq!(examination, expected);
        assert_eq!(asked("millau doctor a", &[("MILLAU_DOCTOR_TOKEN", "x")]).unwrap().token.as_deref(), Some("x"));
    }

    #[test]
    fn one_line_says_what_is_wrong() {
        for (line, message) in [
            (
                "millau doctor",
                "nothing to examine: write millau doctor PATH, for instance millau doctor /usr/lib/cgi-bin",
            ),
            ("millau doctor a --time-limit 0", "--time-limit '0': a script needs some time"),
            ("millau doctor a --fixx", "unknown option '--fixx'; did you mean '--fix'?"),
            ("millau doctor a --user=", "--user is empty"),
        ] {
            assert_eq!(asked(line, &[]).unwrap_err(), message, "{line}");
        }
    }
}
