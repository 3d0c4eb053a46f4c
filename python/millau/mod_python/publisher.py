"""``mod_python.publisher``: a URL names a module, an object in it, and what the object gives is the page."""

from __future__ import annotations

import ast
import base64
import binascii
import functools
import hmac
import linecache
import os
import re
import types
from typing import TYPE_CHECKING, Any

from millau.mod_python import _constants as c
from millau.mod_python import apache, util

if TYPE_CHECKING:
    from millau.mod_python._request import Request

METHODS = ("GET", "POST", "HEAD")

_PLAIN = {str, bytes, bytearray, int, bool, float, complex, list, tuple, dict, set, frozenset, type(None)}
_BUILTINS = _PLAIN | {kind for kind in vars(types).values() if isinstance(kind, type)}
"""Types of the language itself; a class that is derived from one is the application's own."""

_Credentials = tuple[str, str | None, str | None]
"""Realm, user, password."""


def handler(req: Request) -> int:
    """Publish what the URL names."""
    req.allow_methods(METHODS)
    if req.method not in METHODS:
        return c.HTTP_METHOD_NOT_ALLOWED
    path, names = _locate(req)
    req._target.site.check(path)
    req.filename = path
    debug = req._target.debug
    module = req._target.importer.load(path, (lambda text: req.log_error(text, c.APLOG_NOTICE)) if debug else None)
    credentials = process_auth(req, module)
    found = _resolve(req, module, names, credentials)
    if not publish_object(req, found) and req._bytes_queued == 0 and req.next is None and debug:
        req.log_error("mod_python.publisher: nothing to publish", c.APLOG_NOTICE)
    return c.OK


def _locate(req: Request) -> tuple[str, list[str]]:
    """Give the module's file and the names of the objects to walk through."""
    names = [name for name in (req.path_info or "").split("/") if name]
    if req._target.module:
        return req._target.module, names or ["index"]
    # The program looks at the names of objects only, and publishes the modules.
    for name in os.path.relpath(req.filename, req._target.site.root).split(os.sep):
        if name.startswith("_"):
            _refuse(req, f"'{name}' begins with an underscore")
    directory, name = os.path.split(req.filename)
    name = re.sub(r"\.py$", "", name)
    path = os.path.join(directory, (name or "index") + ".py")
    if not os.path.isfile(path):
        # The name may be one of an object of the directory's index module.
        names = [name, *names] if name else names
        path = os.path.join(directory, "index.py")
        if not os.path.isfile(path):
            raise apache.SERVER_RETURN(c.HTTP_NOT_FOUND)
    # A dot separates objects as a slash does.
    return path, [part for name in names or ["index"] for part in name.split(".")]


def _resolve(req: Request, module: types.ModuleType, names: list[str], credentials: _Credentials) -> Any:
    found: Any = module
    for index, name in enumerate(names):
        if not name:
            raise apache.SERVER_RETURN(c.HTTP_NOT_FOUND)
        if name.startswith("_"):
            _refuse(req, f"'{name}' begins with an underscore")
        if index > 0 and (type(found) in _BUILTINS or isinstance(found, type | types.ModuleType)):
            _refuse(req, f"'{name}' is looked for in an object of type {type(found).__name__}, which is not traversed")
        try:
            found = getattr(found, name)
        except AttributeError:
            raise apache.SERVER_RETURN(c.HTTP_NOT_FOUND) from None
        credentials = process_auth(req, found, *credentials)
    if isinstance(found, type | types.ModuleType | types.BuiltinFunctionType):
        _refuse(req, f"an object of type {type(found).__name__} is not published")
    return found


def _refuse(req: Request, why: str) -> None:
    req.log_error(f"mod_python.publisher: {req.unparsed_uri}: {why}", c.APLOG_WARNING)
    raise apache.SERVER_RETURN(c.HTTP_FORBIDDEN)


def resolve_object(
    req: Request,
    obj: Any,
    object_str: str,
    realm: str | None = None,
    user: str | None = None,
    passwd: str | None = None,
) -> Any:
    """Walk from an object along dotted names, under the rules and the authentication of the publisher."""
    return _resolve(req, obj, object_str.split("."), (realm or "unknown", user, passwd))


_MISSING = object()


