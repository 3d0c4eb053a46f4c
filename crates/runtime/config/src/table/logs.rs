//! Log files.

use log::LevelFilter;

use crate::setting::{Choice, Group, Kind, Setting};
use crate::{AccessLogFormat, LogTarget};

pub(super) const ROWS: &[Setting] = &[
    Setting {
        name: "access-log",
        value_name: "FILE",
        default: "",
        help: "Write a line per request to this file, or '-' for standard output",
        long: "None is written unless this is given. Lines are appended. Everything that a client sends is escaped, so \
               that it can forge neither a line nor a column. Times are UTC.",
        group: Group::Logs,
        kind: Kind::Log { dash: LogTarget::Stdout, set: |settings, target| settings.access_log = Some(target) },
    },
    Setting {
        name: "access-log-format",
        value_name: "FORMAT",
        default: "combined",
        help: "The form of these lines",
        long: "common and combined are what log analysers know from Apache and nginx; json says more and is for programs.",
        group: Group::Logs,
        kind: Kind::Choice {
            choices: &[
                Choice {
                    name: "common",
                    meaning: "the Common Log Format: host, user, time, request line, status, bytes of the body",
                    set: |settings| settings.access_log_format = AccessLogFormat::Common,
                },
                Choice {
                    name: "combined",
                    meaning: "the common format, then Referer and User-Agent",
                    set: |settings| settings.access_log_format = AccessLogFormat::Combined,
                },
                Choice {
                    name: "json",
                    meaning: "one JSON object per line, with host, duration and outcome",
                    set: |settings| settings.access_log_format = AccessLogFormat::Json,
                },
            ],
        },
    },
    Setting {
        name: "error-log",
        value_name: "FILE",
        default: "-",
        help: "Write messages to this file, or '-' for standard error",
        long: "Messages of the server, and tracebacks of uncaught exceptions. Lines are appended; times are UTC.",
        group: Group::Logs,
        kind: Kind::Log { dash: LogTarget::Stderr, set: |settings, target| settings.error_log = target },
    },
    Setting {
        name: "log-level",
        value_name: "LEVEL",
        default: "info",
        help: "The least severe messages to write",
        long: "It does not touch the access log.",
        group: Group::Logs,
        kind: Kind::Choice {
            choices: &[
                Choice {
                    name: "debug",
                    meaning: "everything, also what is only of use for finding a fault in the server itself",
                    set: |settings| settings.log_level = LevelFilter::Debug,
                },
                Choice {
                    name: "info",
                    meaning: "also what goes well: starts, reloads, stops",
                    set: |settings| settings.log_level = LevelFilter::Info,
                },
                Choice {
                    name: "warning",
                    meaning: "also what may need attention",
                    set: |settings| settings.log_level = LevelFilter::Warn,
                },
                Choice {
                    name: "error",
                    meaning: "only what went wrong",
                    set: |settings| settings.log_level = LevelFilter::Error,
                },
            ],
        },
    },
];
