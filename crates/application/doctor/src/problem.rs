//! The problems that the doctor knows, each with a name that can be looked up.

use std::fmt;

macro_rules! problems {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// A problem that the doctor knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Problem {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Problem {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in messages and documents.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

problems! {
    /// There is nothing at the path.
    NotFound = "not-found",
    /// Not a regular file, an empty one, or data.
    NoScript = "no-script",
    /// The serving user may not execute the file.
    NotExecutable = "not-executable",
    /// The serving user may not read the file.
    NotReadable = "not-readable",
    /// The serving user may not enter a directory on the way.
    DirectoryClosed = "directory-closed",
    /// A UTF-8 byte order mark before the `#!`.
    ByteOrderMark = "byte-order-mark",
    /// The file is UTF-16.
    Utf16 = "utf-16",
    /// Lines end with CR LF.
    CarriageReturns = "carriage-returns",
    /// Lines end with CR alone.
    LoneCarriageReturns = "lone-carriage-returns",
    /// There is no `#!`.
    NoShebang = "no-shebang",
    /// The `#!` is not at the first byte.
    ShebangNotFirst = "shebang-not-first",
    /// The line of the `#!` is longer than the kernel reads.
    ShebangTooLong = "shebang-too-long",
    /// The `#!` names no absolute path.
    InterpreterRelative = "interpreter-relative",
    /// The interpreter does not exist.
    InterpreterMissing = "interpreter-missing",
    /// The interpreter is there and the serving user may not execute it.
    InterpreterClosed = "interpreter-closed",
    /// `env` does not find the interpreter on the server's PATH.
    InterpreterNotOnPath = "interpreter-not-on-path",
    /// `env` finds another interpreter for the server than for this shell.
    InterpreterDiffers = "interpreter-differs",
    /// `env` is given several words as one.
    EnvArguments = "env-arguments",
    /// Neither the directory nor the suffix is served as CGI.
    NotServedAsCgi = "not-served-as-cgi",
    /// The bytes do not fit the encoding of the source.
    SourceEncoding = "source-encoding",
    /// The source is Python 2.
    PythonTwo = "python-2",
    /// The source cannot be compiled.
    SyntaxError = "syntax-error",
    /// A module that is imported is not installed.
    ModuleMissing = "module-missing",
    /// A module has left the standard library.
    ModuleGone = "module-gone",
    /// The interpreter could not be asked.
    InterpreterFails = "interpreter-fails",
    /// The file system does not allow execution.
    NoexecMount = "noexec-mount",
    /// The SELinux label is not one for CGI scripts.
    SecurityLabel = "security-label",
    /// Set-user-id or set-group-id bits.
    SetuidBits = "setuid-bits",
    /// Others may change the script.
    WritableByOthers = "writable-by-others",
    /// The script could not be started.
    NotStarted = "not-started",
    /// The script was ended by a signal.
    Crashed = "crashed",
    /// The script ended with a failure.
    ExitStatus = "exit-status",
    /// The script did not end in time.
    TimedOut = "timed-out",
    /// The script wrote nothing.
    NoOutput = "no-output",
    /// Something else was written before the header.
    OutputBeforeHeader = "output-before-header",
    /// The header does not end with an empty line.
    NoBlankLine = "no-blank-line",
    /// A body without a type.
    NoContentType = "no-content-type",
    /// A field of the header that cannot be sent.
    MalformedHeader = "malformed-header",
    /// The script raised an exception.
    Exception = "exception",
    /// The script may not use a file.
    FileDenied = "file-denied",
    /// The script wrote a character that its output's encoding does not have.
    OutputEncoding = "output-encoding",
    /// The deployment cannot be reached.
    Unreachable = "unreachable",
    /// The deployment does not answer as the witness.
    NoWitness = "no-witness",
    /// The URL itself is answered with an error.
    ErrorStatus = "error-status",
    /// Millau has no application at the path.
    NotMounted = "not-mounted",
    /// SCRIPT_NAME and PATH_INFO are not the path of the URL.
    PathMangled = "path-mangled",
    /// The front server refuses a path.
    PathRefused = "path-refused",
    /// The query does not arrive as it was sent.
    QueryMangled = "query-mangled",
    /// The application sees another scheme than the client.
    SchemeWrong = "scheme-wrong",
    /// The application sees another host than the client asked for.
    HostWrong = "host-wrong",
    /// The application sees the front server's address for the client's.
    ClientAddress = "client-address",
    /// A field of the request is dropped on the way.
    FieldDropped = "field-dropped",
    /// The same variable says different things.
    VariableTwice = "variable-twice",
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
