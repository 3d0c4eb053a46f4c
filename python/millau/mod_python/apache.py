"""``mod_python.apache``: constants, and the functions that need no request."""

from __future__ import annotations

import atexit
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from millau.mod_python import _importer
from millau.mod_python._connection import Server
from millau.mod_python._constants import *  # noqa: F403 - the constants are this module's
from millau.mod_python._constants import (
    AP_MPMQ_IS_FORKED,
    AP_MPMQ_IS_THREADED,
    APLOG_ERR,
    APLOG_NOTICE,
    APR_FINFO_LINK,
    APR_FINFO_NORM,
)
from millau.mod_python._finfo import FileInfo
from millau.mod_python._log import write_log
from millau.mod_python._table import table

if TYPE_CHECKING:
    from millau.mod_python._request import Request

interpreter = "main_interpreter"
MODULE_MAGIC_NUMBER_MAJOR = 20120211
MODULE_MAGIC_NUMBER_MINOR = 0

main_server = Server({}, table(), table())
"""A server without a request: it knows no name and no port."""


class SERVER_RETURN(Exception):
    """Ends a handler from within: its argument is what the handler would have returned."""


def log_error(message: object, level: int = APLOG_ERR, server: object = None) -> None:
    """Write a line into the error log."""
    write_log(message, level)


def import_module(module_name: str, autoreload: int = 1, log: int = 0, path: Sequence[str] | None = None) -> Any:
    """Import a module, and again when its file or one that it imports has changed.

    It is looked for beside the caller's file, then in the directory of the target, and then on Python's path; what is found
    there, and packages, are imported as usual and not again. ``autoreload`` is always on.
    """
    caller = sys._getframe(1).f_globals.get("__file__")
    directory = os.path.dirname(caller) if caller else None
    return _importer.import_module(
        module_name, directory, path, (lambda text: write_log(text, APLOG_NOTICE)) if log else None
    )


def resolve_object(module: Any, obj_str: str, arg: Any = None, silent: int = 0) -> Any:
    """Walk from a module along dotted names; a class on the way is made with ``arg``. None, if that is not found silently."""
    found: Any = module
    for name in obj_str.split("."):
        is_class = inspect.isclass(found)
        owner = found(arg) if is_class else found
        if not hasattr(owner, name):
            if silent:
                return None
            raise AttributeError(f"{getattr(module, '__file__', module)} contains no '{name}' of '{obj_str}'")
        found = getattr(owner, name)
    return found


def allow_methods(req: Request, *methods: str) -> None:
    """Add to the methods that the Allow field of this request's response names."""
    req.allow_methods(methods)


def exists_config_define(name: str) -> bool:
    """Say whether the server was started with ``-DNAME``: it was not."""
    return False


def stat(fname: str, wanted: int = APR_FINFO_NORM) -> FileInfo:
    """Say what is known of a file."""
    info = FileInfo(fname, follow=not wanted & APR_FINFO_LINK)
    if not info.valid:
        raise FileNotFoundError(2, os.strerror(2), fname)
    return info


def register_cleanup(callable: Callable[[Any], object], data: Any = None) -> None:
    """Call something when the process ends."""
    atexit.register(callable, data)


def config_tree() -> list[Any]:
    """Give the configuration of Apache: there is none."""
    return []


def server_root() -> str:
    """Give the directory that the server was started in."""
    return os.getcwd()


def make_table() -> table:
    """Give an empty table; ``table()`` is the newer name."""
    return table()


def mpm_query(code: int) -> int:
    """Say what kind of server this is: it forks, and has threads; numbers are not told."""
    return 1 if code in (AP_MPMQ_IS_THREADED, AP_MPMQ_IS_FORKED) else 0


def build_cgi_env(req: Request) -> dict[str, str]:
    """Give the variables of CGI for a request."""
    req.add_cgi_vars()
    variables = {name: str(value) for name, value in req.subprocess_env.items()}
    has_info = bool(req.path_info) and req.uri.endswith(req.path_info)
    variables["SCRIPT_NAME"] = req.uri[: -len(req.path_info)] if has_info else req.uri
    variables["PATH_INFO"] = req.path_info
    variables["GATEWAY_INTERFACE"] = "Python-CGI/1.1"
    authorization = req.headers_in.first("Authorization")
    if authorization:
        variables["HTTP_AUTHORIZATION"] = authorization
    return variables
