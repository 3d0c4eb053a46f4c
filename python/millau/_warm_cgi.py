"""The warm parent of one Python CGI script: forks a process for each request.

It does so from an interpreter that has imported what the script imports. The server starts it as ``INTERPRETER [OPTIONS] _warm_cgi.py SCRIPT``, with pipes as standard streams and

* descriptor 3, from which the forked children take jobs: the kernel gives each message to exactly one of them;
* descriptor 4, on which the parent tells what it has imported, and how a child ended for which the server asks, as ``pid``;
  when the server closes it, the parent ends.

A job is ``script NUL directory NUL NAME=value NUL ...`` with four descriptors: standard input, output and error, and the
job's own socket. On that the child sends ``pid`` before anything else, and its exit status at the end; the parent is asked for
that of a child that was killed or has left in another way. A child serves one request and ends, so that nothing is left
over for the next.

This program runs in whatever interpreter a script names: CPython 3.8 or newer, with nothing but the standard library. It
does not know the engine, HTTP or the rest of this package.
"""

from __future__ import annotations

import sys

# What an interpreter has loaded when a script begins. All else that is loaded here is hidden from the script again.
BARE = frozenset(sys.modules) - {"__future__"}
MAIN = frozenset(globals()) - {"annotations", "BARE"}

import _io  # noqa: E402
import _signal  # type: ignore[import-not-found]  # noqa: E402
import _socket  # noqa: E402
import _weakref  # noqa: E402
import atexit  # noqa: E402
import gc  # noqa: E402
import os  # noqa: E402
import select  # noqa: E402
import time  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType
    from typing import Any, NoReturn

JOBS, SERVER = 3, 4

DEBUG = os.environ.pop("MILLAU_CGI_DEBUG", "") == "1"
"""Exceptions are shown to the client."""
"""The descriptors that the server passes in."""

SPARE = 2
"""Children that wait for a job: they are forked ahead of demand."""

LOADER: Any = type(globals().get("__loader__"))
"""The class of ``__loader__`` in a script."""

LONGEST = 1 << 20
"""Bytes of one message: the variables of a request, whose head the server limits, or a list of modules."""

MESSAGE = 256
"""Files that are told of at once."""

SETTLED = 1.0
"""Seconds that a file must have been left alone before what was made from it is kept: two changes within one tick of the
file system's clock look like one."""

ENDINGS = 256
"""Children of which it is kept how they ended."""

TRIAL = 30.0
"""Seconds that a trial import may take."""

REQUEST_VARIABLES = frozenset(
    [
        "AUTH_TYPE",
        "CONTENT_LENGTH",
        "CONTENT_TYPE",
        "DOCUMENT_ROOT",
        "GATEWAY_INTERFACE",
        "HTTPS",
        "PATH_INFO",
        "PATH_TRANSLATED",
        "QUERY_STRING",
        "REMOTE_ADDR",
        "REMOTE_HOST",
        "REMOTE_IDENT",
        "REMOTE_PORT",
        "REMOTE_USER",
        "REQUEST_METHOD",
        "REQUEST_SCHEME",
        "REQUEST_URI",
        "SCRIPT_FILENAME",
        "SCRIPT_NAME",
        "SERVER_ADDR",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "SERVER_SOFTWARE",
    ]
)
"""A module that looks at one of these while it is imported is imported anew by each request (``HTTP_`` variables too)."""


HANDLERS = "wsgiref.handlers"
"""The one module of the library that keeps the environment from its import: it gets the request's, as if it was imported then.
WSGI applications are run as CGI programs with it."""


