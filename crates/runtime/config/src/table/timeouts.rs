//! How long.

use std::time::Duration;

use super::{LONGEST, SHORTEST};
use crate::setting::{Group, Kind, Setting};

pub(super) const ROWS: &[Setting] = &[
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
        name: "crowded-send-timeout",
        value_name: "SECONDS",
        default: "1",
        help: "Without progress while a response is sent whose thread others need",
        long: "In place of --send-timeout, for a call that holds a thread because its reader is slow and --response-spool is \
               full (or 0): when that is the only thread and something else has arrived, or when all of several threads are \
               held and slow readers have more than half of them. Its connection is reset then. Until all that wait have been \
               called, who came last is called first, because those who came before may be such readers too and hold every \
               thread again, each time for so long. Readers that have their response in memory or in a file hold no thread \
               and keep --send-timeout. Before, an application without end writes until the spool is full: a smaller \
               --response-spool shortens that.",
        group: Group::Timeouts,
        kind: Kind::Time { range: SHORTEST..=LONGEST, set: |settings, span| settings.timeouts.crowded_send = span },
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
];
