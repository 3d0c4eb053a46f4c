//! From the command line and the environment to [`Settings`].

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::error::ErrorKind;

use crate::command::{self, FILE, TARGET};
use crate::environment::Environment;
use crate::paste_server::PasteServer;
use crate::setting::{BadValue, Setting};
use crate::table::SETTINGS;
use crate::{Deployment, Examination, Settings, UsageError, deployment, examination};

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// `millau serve`
    Serve(Box<Settings>),
    /// `millau cgi`
    Cgi(Box<Settings>),
    /// `millau config`
    Config(Box<Deployment>),
    /// `millau relay`
    Relay(Box<RelayScript>),
    /// `millau doctor`
    Doctor(Box<Examination>),
    /// Help or version: to be printed to standard output, after which the process ends well.
    Print(String),
}

/// A CGI program to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayScript {
    /// Where.
    pub file: PathBuf,
    /// Its lines, each of words: the target, then an option each. `--chdir` is not among them.
    pub lines: Vec<Vec<OsString>>,
    /// What the lines say together.
    pub settings: Settings,
}

/// Reads a command line, whose first word is the name of the program, and an environment.
///
/// The command line wins over the environment, that over the section of a PasteDeploy file, and that over the defaults. An empty variable counts as not set, but for
/// MILLAU_SERVER_HEADER. Variables that begin with `MILLAU_` and are no settings end up in [`Settings::warnings`].
///
/// # Errors
/// The first thing found wrong, in one line.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    paste_server: &PasteServer,
) -> Result<Invocation, UsageError> {
    let matches = match command::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Invocation::Print(error.to_string()));
        }
        Err(error) => return Err(UsageError::new(command::explain(&error))),
    };
    let environment = Environment::new(environment);
    let (as_command, matches): (fn(Box<Settings>) -> Invocation, _) = match matches.subcommand() {
        Some(("serve", matches)) => (Invocation::Serve, matches),
        Some(("cgi", matches)) => (Invocation::Cgi, matches),
        Some(("relay", matches)) => return relay(matches),
        Some(("config", matches)) => {
            let secret = environment.value("AJP_SECRET");
            return deployment::read(matches, secret).map(|deployment| Invocation::Config(Box::new(deployment)));
        }
        Some(("doctor", matches)) => {
            let token = environment.value("DOCTOR_TOKEN");
            return examination::read(matches, token).map(|examination| Invocation::Doctor(Box::new(examination)));
        }
        _ => {
            return Err(UsageError::new(
                "no command is given: millau serve TARGET serves an application, millau --help says more",
            ));
        }
    };

    Ok(as_command(Box::new(settings(matches, &environment, paste_server)?)))
}

fn relay(matches: &ArgMatches) -> Result<Invocation, UsageError> {
    // What the environment says now is not in the script.
    let settings = settings(matches, &Environment::new([]), &PasteServer::default())?;
    let mut lines = command::said_again(matches);
    lines.retain(|line| line.first().is_none_or(|word| word != "--chdir"));
    let file = matches.get_one::<OsString>(FILE).map(PathBuf::from).unwrap_or_default();
    Ok(Invocation::Relay(Box::new(RelayScript { file, lines, settings })))
}

fn settings(
    matches: &ArgMatches,
    environment: &Environment,
    paste_server: &PasteServer,
) -> Result<Settings, UsageError> {
    let mut settings = Settings::blank();
    let mut given = Vec::new();
    for setting in SETTINGS {
        let (place, values) = if let Some(values) = command::given(matches, setting) {
            (setting.option(), values)
        } else if let Some(values) = paste_server.given(setting).filter(|_| paste_server.outranks_environment) {
            (paste_server.place(setting), values)
        } else if let Some(values) = environment.given(setting) {
            (setting.variable(), values)
        } else if let Some(values) = paste_server.given(setting) {
            (paste_server.place(setting), values)
        } else {
            apply_default(setting, &mut settings)?;
            continue;
        };
        setting.apply(&mut settings, &values).map_err(|bad| refusal(&place, &bad))?;
        given.push(setting.name);
    }
    settings.target = target(matches.get_one::<OsString>(TARGET))?;
    settings.binds_given = given.contains(&"bind");
    settings.web_servers = environment.web_servers();
    settings.warnings = environment.warnings();
    settings.warnings.extend(paste_server.warnings());
    settings.check(|name| given.contains(&name)).map_err(UsageError::new)?;
    Ok(settings)
}