def identity(path: str) -> tuple[int, ...]:
    """What changes when a file changes."""
    found = os.stat(path)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class Script:
    """The script, and what the parent keeps of it for its children."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.directory = os.path.dirname(os.path.realpath(path))
        self.library = [os.path.join(entry, "") for entry in sys.path if entry]
        if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
            sys.path.insert(0, self.directory)
        self.code: CodeType | None = None
        self.compiled: tuple[int, ...] = ()
        self.place: tuple[int, ...] = ()
        self.beside: set[str] = set()
        """What lies beside the script, and the state of its directory that belongs to that."""
        self.look_around()
        self.known: set[str] = set()
        """Modules that a child need not report: the parent has imported them, or will not."""

    def load(self) -> CodeType:
        """The compiled code of the script as it is now."""
        if self.code is not None and self.compiled == identity(self.path):
            return self.code
        with open(self.path, "rb") as file:
            source = file.read()
        check_encoding(source, self.path)
        return compile(source, self.path, "exec", dont_inherit=True)

    def keep(self) -> None:
        """Compile the script for later children."""
        try:
            before = identity(self.path)
            if before != self.compiled and time.time() - before[-1] / 1e9 > SETTLED:
                code = self.load()
                if identity(self.path) == before:
                    self.code, self.compiled = code, before
        except (OSError, SyntaxError, ValueError):
            pass  # The request that meets it shows the error.

    def look_around(self) -> set[str]:
        """Note which modules lie beside the script; those that were not there before."""
        if self.directory not in sys.path:
            return set()
        try:
            place = identity(self.directory)
            if place == self.place:
                return set()
            before, self.beside = self.beside, {name.partition(".")[0] for name in os.listdir(self.directory)}
        except OSError:
            return set()
        self.place = place if time.time() - place[-1] / 1e9 > SETTLED else ()
        return self.beside - before

    def is_library(self, file: str) -> bool:
        """Whether a file is the interpreter's and not the script's own, which may change its mind with each request."""
        places = [*self.library, os.path.join(self.directory, "")]
        holding = max((place for place in places if file.startswith(place)), key=len, default="")
        return holding in self.library


def check_encoding(source: bytes, path: str) -> None:
    """Refuse what is not UTF-8 and does not say so in its first two lines, as the interpreter does with files (PEP 263)."""
    try:
        source.decode()
    except UnicodeDecodeError as error:
        lines = source.split(b"\n", 2)[:2]
        if not any(line.lstrip().startswith(b"#") and b"coding" in line for line in lines):
            number = source.count(b"\n", 0, error.start) + 1
            raise SyntaxError(
                f"Non-UTF-8 code starting with '\\x{source[error.start]:02x}' in file {path} on line {number}, but no encoding "
                "declared; see https://peps.python.org/pep-0263/ for details"
            ) from None


def module_file(module: Any) -> str:
    """Where a module was loaded from; empty for one that is built in."""
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return file
    return next((str(entry) for entry in getattr(module, "__path__", None) or ()), "")


def is_lazy(module: Any) -> bool:
    """Whether a module is one that is loaded when it is first used (``importlib.util.LazyLoader``), and has not been yet."""
    kind = type(module)
    return kind.__name__ == "_LazyModule" and kind.__module__ == "importlib.util"


# The child.


def serve(script: Script, jobs: _socket.socket, news: _socket.socket) -> NoReturn:
    """Wait for a job, run the script once, end."""
    os.setsid()
    message, ancillary, _, _ = jobs.recvmsg(LONGEST, _socket.CMSG_SPACE(16), _socket.MSG_CMSG_CLOEXEC)
    if not message:
        os._exit(0)
    news.send(b"t%d" % os.getpid())
    jobs.close()
    passed = ancillary[0][2]
    descriptors = [int.from_bytes(passed[at : at + 4], sys.byteorder) for at in (0, 4, 8, 12)]
    control = _socket.socket(fileno=descriptors[3])
    try:
        control.send(b"%d" % os.getpid())
        # The server puts the limits on this process before it lets it go on.
        may_go = control.recv(1)
    except OSError:
        may_go = b""
    if not may_go:
        os._exit(0)  # The server has given the job to somebody else.
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
        os.close(descriptor)
    path, directory, *variables = message.split(b"\0")
    set_environment(variables)
    os.chdir(directory)
    forget_shadowed(script.look_around())
    before = frozenset(sys.modules)
    status = run(script, os.fsdecode(path))
    # A copy, without the modules that only wait to be loaded: whoever asks one for an attribute loads it, and more with it.
    new = {
        name: module_file(module)
        for name, module in list(sys.modules.items())
        if name not in before and not is_lazy(module)
    }
    own = [sys.modules[name] for name, file in new.items() if file and not script.is_library(file)]
    status = wind_up(own) or status
    try:
        # Before the end of the output, at which the server wants to know it.
        control.send(b"%d" % status)
    except OSError:
        pass  # The script has closed all descriptors, or the server is not interested any more.
    # The response is complete; what follows must not hold it up.
    for number in (0, 1):
        try:
            os.close(number)
        except OSError:
            pass  # The script has closed it.
    report = [f"{name}={file}" for name, file in new.items() if name not in script.known and isinstance(name, str)]
    if report or script.code is None:
        try:
            news.send(b"m" + "\0".join(report).encode("utf-8", "surrogateescape")[: LONGEST // 2])
        except OSError:
            pass  # The script has closed all descriptors.
    os._exit(status)


def set_environment(variables: Iterable[bytes]) -> None:
    """Make the environment exactly this, for Python and for processes that are started."""
    wanted = dict(variable.split(b"=", 1) for variable in variables if b"=" in variable)
    # The mapping behind os.environ and os.environb: through those it would take several times as long.
    present: dict[bytes, bytes] = getattr(os.environb, "_data")  # noqa: B009
    for name in present.keys() - wanted.keys():
        os.unsetenv(name)
    for name, value in wanted.items():
        if present.get(name) != value:
            os.putenv(name, value)
    present.clear()
    present.update(wanted)
    handlers = sys.modules.get(HANDLERS)
    if handlers is not None:
        handlers.BaseHandler.os_environ = handlers.read_environ()


def forget_shadowed(names: set[str]) -> None:
    """Have modules of the library imported anew that lie beside the script by now: those come first."""
    if names:
        for name in [name for name in sys.modules if name.partition(".")[0] in names and name not in BARE]:
            del sys.modules[name]


def run(script: Script, path: str) -> int:
    """Run the script as the interpreter would, and give the exit status."""
    main = type(sys)("__main__")
    loader = LOADER("__main__", path) if LOADER is not type(None) else None
    main.__dict__.update(__file__=path, __loader__=loader, __builtins__=__builtins__)
    for name in MAIN:
        # What else there is depends on the version.
        main.__dict__.setdefault(name, {} if name == "__annotations__" else None)
    sys.modules["__main__"] = main
    sys.argv = [path]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv = [*sys.orig_argv[:-2], path]
    gc.enable()
    try:
        exec(script.load(), main.__dict__)
    except SystemExit as error:
        return exit_status(error.code)
    except BaseException:
        kind, value, traceback = sys.exc_info()
        if value is not None and kind is not None:
            # The script's own frames, as if the interpreter had called it.
            value.__traceback__ = traceback = own_frames(traceback, path)
            # A script with a hook of its own has its own page.
            if DEBUG and sys.excepthook is sys.__excepthook__:
                show(value)
            sys.excepthook(kind, value, traceback)
        return 1
    return 0


def show(error: BaseException) -> None:
    """Answer with the page for developers, if this interpreter can make it. Only now is anything imported for it."""
    package = type(sys)("millau")
    package.__path__ = [os.path.dirname(__file__)]
    sys.modules.setdefault("millau", package)
    try:
        from millau.traceback_page import answer

        answer(error)
    except Exception as fault:
        print(f"The page for this exception cannot be made: {fault!r}", file=sys.stderr)


def own_frames(traceback: Any, path: str) -> Any:
    """What of a traceback is the script's."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    return traceback


