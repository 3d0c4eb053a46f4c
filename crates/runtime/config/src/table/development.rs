//! For those who are writing the application.

use crate::setting::{Group, Kind, Setting};

pub(super) const ROWS: &[Setting] = &[
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
];
