//! Applications and their surroundings.

use crate::setting::{Group, Kind, Setting};

pub(super) const ROWS: &[Setting] = &[
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
];
