//! How much: of a request, of a response, in memory and on disk.

use super::{GIB, KIB, MIB, whole};
use crate::setting::{Group, Kind, Setting};

pub(super) const ROWS: &[Setting] = &[
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
               slow clients already; see --request-spool. With 0 every body is read as it comes, and none goes to a file. \
               So much may be kept in memory for each connection.",
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
        name: "request-spool",
        value_name: "BYTES",
        default: "1G",
        help: "Bytes of all request bodies of a worker that may be kept in files",
        long: "--request-buffer says which bodies go to a file. The files are in TMPDIR and have no names. While there is no \
               room, such a body is read no further, so that its client has to wait, until another request with such a body \
               has ended or, for a body with a Content-Length, threads are free for slow clients. Of bodies that arrive side by \
               side, only the first grows beyond a quarter of the limit, so that one after the other ends. What has waited for \
               --body-timeout is answered with 503; that its client has left meanwhile is seen only then. A body without a Content-Length that is larger than this, or with 0 larger than \
               --request-buffer, is answered with 413. Other requests go on in any case. A CGI program of 'millau cgi' is held to \
               --limit-body-size alone.",
        group: Group::Limits,
        kind: Kind::Size {
            range: 0..=u64::MAX,
            no_limit: false,
            set: |settings, bytes| settings.limits.request_spool = bytes,
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
               thread is left, --crowded-send-timeout says how soon a reader beyond that half is given up.",
        group: Group::Limits,
        kind: Kind::Size {
            range: 0..=u64::MAX,
            no_limit: false,
            set: |settings, bytes| settings.limits.response_spool = bytes,
        },
    },
];