def exit_status(code: object) -> int:
    """What ``sys.exit(code)`` means."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def wind_up(own: list[Any]) -> int:
    """Do what the interpreter does at the end of a script: threads, atexit, streams, and what closes when it is dropped."""
    threading, ctypes = sys.modules.get("threading"), sys.modules.get("ctypes")
    if threading is not None:
        try:
            threading._shutdown()
        except BaseException:
            sys.excepthook(*sys.exc_info())
    atexit._run_exitfuncs()
    status = flush()
    # A file that was never closed is written when its last reference goes, or here, if that is too late.
    for value in list(sys.modules["__main__"].__dict__.values()):
        # Not isinstance(), which asks the value for its class, so that a lazy module would be loaded.
        if issubclass(type(value), _io._IOBase):
            try:
                value.flush()
            except (OSError, ValueError):
                pass
    sys.excepthook, sys.unraisablehook = sys.__excepthook__, sys.__unraisablehook__
    left = [_weakref.ref(module) for module in (*own, sys.modules.pop("__main__"))]
    for name in [name for name, module in sys.modules.items() if module in own]:
        del sys.modules[name]
    own.clear()
    gc.collect()
    for module in reversed([module for reference in left if (module := reference()) is not None]):
        names = module.__dict__
        for name in sorted(names, key=lambda name: name[:1] != "_"):
            if name != "__builtins__":
                names[name] = None
    status = flush() or status
    if ctypes is not None:
        # What C code has printed is in the C library's own buffer.
        ctypes.CDLL(None).fflush(None)
    return status


def flush() -> int:
    """Flush the standard streams; 120 if that fails, as the interpreter has it."""
    status = 0
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BaseException as error:
            if not isinstance(error, BrokenPipeError):
                complain(error, stream)
            status = 120
    return status


def complain(error: BaseException, stream: object) -> None:
    """Say that an exception is ignored, as the interpreter does. Its own hook takes no arguments but the interpreter's."""
    try:
        if sys.unraisablehook is not sys.__unraisablehook__:
            sys.unraisablehook(UnraisableArguments(error, stream))
        elif sys.stderr is not None:
            print(f"Exception ignored in: {stream!r}\n{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    except BaseException:
        pass  # Nobody is left who could be told.


class UnraisableArguments:
    """What ``sys.unraisablehook`` is called with."""

    err_msg: str | None = None
    exc_value: BaseException | None

    def __init__(self, error: BaseException, stream: object) -> None:
        self.exc_type, self.exc_value, self.exc_traceback, self.object = type(error), error, error.__traceback__, stream


# The parent.


class Parent:
    """Forks children ahead of demand and imports what they report."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.jobs = _socket.socket(fileno=JOBS)
        self.server = _socket.socket(fileno=SERVER)
        self.news, self.reporting = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        self.pending: list[str] = []
        """Modules that are still to be tried, as ``name=file``."""
        self.report = -1
        """Where the trial that is under way reports, if one is."""
        self.files: dict[str, tuple[int, ...]] = {}
        """What is imported, or will be, as it was before that; the standard library changes with one file of it."""
        self.untold: list[str] = []
        """The last of them, which the server does not know yet."""
        self.children: set[int] = set()
        self.waiting: set[int] = set()
        """Those that have no job yet."""
        self.endings: dict[int, int] = {}
        """Exit statuses other than 0, and signals as numbers below 0, of the last children that have ended."""
        self.note(os.__file__)
        self.deaths, self.wake = os.pipe()
        for descriptor in (self.deaths, self.wake):
            os.set_blocking(descriptor, False)
        _signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, lambda *_: None)

    def run(self) -> NoReturn:
        """Live until the server closes its end."""
        self.settle()
        poll = select.poll()
        for source in (self.news, self.server, self.deaths):
            poll.register(source, select.POLLIN)
        while True:
            while len(self.waiting) < SPARE:
                self.fork()
            ready = poll.poll()
            self.bury()
            for descriptor, _ in ready:
                if descriptor == self.server.fileno():
                    self.answer()
                elif descriptor == self.deaths:
                    os.read(self.deaths, 4096)
                elif descriptor == self.report:
                    poll.unregister(self.report)
                    self.judge()
                else:
                    message = self.news.recv(LONGEST)
                    if message.startswith(b"t"):
                        self.waiting.discard(int(message[1:]))
                    else:
                        self.learn(message[1:].decode("utf-8", "surrogateescape").split("\0"))
                        self.settle()
            if self.pending and self.report < 0:
                self.try_modules()
                poll.register(self.report, select.POLLIN)

    def fork(self) -> None:
        """Fork a child that waits for a job."""
        child = os.fork()
        if child == 0:
            self.be_a_child()
            self.news.close()
            self.server.close()
            if self.report >= 0:
                os.close(self.report)
            serve(self.script, self.jobs, self.reporting)
        self.waiting.add(child)
        self.born(child)

    def be_a_child(self) -> None:
        """Leave behind what only the parent is told of."""
        _signal.set_wakeup_fd(-1)
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        os.close(self.deaths)
        os.close(self.wake)

    def born(self, child: int) -> None:
        """Take note of a child, whose number may have been another's."""
        self.children.add(child)
        self.endings.pop(child, None)

    def bury(self) -> None:
        """Take note of how children ended."""
        while self.children:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                child = 0
            if not child:
                return
            self.children.discard(child)
            self.waiting.discard(child)
            if status:
                self.endings[child] = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                if len(self.endings) > ENDINGS:
                    del self.endings[next(iter(self.endings))]

    def answer(self) -> None:
        """Tell the server how a child ended. It has closed its end instead when there is no question."""
        try:
            question = self.server.recv(LONGEST)
            if question:
                child = int(question)
                self.server.send(b"e%d %d" % (child, self.endings.get(child, 0)))
                return
        except OSError:
            pass  # It is gone.
        os._exit(0)

    def settle(self) -> None:
        """Make the heap ready for forks: what is alive now is never looked at by a child's collector."""
        self.script.keep()
        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()

    def learn(self, entries: list[str]) -> None:
        """Note which modules a child had to import."""
        for entry in entries:
            name, _, file = entry.partition("=")
            if name and name not in self.script.known:
                self.script.known.add(name)
                if not file or self.script.is_library(file):
                    self.pending.append(entry)
                    if file and not self.is_standard(file):
                        self.note(file)

    def note(self, file: str) -> None:
        """Note how a file is before it is imported: when it has changed, what was imported may be the old one."""
        if file in self.files:
            return
        try:
            self.files[file] = identity(file)
        except OSError:
            return  # In an archive, say.
        self.untold.append(file)

    def tell_files(self) -> None:
        """Tell the server what it is to watch, in messages that are not too long for a socket."""
        while self.untold:
            told = [f"{file}\0{' '.join(map(str, self.files[file]))}" for file in self.untold[:MESSAGE]]
            self.server.send(b"f" + "\0".join(told).encode("utf-8", "surrogateescape"))
            del self.untold[:MESSAGE]

    @staticmethod
    def is_standard(file: str) -> bool:
        """Whether a file is the standard library's."""
        own = file.startswith(os.path.join(os.path.dirname(os.__file__), ""))
        return own and "site-packages" not in file and "dist-packages" not in file

    def try_modules(self) -> None:
        """Start a trial of what is pending."""
        self.report, report = os.pipe()
        child = os.fork()
        if child == 0:
            self.be_a_child()
            self.jobs.close()
            self.server.close()
            _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)
            _signal.setitimer(_signal.ITIMER_REAL, TRIAL)
            trial(self.script, self.pending, report)
        self.born(child)
        os.close(report)

    def judge(self) -> None:
        """Import what the trial has accepted. What it stumbled over is left to each request."""
        said = b""
        while piece := os.read(self.report, 65536):
            said += piece
        os.close(self.report)
        self.report = -1
        accepted, _, thread = said.decode("utf-8", "surrogateescape").partition("\0")
        # Before the import: a request that comes in the middle of it is not to be given to what is out of date.
        self.tell_files()
        if thread:
            self.pending = []
            self.server.send(b"x" + f"the module {thread} starts a thread when it is imported".encode())
            return
        names = accepted.split()
        for name in names:
            try:
                __import__(name)
            except BaseException:
                continue
        self.pending = self.pending[len(names) + 1 :]
        if names:
            self.settle()


