//! Processes and threads.

use crate::setting::{Group, Kind, Setting};

pub(super) const ROWS: &[Setting] = &[
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
];