def process_auth(
    req: Request, object: Any, realm: str = "unknown", user: str | None = None, passwd: str | None = None
) -> _Credentials:
    """Check ``__auth__`` and ``__access__`` of an object, if it has them; end the handler with 401 or 403 if they say no."""
    function = getattr(object, "__func__", object)
    if isinstance(function, types.FunctionType):
        auth, access, own_realm = _declared(function)
    else:
        auth = getattr(object, "__auth__", _MISSING)
        access = getattr(object, "__access__", _MISSING)
        own_realm = getattr(object, "__auth_realm__", _MISSING)
    if own_realm is not _MISSING:
        realm = str(own_realm)
    if auth is _MISSING and access is _MISSING:
        return realm, user, passwd
    if not user:
        user, passwd = _credentials(req)
    if auth is not _MISSING:
        if user is None or not _is_let_in(req, auth, user, passwd or ""):
            text = realm.replace("\\", "\\\\").replace('"', '\\"')
            req.err_headers_out["WWW-Authenticate"] = f'Basic realm="{text}"'
            raise apache.SERVER_RETURN(c.HTTP_UNAUTHORIZED)
        req.user, req.ap_auth_type = user, "Basic"
    if access is not _MISSING and not _has_access(req, access, user):
        raise apache.SERVER_RETURN(c.HTTP_FORBIDDEN)
    return realm, user, passwd


def _credentials(req: Request) -> tuple[str | None, str | None]:
    """Give user and password of the request; Basic authentication alone is understood."""
    field = req.headers_in.first("Authorization")
    if field is None:
        return None, None
    try:
        text = base64.b64decode(field.partition(" ")[2].strip(), validate=True).decode("utf-8", "surrogateescape")
        user, password = text.split(":", 1)
    except (binascii.Error, ValueError):
        raise apache.SERVER_RETURN(c.HTTP_BAD_REQUEST) from None
    return user, password


def _is_let_in(req: Request, auth: Any, user: str, password: str) -> bool:
    if callable(auth):
        return bool(auth(req, user, password))
    if isinstance(auth, dict):
        expected = str(auth.get(user, ""))
        same = hmac.compare_digest(
            expected.encode("utf-8", "surrogateescape"), password.encode("utf-8", "surrogateescape")
        )
        return user in auth and same
    return bool(auth)


def _has_access(req: Request, access: Any, user: str | None) -> bool:
    if callable(access):
        return bool(access(req, user))
    if isinstance(access, list | tuple | set | frozenset):
        return user in access
    return bool(access)


def _declared(function: types.FunctionType) -> tuple[Any, Any, Any]:
    """Give ``__auth__``, ``__access__`` and ``__auth_realm__`` of a function, which stand in its own code."""
    names = ("__auth__", "__access__", "__auth_realm__")
    code = function.__code__
    found = {}
    for name in names:
        if name in code.co_varnames or name in code.co_cellvars:
            found[name] = _in_code(function, name)
    return tuple(found.get(name, _MISSING) for name in names)


def _in_code(function: types.FunctionType, name: str) -> Any:
    inner = [
        constant
        for constant in function.__code__.co_consts
        if isinstance(constant, types.CodeType) and constant.co_name == name
    ]
    if inner:
        return types.FunctionType(inner[-1], function.__globals__)
    constants = _constants(function.__code__)
    # What cannot be read must not let anybody in.
    if name not in constants:
        raise TypeError(
            f"{name} in the function {function.__name__} must be a function or a constant, so that it can be read before the call"
        )
    return constants[name]


@functools.lru_cache(maxsize=1024)
def _constants(code: types.CodeType) -> dict[str, Any]:
    """Give the constants that a function assigns to names at its own level."""
    linecache.checkcache(code.co_filename)
    tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    found = {}
    for node in ast.walk(tree):
        first = min((item.lineno for item in getattr(node, "decorator_list", [])), default=getattr(node, "lineno", 0))
        if not isinstance(node, ast.FunctionDef) or node.name != code.co_name or first != code.co_firstlineno:
            continue
        for statement in node.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                try:
                    found[statement.targets[0].id] = ast.literal_eval(statement.value)
                except ValueError:
                    found.pop(statement.targets[0].id, None)
    return found


_HTML = re.compile(r"</html\s*>\s*$", re.IGNORECASE)


def publish_object(req: Request, object: Any) -> bool:
    """Write what an object gives: what a callable returns, else its text. False if that is nothing."""
    if callable(object):
        if not hasattr(req, "form"):
            req.form = util.FieldStorage(req, keep_blank_values=1)
        return publish_object(req, util.apply_fs_data(object, req.form, req=req))
    if object is None:
        return False
    text = object if isinstance(object, bytes) else str(object)
    if not req._content_type_set:
        ending = text[-100:]
        ending = ending.decode("latin-1") if isinstance(ending, bytes) else ending
        req.content_type = "text/html" if _HTML.search(ending) else "text/plain"
        if isinstance(text, str) and not text.isascii():
            req.content_type += "; charset=utf-8"
    elif isinstance(text, str):
        charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", req.content_type or "", re.IGNORECASE)
        if charset and charset[1].lower() not in ("utf-8", "utf8"):
            text = text.encode(charset[1], "xmlcharrefreplace" if "html" in (req.content_type or "") else "replace")
    req.write(text, 0)
    return True