def trial(script: Script, entries: list[str], report: int) -> NoReturn:
    """Import modules one by one in a process of its own.

    Reports those that the parent may import, up to the first that it may not; and the name of one that starts a thread.
    """
    read: set[str] = set()

    class Watched(type(os.environ)):  # type: ignore[misc]
        def __getitem__(self, name: str) -> str:
            read.add(name)
            return super().__getitem__(name)  # type: ignore[no-any-return]

        def __iter__(self) -> Iterator[str]:
            read.add("REQUEST_METHOD")  # Whoever takes all takes this too.
            return super().__iter__()  # type: ignore[no-any-return]

    os.environ.__class__ = Watched
    accepted = []
    for entry in entries:
        name, _, file = entry.partition("=")
        before = frozenset(sys.modules)
        tasks, descriptors = len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))
        try:
            __import__(name)
        except BaseException:
            break
        if len(os.listdir("/proc/self/task")) > tasks:
            os.write(report, b"\0" + name.encode())
            os._exit(0)
        personal = any(variable in REQUEST_VARIABLES or variable.startswith("HTTP_") for variable in read)
        if name == HANDLERS:
            personal = False
            read.clear()
        elsewhere = module_file(sys.modules[name]) != file
        files = [
            module_file(module) for new, module in sys.modules.items() if new not in before and not is_lazy(module)
        ]
        own = any(file and not script.is_library(file) for file in files)
        if personal or elsewhere or own or len(os.listdir("/proc/self/fd")) > descriptors:
            break
        accepted.append(name)
    os.write(report, "\n".join(accepted).encode("utf-8", "surrogateescape"))
    os._exit(0)


def main() -> NoReturn:
    """Be the warm parent of the script that the command line names."""
    for descriptor in (JOBS, SERVER):
        os.set_inheritable(descriptor, False)
    del sys.path[0]
    script = Script(sys.argv[-1])
    gc.disable()
    parent = Parent(script)
    # A script finds the modules of a fresh interpreter, so that one beside it comes before one of the library.
    for name in [name for name in sys.modules if name not in BARE]:
        del sys.modules[name]
    script.known.update(sys.modules)
    os.dup2(2, 1)
    parent.run()


if __name__ == "__main__":
    main()