fn apply_default(setting: &Setting, settings: &mut Settings) -> Result<(), UsageError> {
    if setting.default.is_empty() {
        return Ok(());
    }
    setting.apply(settings, &[setting.default.into()]).map_err(|bad| refusal("the default of", &bad))
}

fn refusal(place: &str, bad: &BadValue) -> UsageError {
    UsageError::new(format!("{place} '{}': {}", bad.value.escape_debug(), bad.problem))
}

fn target(given: Option<&OsString>) -> Result<Option<String>, UsageError> {
    let Some(given) = given else {
        return Ok(None);
    };
    match given.to_str() {
        Some("") => Err(UsageError::new("TARGET is empty: write millau serve module:attribute, say")),
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(UsageError::new(format!("TARGET '{}' is not valid UTF-8", given.to_string_lossy()))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use log::LevelFilter;

    use super::*;
    use crate::{
        AccessLogFormat, Address, Bind, CgiMode, CgiModeRule, CgiSettings, Limits, LogTarget, Mount, Timeouts,
    };

    fn invoked(line: &str, environment: &[(&str, &str)]) -> Result<Invocation, String> {
        let arguments = ["millau"].into_iter().chain(line.split(' ').filter(|word| !word.is_empty()));
        let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        parse(arguments.map(OsString::from), environment, &PasteServer::default()).map_err(|error| error.to_string())
    }

    fn settings(line: &str, environment: &[(&str, &str)]) -> Settings {
        match invoked(line, environment).unwrap() {
            Invocation::Serve(settings) => *settings,
            other => panic!("{other:?}"),
        }
    }

    fn refused(line: &str) -> String {
        invoked(line, &[]).unwrap_err()
    }

    fn printed(line: &str) -> String {
        match invoked(line, &[]).unwrap() {
            Invocation::Print(text) => text,
            other => panic!("{other:?}"),
        }
    }

    fn tcp(host: &str, port: u16) -> Bind {
        Bind { protocol: crate::Protocol::Http, address: Address::Tcp { host: host.into(), port } }
    }

    #[test]
    fn defaults() {
        let expected = Settings {
            target: Some("mysite.wsgi".into()),
            binds: vec![tcp("127.0.0.1", 8000)],
            binds_given: false,
            mounts: vec![],
            workers: 1,
            threads: 128,
            threads_min: 1,
            preload: true,
            reload: false,
            debug: false,
            doctor_token: String::new(),
            chdir: None,
            pythonpath: vec![],
            python_options: vec![],
            server_header: "Millau".into(),
            backlog: 2048,
            unix_mode: 0o660,
            front_servers: Vec::new(),
            web_servers: None,
            forwarded_from: Vec::new(),
            ajp_secret: String::new(),
            ajp_packet_size: 8192,
            ajp_paths: crate::AjpPaths::Recognised,
            access_log: None,
            access_log_format: AccessLogFormat::Combined,
            error_log: LogTarget::Stderr,
            log_level: LevelFilter::Info,
            limits: Limits {
                head_size: 65_536,
                target_size: 16_384,
                fields: 100,
                body_size: 1_073_741_824,
                connections: 10_000,
                request_buffer: 1_048_576,
                response_buffer: 1_048_576,
                request_spool: 1_073_741_824,
                response_spool: 1_073_741_824,
            },
            timeouts: Timeouts {
                header: Duration::from_secs(10),
                body: Duration::from_secs(30),
                keep_alive: Duration::from_secs(15),
                send: Duration::from_secs(30),
                crowded_send: Duration::from_secs(1),
                request: Duration::ZERO,
                graceful: Duration::from_secs(30),
                exit_when_idle: Duration::ZERO,
            },
            cgi: CgiSettings {
                modes: vec![CgiModeRule { path: None, mode: CgiMode::Auto }],
                variables: vec![],
                pass_authorization: false,
                symlinks: false,
                children: 64,
                queue: 128,
                timeout: Duration::from_secs(60),
                output_size: 1_073_741_824,
                cpu_seconds: 0,
                memory: u64::MAX,
                processes: 0,
                warm_interpreters: 32,
                warm_idle: Duration::from_secs(300),
            },
            warnings: vec![],
        };
        assert_eq!(settings("serve mysite.wsgi", &[]), expected);
    }

    #[test]
    fn every_setting_is_read_from_the_command_line_and_from_the_environment_alike() {
        let values = [
            ("mount", "/a=b"),
            ("chdir", "d"),
            ("pythonpath", "p"),
            ("python-option", "n=v=w"),
            ("server-header", "S"),
            ("bind", "[::1]:1"),
            ("backlog", "7"),
            ("unix-mode", "600"),
            ("front-servers", "192.0.2.7"),
            ("forwarded-from", "192.0.2.0/24"),
            ("ajp-secret", "s3cret"),
            ("ajp-packet-size", "16k"),
            ("ajp-paths", "decoded"),
            ("workers", "3"),
            ("threads", "5"),
            ("threads-min", "2"),
            ("preload", "off"),
            ("reload", "on"),
            ("debug", "on"),
            ("doctor-token", "0123456789abcdef"),
            ("access-log", "-"),
            ("access-log-format", "json"),
            ("error-log", "e"),
            ("log-level", "error"),
            ("limit-head-size", "32k"),
            ("limit-target-size", "2k"),
            ("limit-fields", "50"),
            ("limit-body-size", "5M"),
            ("limit-connections", "9"),
            ("request-buffer", "6k"),
            ("response-buffer", "8k"),
            ("request-spool", "7k"),
            ("response-spool", "9k"),
            ("header-timeout", "1"),
            ("body-timeout", "2"),
            ("keep-alive-timeout", "3"),
            ("send-timeout", "4"),
            ("crowded-send-timeout", "2"),
            ("request-timeout", "9"),
            ("graceful-timeout", "500ms"),
            ("exit-when-idle", "600"),
            ("cgi-mode", "a=warm"),
            ("cgi-env", "TZ=UTC"),
            ("cgi-pass-authorization", "on"),
            ("cgi-symlinks", "on"),
            ("cgi-timeout", "7"),
            ("cgi-children", "3"),
            ("cgi-queue", "4"),
            ("cgi-limit-output", "5k"),
            ("cgi-limit-cpu", "6"),
            ("cgi-limit-memory", "64M"),
            ("cgi-limit-processes", "8"),
            ("cgi-warm-interpreters", "9"),
            ("cgi-warm-idle", "10"),
        ];
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>());

        let without = settings("serve m", &[]);
        for (setting, (name, value)) in SETTINGS.iter().zip(values) {
            let option = match (setting.is_switch(), value) {
                (true, "on") => format!("--{name}"),
                (true, _) => format!("--no-{name}"),
                _ => format!("--{name} {value}"),
            };
            let from_line = settings(&format!("serve m {option}"), &[]);
            assert_eq!(from_line, settings("serve m", &[(&setting.variable(), value)]), "{name}");
            assert_ne!(from_line, without, "{name} changes nothing");
        }
    }

    #[test]
    fn the_command_line_wins_over_the_environment() {
        let environment = [("MILLAU_WORKERS", "2"), ("MILLAU_BIND", "a:1,b:2"), ("MILLAU_RELOAD", "1")];
        let settings = settings("serve m --workers=3 --bind c:3 --no-reload", &environment);
        assert_eq!((settings.workers, settings.binds, settings.reload), (3, vec![tcp("c", 3)], false));
    }

    #[test]
    fn an_empty_variable_does_not_undo_a_default() {
        let settings = settings("serve m", &[("MILLAU_BIND", ""), ("MILLAU_SERVER_HEADER", "")]);
        assert_eq!((settings.binds_given, settings.server_header.as_str()), (false, ""));
        assert_eq!(settings.binds, [tcp("127.0.0.1", 8000)]);
    }

    #[test]
    fn options_may_stand_before_the_target_and_repeat_where_that_makes_sense() {
        let settings = settings("serve --bind a:1 --bind b:2 --reload m --reload --pythonpath x --pythonpath y", &[]);
        assert_eq!(settings.binds, [tcp("a", 1), tcp("b", 2)]);
        assert_eq!(settings.pythonpath, [std::path::Path::new("x"), std::path::Path::new("y")]);
        assert!(settings.binds_given && settings.reload);
        assert_eq!(settings.target.as_deref(), Some("m"));
    }

    #[test]
    fn the_last_of_a_switch_and_its_negation_counts() {
        assert!(settings("serve m --no-reload --reload", &[]).reload);
        assert!(!settings("serve m --reload --no-reload", &[]).reload);
    }

    #[test]
    fn applications_come_with_the_root_first() {
        let settings = settings("serve m --mount /b=c:d --mount /a/=x", &[]);
        assert_eq!(settings.applications(), [("", "m"), ("/b", "c:d"), ("/a", "x")]);
        assert_eq!(settings.title(), "m, c:d at /b, x at /a");
    }

    #[test]
    fn a_mount_does_without_a_target() {
        let settings = settings("serve --mount /=m", &[]);
        assert_eq!(settings.target, None);
        assert_eq!(settings.mounts, [Mount { prefix: String::new(), target: "m".into() }]);
        assert_eq!(settings.title(), "m");
    }

    #[test]
    fn a_default_gives_way_to_a_smaller_whole() {
        assert_eq!(settings("serve m --limit-head-size 8k", &[]).limits.target_size, 8192);
        assert_eq!(settings("serve m --limit-head-size 32k", &[]).limits.target_size, 16_384);
    }

    #[test]
    fn any_free_port_may_be_asked_for_twice() {
        assert_eq!(settings("serve m --bind a:0 --bind a:0", &[]).binds.len(), 2);
    }

    #[test]
    fn debug_on_a_public_address_is_worth_a_warning() {
        let warned = |binds: &str| settings(&format!("serve m --debug {binds}"), &[]).warnings;
        assert_eq!(
            warned("--bind 0.0.0.0:80"),
            [
                "--debug shows source lines and values to everyone who can reach this server, and not only from this machine"
            ]
        );
        assert_eq!(warned("--bind example.org:80").len(), 1);
        for bind in ["", "--bind localhost:80", "--bind 127.1.2.3:80", "--bind [::1]:80", "--bind http+unix:/a"] {
            assert!(warned(bind).is_empty(), "{bind}");
        }
    }

    #[test]
    fn unknown_variables_become_warnings() {
        let settings = settings("serve m", &[("MILLAU_WORKER", "2"), ("MILLAU_WORKERS", "2")]);
        assert_eq!(
            settings.warnings,
            ["the environment variable MILLAU_WORKER is no setting and has no effect; did you mean 'MILLAU_WORKERS'?"]
        );
    }

    #[test]
    fn a_cgi_program_takes_the_same_settings() {
        let Invocation::Cgi(settings) = invoked("cgi m --workers 3 --debug", &[("MILLAU_BIND", "a:1")]).unwrap() else {
            panic!("not a CGI program");
        };
        assert_eq!((settings.target.as_deref(), settings.debug, settings.binds), (Some("m"), true, vec![tcp("a", 1)]));
    }

    #[test]
    fn a_relay_script_says_what_the_command_line_has_said() {
        let line = "relay --pythonpath a x.cgi --no-preload m:app --chdir=/d --pythonpath b --threads=4";
        let Invocation::Relay(relay) = invoked(line, &[("MILLAU_WORKERS", "5")]).unwrap() else {
            panic!("not a relay");
        };
        let lines: Vec<String> =
            relay.lines.iter().map(|line| line.join(&OsString::from(" ")).into_string().unwrap()).collect();
        assert_eq!(lines, ["m:app", "--pythonpath a", "--pythonpath b", "--threads 4", "--no-preload"]);
        assert_eq!((relay.file, relay.settings.workers), (PathBuf::from("x.cgi"), 1));
        assert_eq!(relay.settings.chdir, Some("/d".into()));
    }

    #[test]
    fn help_and_version_are_no_errors() {
        assert_eq!(printed("--version"), format!("millau {}\n", env!("CARGO_PKG_VERSION")));
        assert!(printed("--help").contains("millau serve mysite.wsgi"));
        assert!(printed("help").contains("serve"));
        assert!(printed("serve --help").contains("environment: MILLAU_BIND]"));
        let help = printed("serve -h").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains("[default: http://127.0.0.1:8000]"), "{help}");
    }

    #[test]
    fn one_line_says_what_is_wrong() {
        for (line, message) in [
            ("", "no command is given: millau serve TARGET serves an application, millau --help says more"),
            ("serve", "no application to serve: write millau serve TARGET, for instance millau serve mysite.wsgi"),
            (
                "relay",
                "no file is named: write millau relay FILE TARGET, for instance millau relay cgi-bin/site.cgi mysite.wsgi",
            ),
            ("srve m", "unknown command 'srve'; did you mean 'serve'?"),
            ("mysite.wsgi", "unknown command 'mysite.wsgi'; to serve an application: millau serve mysite.wsgi"),
            ("start", "unknown command 'start'; millau --help lists them all"),
            ("help start", "unknown command 'start'; millau --help lists them all"),
            ("--bind a:1", "'--bind' belongs after the command: millau serve TARGET --bind"),
            ("--no-preload", "'--no-preload' belongs after the command: millau serve TARGET --no-preload"),
            ("serve m --bnid x", "unknown option '--bnid'; did you mean '--bind'?"),
            ("serve m --worker=2", "unknown option '--worker'; did you mean '--workers'?"),
            ("serve m --no-debugg", "unknown option '--no-debugg'; did you mean '--no-debug'?"),
            ("serve m --xyzzy", "unknown option '--xyzzy'; millau serve --help lists them all"),
            ("serve m -w 2", "unknown option '-w'; millau serve --help lists them all"),
            ("serve m n", "'n' is one target too many: further applications are added with --mount /path=TARGET"),
            ("serve m --workers 1 --workers 2", "'--workers' is given twice"),
            ("serve m --workers", "'--workers' needs a value"),
            ("serve m --reload=yes", "'--reload' takes no value; to switch it off: '--no-reload'"),
            ("serve m --no-preload=1", "'--no-preload' takes no value; to switch it on: '--preload'"),
            ("serve m --workers -1", "--workers '-1': not a whole number"),
            ("serve m --workers=", "--workers '': not a whole number"),
            (
                "serve m --threads 4 --threads-min 5",
                "--threads-min 5 is more than --threads 4: a worker cannot start with more threads than it may have",
            ),
            (
                "serve m --limit-head-size 2k --limit-target-size 3k",
                "--limit-target-size 3072 is more than --limit-head-size 2048: the target is part of the head",
            ),
            ("serve m --bind a:1 --bind http://A:1/", "--bind http://a:1 is given twice"),
            ("serve m --bind http+fd:3 --bind http+fd:3", "--bind http+fd:3 is given twice"),
            ("serve m --mount /=n", "two applications at '/': m and n"),
            ("serve m --mount /a=b --mount /a/=c", "two applications at '/a': b and c"),
            ("serve m --bind 8000x", "--bind '8000x': no port is given: write 8000x:8000, say (port 0: any free port)"),
            ("serve m --python-option a", "--python-option 'a': an option is NAME=VALUE"),
            ("serve m --mount /a", "--mount '/a': a mount is /path=TARGET, for instance /shop=shop.wsgi"),
        ] {
            assert_eq!(refused(line), message, "{line}");
        }
    }

    #[test]
    fn a_refusal_names_the_variable_that_is_wrong() {
        let refused = |name, value| invoked("serve m", &[(name, value)]).unwrap_err();
        assert_eq!(refused("MILLAU_WORKERS", "many"), "MILLAU_WORKERS 'many': not a whole number");
        assert_eq!(
            refused("MILLAU_BIND", "a:1,:2"),
            "MILLAU_BIND ':2': no host before ':2': write 127.0.0.1:2 for this machine only, or 0.0.0.0:2 for every interface"
        );
        assert_eq!(
            refused("MILLAU_PRELOAD", "maybe"),
            "MILLAU_PRELOAD 'maybe': not one of 1, true, yes, on, 0, false, no, off"
        );
    }

    #[test]
    fn a_refusal_stays_one_line() {
        let arguments = ["millau", "serve", "m", "--server-header", "a\nb"].map(OsString::from);
        let message = parse(arguments, [], &PasteServer::default()).unwrap_err().to_string();
        assert_eq!(message, "--server-header 'a\\nb': only printable ASCII can be sent in a field");
    }

    #[test]
    fn a_target_must_be_text() {
        use std::os::unix::ffi::OsStringExt;
        let with = |target| {
            parse([OsString::from("millau"), "serve".into(), target], [], &PasteServer::default())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(with(OsString::new()), "TARGET is empty: write millau serve module:attribute, say");
        assert_eq!(with(OsString::from_vec(b"a\xff".to_vec())), "TARGET 'a\u{fffd}' is not valid UTF-8");
    }
}
