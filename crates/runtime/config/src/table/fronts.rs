//! Where the server listens, and whom it believes.

use crate::AjpPaths;
use crate::setting::{Choice, Group, Kind, Setting};

pub(super) const ROWS: &[Setting] = &[
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
];
