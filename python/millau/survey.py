"""What lies in a directory that is to be served as it is (``millau serve .``), and what of it has more than one meaning."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Collection
from dataclasses import dataclass, field

ENTRIES = 20_000
"""A directory with more files is hardly one that somebody put together to be served as it is."""
SOURCE = 4 * 1024 * 1024
"""A source longer than this is not looked into."""

# fmt: off
STATIC = frozenset([
    "html", "htm", "xhtml", "css", "js", "mjs", "map", "json", "xml", "txt", "md", "csv",
    "pdf", "ics", "webmanifest", "wasm", "png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "ico",
    "bmp", "woff", "woff2", "ttf", "otf", "eot", "mp3", "ogg", "oga", "opus", "wav", "flac",
    "mp4", "m4a", "m4v", "webm", "ogv", "vtt", "zip", "gz",
])
# fmt: on
"""Suffixes of files that are sent as they are; what has another one may be data or a program, and stays here."""
SCRIPTS = frozenset(["cgi", "pl", "sh", "rb", "tcl", "php", "lua"])
"""Suffixes of programs that may be CGI programs."""
LEFT_OUT = {"templates": "templates", "node_modules": "packages of Node.js", "__pycache__": "", "tests": "tests"}
INDEXES = ("index.html", "index.htm", "index.psp", "index.py", "index.cgi", "index.pl", "index.sh")


class Ambiguous(Exception):
    """Something in the directory could be served in more than one way, or nothing is there to serve."""


@dataclass
class Survey:
    """What was found; paths are relative to the directory."""

    cgi: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)
    static: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    """The folders that are served; the directory itself is the empty one."""
    wsgi: list[tuple[str, str]] = field(default_factory=list)
    """Targets of WSGI applications, and how they were recognised."""
    remarks: list[str] = field(default_factory=list)
    """What is not served and why, where that may surprise."""

    def indexes(self) -> list[tuple[str, str]]:
        """Give the folders that have an index, each with its path."""
        known = {*self.cgi, *self.pages, *self.published, *self.handlers, *self.static}
        found = []
        for folder in self.folders:
            paths = [os.path.join(folder, name) for name in INDEXES]
            first = next((path for path in paths if path in known), None)
            if first:
                found.append((folder, first))
        return found

    def report(self) -> list[str]:
        """Say in lines what is served."""
        kinds = (
            ("static file", self.static),
            ("CGI program", self.cgi),
            ("PSP page", self.pages),
            ("publisher module", self.published),
            ("mod_python handler", self.handlers),
        )
        lines = [_counted(kind, paths) for kind, paths in kinds if paths]
        lines += [f"a WSGI application for every other path: {target} ({why})" for target, why in self.wsgi]
        return lines + [f"not served: {remark}" for remark in self.remarks]


def _counted(kind: str, paths: list[str]) -> str:
    shown = ", ".join(paths[:6]) + (", ..." if len(paths) > 6 else "")
    return f"{len(paths)} {kind}{'' if len(paths) == 1 else 's'}: {shown}"


def survey(directory: str, mounted: Collection[str] = ()) -> Survey:
    """Look through a directory. Raises `Ambiguous` with what is not clear, and how to name it.

    Files at one of the paths in `mounted` are left out: something else is served there.
    """
    found = Survey()
    unclear: list[str] = []
    entries = 0
    for folder, folders, files in os.walk(directory):
        relative = os.path.relpath(folder, directory)
        relative = "" if relative == "." else relative
        folders[:] = sorted(name for name in folders if _is_served(directory, relative, name, found))
        found.folders.append(relative)
        for name in sorted(files):
            entries += 1
            if entries > ENTRIES:
                raise Ambiguous(
                    f"'{directory}' holds more than {ENTRIES} files: name what is to be served, such as static:DIR"
                )
            if not name.startswith(".") and os.path.join(relative, name) not in mounted:
                _sort_in(directory, os.path.join(relative, name), found, unclear)
    if len(found.wsgi) > 1:
        unclear.append(
            "there are several WSGI applications: "
            + ", ".join(f"{target} ({why})" for target, why in found.wsgi)
            + "; name the one that is meant, and others with --mount: millau serve "
            + found.wsgi[0][0]
            + "".join(f" --mount /{index}={target}" for index, (target, _) in enumerate(found.wsgi[1:], 2))
        )
    if unclear:
        raise Ambiguous("; ".join(unclear))
    if not (found.static or found.cgi or found.pages or found.published or found.handlers or found.wsgi):
        raise Ambiguous(
            f"nothing that can be served was found in '{directory}': no static files, CGI programs, PSP pages, modules for "
            "mod_python or WSGI applications" + "".join(f"; {remark}" for remark in found.remarks)
        )
    return found


def _is_served(directory: str, relative: str, name: str, found: Survey) -> bool:
    """Say whether a folder is served. A package may still have the WSGI application."""
    if name.startswith("."):
        return False
    path = os.path.join(directory, relative, name)
    shown = os.path.join(relative, name) + "/"
    if os.path.islink(path):
        found.remarks.append(f"{shown} is a symbolic link")
        return False
    if os.path.exists(os.path.join(path, "pyvenv.cfg")):
        return False
    if name in LEFT_OUT:
        if LEFT_OUT[name]:
            found.remarks.append(f"{shown} holds {LEFT_OUT[name]}")
        return False
    if os.path.exists(os.path.join(path, "__init__.py")):
        found.remarks.append(f"{shown} is a Python package")
        if not relative and os.path.isfile(os.path.join(path, "wsgi.py")):
            evidence = _Evidence(directory, os.path.join(name, "wsgi.py"))
            if evidence.wsgi:
                found.wsgi.append((f"{name}.wsgi:{evidence.wsgi[0]}", f"{name}/wsgi.py {evidence.wsgi[1]}"))
        return False
    return True


def _sort_in(directory: str, path: str, found: Survey, unclear: list[str]) -> None:
    suffix = os.path.splitext(path)[1][1:].lower()
    in_cgi_bin = "cgi-bin" in path.split(os.sep)[:-1]
    if suffix == "py":
        _sort_in_python(directory, path, in_cgi_bin, found, unclear)
    elif suffix == "psp":
        found.pages.append(path)
    elif suffix in SCRIPTS or (in_cgi_bin and suffix not in STATIC):
        if os.access(os.path.join(directory, path), os.X_OK):
            found.cgi.append(path)
        elif suffix == "cgi" or in_cgi_bin or _names_interpreter(os.path.join(directory, path)):
            found.remarks.append(f"{path} looks like a CGI program and is not executable (chmod +x {path})")
    elif suffix in STATIC and not in_cgi_bin:
        found.static.append(path)


def _names_interpreter(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


def _sort_in_python(directory: str, path: str, in_cgi_bin: bool, found: Survey, unclear: list[str]) -> None:
    evidence = _Evidence(directory, path)
    if evidence.error:
        found.remarks.append(f"{path} cannot be read as Python ({evidence.error})")
        return
    is_program = evidence.executable and evidence.interpreter
    says_cgi = evidence.cgi or ("lies in cgi-bin" if in_cgi_bin else None)
    kinds = []
    if says_cgi and is_program:
        kinds.append((f"a CGI program (it is executable and {says_cgi})", "cgi:"))
    if evidence.wsgi and not (in_cgi_bin and is_program):
        name, why = evidence.wsgi
        kinds.append((f"a WSGI application (it {why})", f"{_module(path)}:{name}"))
    if evidence.handler:
        kinds.append((f"a handler for mod_python (it {evidence.handler})", f"handler:{path}"))
    elif evidence.publisher:
        kinds.append((f"a module for mod_python's publisher (it {evidence.publisher})", f"publisher:{path}"))
    if len(kinds) > 1:
        place = os.path.relpath(directory)
        choices = [
            f"--mount /{path}={_placed(target, place, path)}" for _, target in kinds if not target.startswith("cgi:")
        ]
        if len(choices) < len(kinds):
            folder = os.path.normpath(os.path.join(place, os.path.dirname(path)))
            choices.append(f"millau serve cgi:{folder}, which serves nothing but programs")
        unclear.append(f"{path} could be {' or '.join(kind for kind, _ in kinds)}; name it: {' or '.join(choices)}")
    elif not kinds:
        if says_cgi and not is_program:
            lack = "is not executable" if not evidence.executable else "has no #! line"
            found.remarks.append(f"{path} looks like a CGI program (it {says_cgi}) and {lack}")
    elif kinds[0][1].startswith("cgi:"):
        found.cgi.append(path)
    elif evidence.wsgi:
        found.wsgi.append((kinds[0][1], f"{path} {evidence.wsgi[1]}"))
    elif evidence.handler:
        found.handlers.append(path)
    else:
        found.published.append(path)


def _placed(target: str, place: str, path: str) -> str:
    """Give a target as it is named from the current directory, where `place` leads to the one that was looked through."""
    if place == ".":
        return target
    kind, _, rest = target.partition(":")
    file = os.path.join(place, path)
    return f"{kind}:{file}" if rest == path else f"{file}:{rest}"


def _module(path: str) -> str:
    """Give a target for a module: its name, or the file where it is no plain module of the directory."""
    name = path.removesuffix(".py")
    return name if name.isidentifier() else path


class _Evidence:
    """What the source of a Python file says about what it is for. Nothing of it is run."""

    def __init__(self, directory: str, path: str) -> None:
        self.error: str | None = None
        self.interpreter = False
        self.executable = os.access(os.path.join(directory, path), os.X_OK)
        self.wsgi: tuple[str, str] | None = None
        self.cgi: str | None = None
        self.handler: str | None = None
        self.publisher: str | None = None
        try:
            with open(os.path.join(directory, path), "rb") as file:
                source = file.read(SOURCE)
            self.interpreter = source.startswith(b"#!")
            tree = ast.parse(source)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self.error = str(error)
            return
        self._look(tree)

    def _look(self, tree: ast.Module) -> None:
        imported = {name for node in ast.walk(tree) for name in _imported(node)}
        for node in tree.body:
            self._look_at_statement(node)
        if "mod_python" in imported:
            functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
            handler = next((node for node in functions if node.name == "handler"), None)
            if handler:
                self.handler = f"defines handler() in line {handler.lineno}"
            else:
                self.publisher = self.publisher or "imports mod_python"
        elif self.publisher and self.wsgi:
            # A function that takes a `req` is nothing special in a WSGI application.
            self.publisher = None
        self.cgi = _cgi(tree, imported)

    def _look_at_statement(self, node: ast.stmt) -> None:
        targets: list[str] = []
        if isinstance(node, ast.Assign):
            targets = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            targets = [node.target.id]
        elif isinstance(node, ast.FunctionDef):
            arguments = [argument.arg for argument in node.args.posonlyargs + node.args.args]
            if len(arguments) == 2 and node.name in ("application", "app"):
                targets = [node.name]
            elif arguments[:1] == ["req"] and not node.name.startswith("_"):
                self.publisher = self.publisher or f"has the function {node.name}(req) in line {node.lineno}"
        elif isinstance(node, ast.ImportFrom):
            targets = [name.asname or name.name for name in node.names if (name.asname or name.name) == "application"]
        for name in targets:
            # `app` alone may be anything; what is called to make it is a framework.
            is_made = not isinstance(node, ast.Assign) or isinstance(node.value, ast.Call)
            if name == "application" or (name == "app" and is_made and self.wsgi is None):
                self.wsgi = (name, f"defines '{name}' in line {node.lineno}")


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name.partition(".")[0] for name in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [(node.module or "").partition(".")[0]]
    return []


_HEADER = re.compile(r"(content-type|status|location)\s*:", re.IGNORECASE)
_VARIABLES = ("REQUEST_METHOD", "QUERY_STRING", "GATEWAY_INTERFACE", "PATH_INFO")


def _cgi(tree: ast.Module, imported: set[str]) -> str | None:
    for name in ("cgi", "cgitb"):
        if name in imported:
            return f"imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            if _HEADER.match(text.lstrip()):
                return f"prints a header in line {node.lineno}"
        if isinstance(node, ast.Attribute) and node.attr == "CGIHandler":
            return f"uses CGIHandler in line {node.lineno}"
        if isinstance(node, ast.Name) and node.id == "CGIHandler":
            return f"uses CGIHandler in line {node.lineno}"
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Attribute)
            and isinstance(node.slice, ast.Constant)
            and node.value.attr == "environ"
            and node.slice.value in _VARIABLES
        ):
            return f"reads {node.slice.value!s} in line {node.lineno}"
    return None
