//! How CGI programs are run.

use super::{KIB, LONGEST, MIB, SHORTEST};
use crate::setting::{Group, Kind, Setting};

pub(super) const ROWS: &[Setting] = &[
    Setting {
        name: "cgi-mode",
        value_name: "[PATH=]MODE",
        default: "auto",
        help: "How CGI programs are run: auto, exec, warm or resident; may be given several times",
        long: "exec starts the program anew for each request, as every CGI server does. warm is for Python scripts: the \
               request runs in a process of its own too, but that is forked from an interpreter that has imported what the \
               script imports; a script that cannot be run so is executed, and the log says why. auto is warm for Python \
               scripts and exec for the rest. resident is for Python scripts as well: they run inside the worker, one \
               request at a time, with the modules of the requests before still loaded; that is the fastest, and nothing \
               holds such a script to a limit. PATH is a directory or a script; the longest path that holds a script \
               counts. MODE alone is for all the others.",
        group: Group::Cgi,
        kind: Kind::CgiModes { set: |settings, rules| settings.cgi.modes = rules },
    },
    Setting {
        name: "cgi-env",
        value_name: "NAME[=VALUE]",
        default: "",
        help: "A variable that CGI programs have besides those of the request; may be given several times",
        long: "Without a value, the server's own is handed on. Of the server's environment programs get nothing else but PATH, \
               LANG, LC_ALL, LC_CTYPE, TZ and LD_LIBRARY_PATH.",
        group: Group::Cgi,
        kind: Kind::CgiVariables { set: |settings, variables| settings.cgi.variables = variables },
    },
    Setting {
        name: "cgi-pass-authorization",
        value_name: "",
        default: "off",
        help: "Give CGI programs the client's credentials",
        long: "They are in HTTP_AUTHORIZATION then, for programs that check passwords themselves. Off, a program cannot \
               learn them: on many systems others can look into its environment.",
        group: Group::Cgi,
        kind: Kind::Switch {
            off: "Withhold the client's credentials",
            set: |settings, on| settings.cgi.pass_authorization = on,
        },
    },
    Setting {
        name: "cgi-symlinks",
        value_name: "",
        default: "off",
        help: "Follow symbolic links out of the directory of CGI programs",
        long: "Links within the directory are followed in either case. Off, a link that leads out is answered with 403.",
        group: Group::Cgi,
        kind: Kind::Switch {
            off: "Follow no symbolic link out of the directory",
            set: |settings, on| settings.cgi.symlinks = on,
        },
    },
    Setting {
        name: "cgi-timeout",
        value_name: "SECONDS",
        default: "60",
        help: "Without any output of a CGI program",
        long: "Counted from its start, or from the last byte that it wrote or took. Then the program and everything that it \
               has started is ended, first with SIGTERM, three seconds later with SIGKILL, and the client gets 504 if \
               nothing was sent yet. A program that has ended its output may run on for so long, and so may processes that \
               it leaves behind. A request waits no longer than this for another program to end.",
        group: Group::Cgi,
        kind: Kind::Time { range: SHORTEST..=LONGEST, set: |settings, span| settings.cgi.timeout = span },
    },
    Setting {
        name: "cgi-children",
        value_name: "N",
        default: "64",
        help: "CGI programs of a worker that run at once",
        long: "Further requests wait. Each of them, running or waiting, takes one of --threads.",
        group: Group::Cgi,
        kind: Kind::Count { range: 1..=1024, set: |settings, number| settings.cgi.children = number },
    },
    Setting {
        name: "cgi-queue",
        value_name: "N",
        default: "128",
        help: "Requests that wait while --cgi-children programs run",
        long: "What comes on top is answered with 503.",
        group: Group::Cgi,
        kind: Kind::Count { range: 0..=1024, set: |settings, number| settings.cgi.queue = number },
    },
    Setting {
        name: "cgi-limit-output",
        value_name: "BYTES",
        default: "1G",
        help: "Output of a CGI program for one request; 0: no limit",
        long: "A program that writes more is ended, and the response is cut so that the client can see it.",
        group: Group::Cgi,
        kind: Kind::Size {
            range: KIB..=u64::MAX,
            no_limit: true,
            set: |settings, bytes| settings.cgi.output_size = bytes,
        },
    },
    Setting {
        name: "cgi-limit-cpu",
        value_name: "SECONDS",
        default: "0",
        help: "Processor time of each process of a CGI program; 0: no limit",
        long: "The kernel ends a process that has used more (RLIMIT_CPU).",
        group: Group::Cgi,
        kind: Kind::Count { range: 0..=86_400, set: |settings, number| settings.cgi.cpu_seconds = number },
    },
    Setting {
        name: "cgi-limit-memory",
        value_name: "BYTES",
        default: "0",
        help: "Address space of each process of a CGI program; 0: no limit",
        long: "The kernel gives a process no more (RLIMIT_AS). It counts what is mapped, which is more than what is in use.",
        group: Group::Cgi,
        kind: Kind::Size {
            range: 16 * MIB..=u64::MAX,
            no_limit: true,
            set: |settings, bytes| settings.cgi.memory = bytes,
        },
    },
    Setting {
        name: "cgi-limit-processes",
        value_name: "N",
        default: "0",
        help: "Processes that the server's user may have while a CGI program runs; 0: no limit",
        long: "A CGI program that wants to start one more cannot (RLIMIT_NPROC). The server's own processes and threads \
               count too, and root is not held to it.",
        group: Group::Cgi,
        kind: Kind::Count { range: 0..=1_000_000, set: |settings, number| settings.cgi.processes = number },
    },
    Setting {
        name: "cgi-warm-interpreters",
        value_name: "N",
        default: "32",
        help: "Python scripts that a worker keeps warm at once; 0: none",
        long: "Each has an interpreter of its own, of about 10 MiB and what the script imports. Beyond that, the one that was \
               used least recently makes room, unless that was within ten seconds; then the script is executed.",
        group: Group::Cgi,
        kind: Kind::Count { range: 0..=1024, set: |settings, number| settings.cgi.warm_interpreters = number },
    },
    Setting {
        name: "cgi-warm-idle",
        value_name: "SECONDS",
        default: "300",
        help: "Without a request until a warm interpreter ends",
        long: "The next request for its script starts another.",
        group: Group::Cgi,
        kind: Kind::Time { range: SHORTEST..=LONGEST, set: |settings, span| settings.cgi.warm_idle = span },
    },
];
