//! The table: one row per setting, in the order in which the help shows them.

use std::time::Duration;

use log::LevelFilter;

use crate::setting::{Choice, Group, Kind, Setting};
use crate::{AccessLogFormat, AjpPaths, LogTarget};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// A wait of zero would end before it began.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Every setting.
pub static SETTINGS: &[Setting] = &[
    Setting {
        name: "mount",
        value_name: "/PATH=TARGET",
        default: "",
        help: "Serve another application below a path; may be given several times",
        long: "The longest path that fits a request wins, and it fits whole segments only: /app does not lead to /apple. \
               The application sees the path as SCRIPT_NAME. The path is written decoded. TARGET at the root may be left \
               out; then a request that fits no mount gets 404.",
        group: Group::Application,
        kind: Kind::Mounts { set: |settings, mounts| settings.mounts = mounts },
    },
    Setting {
        name: "chdir",
        value_name: "DIR",
        default: "",
        help: "Change to this directory before anything else",
        long: "Every relative path counts from there, also those in other settings, and it comes first on sys.path.",
        group: Group::Application,
        kind: Kind::Path { set: |settings, path| settings.chdir = Some(path) },
    },
    Setting {
        name: "pythonpath",
        value_name: "DIR",
        default: "",
        help: "Search modules in this directory too; may be given several times",
        long: "The directories come after the current one and before those of the interpreter on sys.path, in the order \
               given.",
        group: Group::Application,
        kind: Kind::Paths { set: |settings, paths| settings.pythonpath = paths },
    },
    Setting {
        name: "python-option",
        value_name: "NAME=VALUE",
        default: "",
        help: "An option for applications of mod_python; may be given several times",
        long: "What PythonOption is in Apache's configuration: pages and handlers find it in req.get_options(). \
               docs/mod_python.md names those that Millau's own session and PSP modules know.",
        group: Group::Application,
        kind: Kind::Pairs { set: |settings, pairs| settings.python_options = pairs },
    },
    Setting {
        name: "server-header",
        value_name: "TEXT",
        default: "Millau",
        help: "The Server field of responses; empty: none",
        long: "Sent where the application sets no Server field itself. It names no version, because that would help \
               nobody but attackers. With an empty value no Server field is added.",
        group: Group::Application,
        kind: Kind::FieldValue { set: |settings, text| settings.server_header = text },
    },
    Setting {
        name: "bind",
        value_name: "FRONT",
        default: "http://127.0.0.1:8000",
        help: "Listen here; may be given several times",
        long: "http://HOST:PORT, or just HOST:PORT; http+unix:/PATH for a UNIX socket; http+fd:NUMBER for a listening \
               socket that was left open by whoever started the process. In place of http: fastcgi, scgi, uwsgi or ajp, for \
               a front server that speaks it. Port 0 is any free port; the log says which. A \
               name that has several addresses means the first IPv4 address, or else the first. http://[::]:8000 is IPv6 \
               only; add http://0.0.0.0:8000 for IPv4. When this is not given and the service manager passes sockets in \
               (LISTEN_FDS), those are used.",
        group: Group::Fronts,
        kind: Kind::Binds { set: |settings, binds| settings.binds = binds },
    },
    Setting {
        name: "backlog",
        value_name: "N",
        default: "2048",
        help: "Connections that the kernel keeps until they are accepted, per front",
        long: "What comes on top is dropped or refused by the kernel, and clients try again after a second. The kernel \
               caps it silently at net.core.somaxconn. A socket that was passed in keeps its own.",
        group: Group::Fronts,
        kind: Kind::Count {
            range: 1..=65_535,
            set: |settings, number| settings.backlog = u32::try_from(number).unwrap_or(u32::MAX),
        },
    },
    Setting {
        name: "unix-mode",
        value_name: "MODE",
        default: "660",
        help: "Permission bits of UNIX sockets, in octal",
        long: "To connect, a process needs the write bit. With 660 that is the user of the server and the socket's group, \
               so the front server's user must be in that group; 666 lets every process of the machine in; the process's \
               umask plays no part. A socket that was passed in keeps its own.",
        group: Group::Fronts,
        kind: Kind::Mode { set: |settings, mode| settings.unix_mode = mode },
    },
    Setting {
        name: "front-servers",
        value_name: "ADDRESS",
        default: "",
        help: "Who may connect to fronts that are not HTTP; may be given several times",
        long: "Such a front believes what it is told of the client: its address, its user. So nobody but the front server \
               may connect. Without this setting everybody may who can reach it; what FCGI_WEB_SERVER_ADDRS names (FastCGI \
               1.0, §3.2) counts for FastCGI fronts besides. UNIX sockets are guarded by --unix-mode instead.",
        group: Group::Fronts,
        kind: Kind::Addresses { set: |settings, addresses| settings.front_servers = addresses },
    },
    Setting {
        name: "forwarded-from",
        value_name: "PROXY",
        default: "",
        help: "Proxies whose X-Forwarded-For, -Proto and -Port are believed; may be given several times",
        long: "An address, a network such as 10.0.0.0/8, or unix for whoever connects to a UNIX socket. The client's address, \
               the scheme and the port are then those that the proxy names; without this setting, what a request claims \
               counts for nothing. In the path of such a request, . and .. are resolved, as the proxy has done that applied its \
               rules. Of several addresses the client's is the last that is not itself one of these. Fronts that \
               are not HTTP need none of this.",
        group: Group::Fronts,
        kind: Kind::Proxies { set: |settings, proxies| settings.forwarded_from = proxies },
    },
    Setting {
        name: "ajp-secret",
        value_name: "TEXT",
        default: "",
        help: "What an AJP front server must tell with each request",
        long: "The same text stands in the front server (Apache: ProxyPass ajp://… secret=TEXT). An AJP front that other \
               machines can reach must have one. The environment variable keeps it out of the list of processes.",
        group: Group::Fronts,
        kind: Kind::Secret { set: |settings, secret| settings.ajp_secret = secret },
    },
    Setting {
        name: "ajp-packet-size",
        value_name: "BYTES",
        default: "8192",
        help: "Largest packet at an AJP front",
        long: "The front server must have the same (Apache: ProxyIOBufferSize). The fields of a request must fit into one \
               packet.",
        group: Group::Fronts,
        kind: Kind::Size {
            range: 8192..=65536,
            no_limit: false,
            set: |settings, size| settings.ajp_packet_size = size as usize,
        },
    },
    Setting {
        name: "ajp-paths",
        value_name: "FORM",
        default: "recognised",
        help: "How an AJP front server writes the path of a request",
        long: "A decoded path such as /%61dmin, for which a client has asked with /%2561dmin, cannot be told from an encoded \
               one; so say what the front server does, above all where it guards paths.",
        group: Group::Fronts,
        kind: Kind::Choice {
            choices: &[
                Choice {
                    name: "recognised",
                    meaning: "encoded, unless it holds what cannot stand in an encoded path",
                    set: |settings| settings.ajp_paths = AjpPaths::Recognised,
                },
                Choice {
                    name: "encoded",
                    meaning: "percent-encoded, as Apache does; anything else is refused",
                    set: |settings| settings.ajp_paths = AjpPaths::Encoded,
                },
                Choice {
                    name: "decoded",
                    meaning: "decoded, as lighttpd does",
                    set: |settings| settings.ajp_paths = AjpPaths::Decoded,
                },
            ],
        },
    },
    Setting {
        name: "workers",
        value_name: "N",
        default: "1",
        help: "Worker processes",
        long: "A worker runs Python on one core at a time (with the usual interpreter, which has one lock), so as many \
               workers as cores is the most that computing can use; threads serve requests that wait. More workers also \
               mean more memory, though what is loaded before they start is shared. SIGTTIN and SIGTTOU add and remove \
               one while the server runs.",
        group: Group::Workers,
        kind: Kind::Count { range: 1..=1024, set: |settings, number| settings.workers = number },
    },
    Setting {
        name: "threads",
        value_name: "N",
        default: "128",
        help: "Most threads of a worker, which is how many requests it can run at once",
        long: "Threads are started while calls block and end again when they are idle, so a high number costs nothing \
               until it is needed. With 1, calls of the application never overlap in a worker, and wsgi.multithread is \
               False: for applications that are not thread-safe.",
        group: Group::Workers,
        kind: Kind::Count { range: 1..=1024, set: |settings, number| settings.threads = number },
    },
    Setting {
        name: "threads-min",
        value_name: "N",
        default: "1",
        help: "Fewest threads of a worker",
        long: "So many are kept, idle or not. One is enough unless calls often block all at once after a quiet time. At \
               most as many as --threads.",
        group: Group::Workers,
        kind: Kind::Count { range: 1..=1024, set: |settings, number| settings.threads_min = number },
    },
    Setting {
        name: "preload",
        value_name: "",
        default: "on",
        help: "Import the application once and fork the workers from that process",
        long: "Workers then share the memory of the imported code, and start at once. Off, every worker imports the \
               application by itself: for applications that start threads or open connections while they are imported, \
               which a forked process cannot use. A reload imports anew in either case.",
        group: Group::Workers,
        kind: Kind::Switch {
            off: "Let every worker import the application by itself",
            set: |settings, on| settings.preload = on,
        },
    },
    Setting {
        name: "reload",
        value_name: "",
        default: "off",
        help: "Watch the sources and reload when one changes",
        long: "For development: it looks twice a second at every imported file and at the Python files below the current \
               directory. If the new code cannot be imported, the old code goes on serving and the log has the \
               traceback. For a running site, send SIGHUP instead.",
        group: Group::Development,
        kind: Kind::Switch { off: "Do not watch the sources", set: |settings, on| settings.reload = on },
    },
    Setting {
        name: "debug",
        value_name: "",
        default: "off",
        help: "Answer an uncaught exception with a page that shows the traceback",
        long: "For development only: the page shows source lines and values to whoever asks. Off, the response is a plain \
               500 that tells nothing of the inside, and the traceback is in the error log, where it is in either case.",
        group: Group::Development,
        kind: Kind::Switch { off: "Show no traceback", set: |settings, on| settings.debug = on },
    },
    Setting {
        name: "doctor-token",
        value_name: "TEXT",
        default: "",
        help: "Tell 'millau doctor URL' what arrives here, if it sends this text",
        long: "A request with this text in its field X-Millau-Doctor, at any path, does not reach the application: it is \
               answered with the variables that the application would have seen, as JSON, so that 'millau doctor URL' can \
               say what the front server does to a request. Cookies and credentials are left out. For the time of the \
               examination only, and at least 16 characters (openssl rand -hex 16). The environment variable keeps it out \
               of the list of processes. Empty: nothing answers.",
        group: Group::Development,
        kind: Kind::Secret { set: |settings, token| settings.doctor_token = token },
    },
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
    Setting {
        name: "limit-head-size",
        value_name: "BYTES",
        default: "64k",
        help: "Request line and fields together",
        long: "A larger head is refused with 431. So much may be kept in memory for each connection that is sending one. Over \
               FastCGI, SCGI and uwsgi the variables of a request may take 16 KiB more; a relay (millau relay) sends what is in \
               its environment.",
        group: Group::Limits,
        kind: Kind::Size {
            range: KIB..=16 * MIB,
            no_limit: false,
            set: |settings, bytes| settings.limits.head_size = whole(bytes),
        },
    },
    Setting {
        name: "limit-target-size",
        value_name: "BYTES",
        default: "16k",
        help: "The target of a request: path and query as sent",
        long: "A longer target is refused with 414. Where it is not given, it is never more than --limit-head-size.",
        group: Group::Limits,
        kind: Kind::Size {
            range: 64..=16 * MIB,
            no_limit: false,
            set: |settings, bytes| settings.limits.target_size = whole(bytes),
        },
    },
    Setting {
        name: "limit-fields",
        value_name: "N",
        default: "100",
        help: "Fields of a request",
        long: "A request with more fields is refused with 431. Over FastCGI, SCGI and uwsgi there may be 100 variables more.",
        group: Group::Limits,
        kind: Kind::Count { range: 8..=1000, set: |settings, number| settings.limits.fields = number },
    },
    Setting {
        name: "limit-body-size",
        value_name: "BYTES",
        default: "1G",
        help: "Body of a request; 0: no limit",
        long: "A body that announces more is refused with 413 before the application is called; one that turns out to be \
               longer while it is read breaks off, and so does the application's reading.",
        group: Group::Limits,
        kind: Kind::Size {
            range: 1..=u64::MAX,
            no_limit: true,
            set: |settings, bytes| settings.limits.body_size = bytes,
        },
    },
    Setting {
        name: "limit-connections",
        value_name: "N",
        default: "10000",
        help: "Open connections of a worker",
        long: "A worker that has so many accepts no more until one is closed; the others wait in the kernel's backlog. \
               Each takes a file descriptor, so the limit of the process (ulimit -n) must leave room for it.",
        group: Group::Limits,
        kind: Kind::Count { range: 1..=1_000_000, set: |settings, number| settings.limits.connections = number },
    },
    Setting {
        name: "request-buffer",
        value_name: "BYTES",
        default: "1M",
        help: "Body bytes that are read before the application is called",
        long: "A smaller body is here as a whole when the application starts, so a slow upload holds no thread; of a larger \
               one the application reads the rest as it comes. A larger chunked body goes to a file in TMPDIR first, \
               because its length is not known before; so does any larger body while a quarter of the threads wait for \
               slow clients already. With 0 every body is read as it comes. So much may be kept in memory for each \
               connection.",
        group: Group::Limits,
        kind: Kind::Size {
            range: 0..=GIB,
            no_limit: false,
            set: |settings, bytes| settings.limits.request_buffer = whole(bytes),
        },
    },
    Setting {
        name: "response-buffer",
        value_name: "BYTES",
        default: "1M",
        help: "Bytes of a response that are kept for a slow reader before the application waits",
        long: "A response below it frees its thread at once, however slowly it is read. Beyond it the application waits; \
               while a quarter of the threads wait for slow clients already, the rest goes to a file in TMPDIR instead, see \
               --response-spool. So much, and one item of the response more, may be kept in memory for each \
               connection. Files that are sent with wsgi.file_wrapper do not count.",
        group: Group::Limits,
        kind: Kind::Size {
            range: 4 * KIB..=GIB,
            no_limit: false,
            set: |settings, bytes| settings.limits.response_buffer = whole(bytes),
        },
    },
    Setting {
        name: "response-spool",
        value_name: "BYTES",
        default: "1G",
        help: "Bytes of all responses of a worker that may be kept in files for slow readers",
        long: "The files are in TMPDIR and have no names. When they are full, an application whose reader is slow waits for \
               it, as it does with 0, where nothing goes to a file; --send-timeout limits that. Such readers may have half \
               of the threads. Then further requests for the same paths wait for them, while all others go on; and when no \
               thread is left, a reader beyond that half is given up after one second in which it takes nothing. A single \
               thread has nobody to share with: it waits for --send-timeout.",
        group: Group::Limits,
        kind: Kind::Size {
            range: 0..=u64::MAX,
            no_limit: false,
            set: |settings, bytes| settings.limits.response_spool = bytes,
        },
    },
    Setting {
        name: "header-timeout",
        value_name: "SECONDS",
        default: "10",
        help: "For the head of a request to arrive",
        long: "Counted from the moment when the connection is accepted, or from the first byte of a later request on it, to \
               the complete head: a client that sends a byte now and then does not prolong it. A started request is \
               answered with 408; then the connection is closed.",
        group: Group::Timeouts,
        kind: Kind::Time { range: SHORTEST..=LONGEST, set: |settings, span| settings.timeouts.header = span },
    },
    Setting {
        name: "body-timeout",
        value_name: "SECONDS",
        default: "30",
        help: "Without progress of the body of a request",
        long: "Counted from the last byte that arrived, so a large upload may take as long as it moves on. Then the \
               request is answered with 408 if that is still possible, the application's reading fails, and the \
               connection is closed.",
        group: Group::Timeouts,
        kind: Kind::Time { range: SHORTEST..=LONGEST, set: |settings, span| settings.timeouts.body = span },
    },
    Setting {
        name: "keep-alive-timeout",
        value_name: "SECONDS",
        default: "15",
        help: "For the next request on a connection; 0: one request per connection",
        long: "Then the idle connection is closed. Behind a front server it should be longer than the front server's own \
               timeout for idle upstream connections, so that it is not the server that closes one just as a request \
               sets out on it. With 0 every response says Connection: close.",
        group: Group::Timeouts,
        kind: Kind::Time { range: Duration::ZERO..=LONGEST, set: |settings, span| settings.timeouts.keep_alive = span },
    },
    Setting {
        name: "send-timeout",
        value_name: "SECONDS",
        default: "30",
        help: "Without progress while a response is sent",
        long: "Counted from the last byte that the client took, so a large download may take as long as it moves on. Then \
               the connection is reset, and an application that is still writing gets an error.",
        group: Group::Timeouts,
        kind: Kind::Time { range: SHORTEST..=LONGEST, set: |settings, span| settings.timeouts.send = span },
    },
    Setting {
        name: "request-timeout",
        value_name: "SECONDS",
        default: "0",
        help: "For the application to finish its response; 0: no limit",
        long: "Counted from the call of the application. Then the client gets 504, or, if the response has begun, its \
               connection breaks; the log says where in its code the call is. The thread cannot be stopped: it is held until \
               the call ends, while the others go on. When all are held so, the worker ends and another takes its place. \
               Downloads and streams that may last need a limit that is longer, or none.",
        group: Group::Timeouts,
        kind: Kind::Time { range: Duration::ZERO..=LONGEST, set: |settings, span| settings.timeouts.request = span },
    },
    Setting {
        name: "graceful-timeout",
        value_name: "SECONDS",
        default: "30",
        help: "For running requests to end at a stop or a reload; 0: at once",
        long: "A worker that is to end accepts nothing more and finishes what it has begun. What is still running after \
               this time is cut, and the log says which requests that was. Where the time is shorter than a second, that \
               comes after a second: so long may a worker take that has nothing to finish.",
        group: Group::Timeouts,
        kind: Kind::Time { range: Duration::ZERO..=LONGEST, set: |settings, span| settings.timeouts.graceful = span },
    },
    Setting {
        name: "exit-when-idle",
        value_name: "SECONDS",
        default: "0",
        help: "End the server after so long without a connection; 0: never",
        long: "For a server that is started again when somebody wants something: by the relay of a CGI program, or by the \
               service manager, which keeps the sockets (LISTEN_FDS). The end is an orderly stop, and the exit code is 0.",
        group: Group::Timeouts,
        kind: Kind::Time {
            range: Duration::ZERO..=LONGEST,
            set: |settings, span| settings.timeouts.exit_when_idle = span,
        },
    },
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

/// A size that is kept in memory; every range above ends below 4 GiB.
fn whole(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_written_as_options_are() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert!(setting.name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'-')), "{}", setting.name);
            assert!(SETTINGS[..index].iter().all(|other| other.name != setting.name), "{} twice", setting.name);
            assert!(!setting.name.starts_with("no-"), "{} looks like a negation", setting.name);
        }
    }

    #[test]
    fn every_row_is_documented_in_one_line_and_in_a_paragraph() {
        for setting in SETTINGS {
            assert!(!setting.help.is_empty() && !setting.help.ends_with('.'), "help of {}", setting.name);
            assert!(setting.help.len() <= 90, "help of {} is longer than a line", setting.name);
            assert!(setting.long.ends_with('.') && !setting.long.contains('\n'), "paragraph of {}", setting.name);
            assert!(!setting.long.contains("  "), "paragraph of {} has a gap", setting.name);
            assert_eq!(setting.value_name.is_empty(), setting.is_switch(), "value name of {}", setting.name);
        }
    }
}
