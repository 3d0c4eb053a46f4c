"""``publisher:``, ``psp:`` and ``handler:`` as WSGI callables."""

from __future__ import annotations

import importlib
import os
import sys
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from millau.mod_python import _constants as c
from millau.mod_python import apache, psp, publisher
from millau.mod_python._importer import Importer, using
from millau.mod_python._output import Output
from millau.mod_python._request import Request, path_text
from millau.mod_python._site import OutOfBounds, Place, Site
from millau.mod_python._table import table

Handler = Callable[[Any], Any]

NAMES = ("apache", "util", "Cookie", "Session", "psp", "publisher")


def install() -> None:
    """Let ``from mod_python import apache`` find this package, whatever else is installed.

    The real one cannot be imported outside of Apache: its ``_apache`` exists there only.
    """
    import millau.mod_python

    sys.modules["mod_python"] = millau.mod_python
    for name in NAMES:
        sys.modules[f"mod_python.{name}"] = importlib.import_module(f"millau.mod_python.{name}")


class Target:
    """What answers the requests below one path."""

    def __init__(self, name: str, directory: str, options: Mapping[str, str], debug: bool) -> None:
        self.name = name
        self.directory = directory
        self.site = Site(directory)
        self.module: str | None = None
        """The one module that a publisher of a file publishes."""
        self.options = table(options)
        self.debug = debug
        self.config = table({"PythonDebug": str(int(debug)), "PythonAutoReload": "1"})
        self.importer = Importer([directory])
        # Packages and what is no .py file come the usual way; at the end, so that nothing of the library is hidden.
        if directory not in sys.path:
            sys.path.append(directory)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        req = Request(environ, Output(environ, start_response), self)
        try:
            with using(self.importer):
                self.answer(req)
                return req._finish()
        except BaseException:
            req._clean_up()
            raise

    def answer(self, req: Request) -> None:
        """Find the file of a request and run its handlers."""
        try:
            place = self.locate(req)
            if isinstance(place, int):
                req._set_error(place)
                return
            req.filename, req.path_info = place.filename, place.path_info
            req.extension = os.path.splitext(place.filename)[1] or None
            status = self.handle(req)
        except apache.SERVER_RETURN as value:
            status = _returned(value.args, req)
        except OutOfBounds as error:
            req.log_error(f"peer error: {req.the_request}: {error}", c.APLOG_NOTICE)
            status = c.HTTP_NOT_FOUND
        if status == c.DECLINED:
            # Apache's own handler would send the file. Here static: does that, at a mount of its own.
            status = c.HTTP_NOT_FOUND
        if status not in (c.OK, c.DONE):
            if 200 <= status < 300:
                req.status = status
            else:
                req._set_error(status)

    needs_slash = True
    """Whether the URL of a directory must end with a slash."""

    def locate(self, req: Request) -> Place | int:
        """Give the place that a request is for, or the status to answer with."""
        place = self.site.walk(path_text(req._environ.get("PATH_INFO", "")))
        if place.is_directory_without_slash and self.needs_slash:
            query = f"?{req.args}" if req.args else ""
            req.headers_out["Location"] = urllib.parse.quote(req.uri.encode("utf-8", "surrogateescape")) + "/" + query
            return c.HTTP_MOVED_PERMANENTLY
        return place

    def handle(self, req: Request) -> int:
        """Run the handler, and those that it adds."""
        raise NotImplementedError

    def run_stack(self, req: Request, first: Handler) -> int:
        """Run a handler and then what it adds to the stack, until one does not say OK."""
        status = _checked(first(req), self.name)
        while status == c.OK and req._stack:
            name = req._stack.pop(0)
            status = _checked(self.resolve(name, "handler", req)(req), name)
        return status

    def resolve(self, name: str, default: str, req: Request | None) -> Handler:
        """Give the function of ``module::function``; a class before a dot is made with the request."""
        module_name, _, path = name.partition("::")
        module = self.load(module_name)
        handler: Handler = apache.resolve_object(module, path or default, req)
        return handler

    def load(self, name: str) -> Any:
        """Give a module by its name or file."""
        if name.endswith(".py"):
            return self.importer.load(name)
        path = self.importer.find(name, [])
        return self.importer.load(path) if path else importlib.import_module(name)

    def redirect(self, req: Request, uri: str) -> None:
        """Answer a request with what another path of this target answers."""
        path, question, query = uri.partition("?")
        prefix = req._environ.get("SCRIPT_NAME", "")
        decoded = urllib.parse.unquote_to_bytes(path).decode("latin-1")
        environ = dict(req._environ)
        environ["REDIRECT_URL"], environ["REDIRECT_STATUS"] = req.uri, str(req.status)
        environ["PATH_INFO"] = decoded.removeprefix(prefix) if decoded.startswith(prefix + "/") else decoded
        environ["QUERY_STRING"] = query if question else environ.get("QUERY_STRING", "")
        inner = Request(environ, req._output, self)
        inner.prev, req.next = req, inner
        inner.user, inner.ap_auth_type = req.user, req.ap_auth_type
        # What runs at the end of the inner request waits for the end of the outer one.
        inner._cleanups = req._cleanups
        req._buffer, req._buffered = [], 0
        self.answer(inner)
        inner.flush()

    def prefix(self, req: Request) -> str:
        """Give the path that this target is mounted at, for cookies."""
        return req._environ.get("SCRIPT_NAME", "") or "/"


class _Publisher(Target):
    def locate(self, req: Request) -> Place | int:
        if self.module:
            return Place(self.module, path_text(req._environ.get("PATH_INFO", "")))
        return super().locate(req)

    def handle(self, req: Request) -> int:
        return self.run_stack(req, publisher.handler)


class _Pages(Target):
    def handle(self, req: Request) -> int:
        if req.filename.endswith("/"):
            req.filename += "index.psp"
        listing = self.debug and req.filename.endswith(".psp_")
        path = req.filename.removesuffix("_") if listing else req.filename
        if not path.endswith(".psp") or not os.path.isfile(path):
            return c.HTTP_NOT_FOUND
        self.site.check(path)
        return self.run_stack(req, psp.handler)


class _Plain(Target):
    """A handler of the application's own; its URLs need not be files."""

    needs_slash = False

    def handle(self, req: Request) -> int:
        return self.run_stack(req, self.resolve(self.name, "handler", req))


class TargetError(Exception):
    """What stands after the colon of a target names nothing that can be served."""


def _directory(path: str) -> str:
    if not os.path.isdir(path):
        raise TargetError(f"there is no directory '{path}'")
    return os.path.realpath(path)


def make(kind: str, path: str, options: Mapping[str, str], debug: bool, root: str | None = None) -> Target:
    """Make the callable of a target: ``publisher:PATH``, ``psp:DIR`` or ``handler:MODULE_OR_FILE[:function]``.

    ``root`` is the directory that URLs of a handler count from, if it is not that of its file.

    Raises `TargetError`, and what the module of a handler raises while it is imported.
    """
    install()
    if kind == "psp":
        return _Pages("mod_python.psp", _directory(path), options, debug)
    if kind == "publisher":
        if not path.endswith(".py"):
            return _Publisher("mod_python.publisher", _directory(path), options, debug)
        if not os.path.isfile(path):
            raise TargetError(f"there is no file '{path}'")
        file = os.path.realpath(path)
        target: Target = _Publisher("mod_python.publisher", os.path.dirname(file), options, debug)
        target.module = file
    else:
        target = _handler(path, options, debug, root)
    return target


def _handler(path: str, options: Mapping[str, str], debug: bool, root: str | None) -> Target:
    module, _, function = path.replace("::", ":").partition(":")
    if not module:
        raise TargetError(
            "no module is named; write handler:FILE.py or handler:MODULE, and :FUNCTION if it is not 'handler'"
        )
    if module.endswith(".py") or "/" in module:
        file: str | None = module if module.endswith(".py") else module + ".py"
        if not os.path.isfile(file or ""):
            raise TargetError(f"there is no file '{file}'")
    else:
        file = next(
            (found for found in (os.path.join(place, module + ".py") for place in sys.path) if os.path.isfile(found)),
            None,
        )
    if file:
        module = os.path.realpath(file)
    directory = root or (os.path.dirname(module) if file else os.getcwd())
    target = _Plain(f"{module}::{function or 'handler'}", directory, options, debug)
    # What is wrong with the module is said at the start. A method of a class is looked up with the request that it is for.
    loaded = target.load(module)
    first = (function or "handler").partition(".")[0]
    if not hasattr(loaded, first):
        raise TargetError(f"the module has no '{first}'; name the function: handler:{path.partition(':')[0]}:NAME")
    return target


def _returned(arguments: tuple[Any, ...], req: Request) -> int:
    """Give what SERVER_RETURN was raised with: a result, or a result and a status."""
    if len(arguments) == 2:
        if arguments[1]:
            req.status = arguments[1]
        arguments = arguments[:1]
    return _checked(arguments[0] if arguments else None, "apache.SERVER_RETURN")


def _checked(result: Any, name: str) -> int:
    if not isinstance(result, int):
        raise TypeError(f"{name} gave {type(result).__name__}, and must give a number such as apache.OK")
    return int(result)
