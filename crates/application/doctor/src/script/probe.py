# What the interpreter of a script says about it, without running anything of it: encoding, syntax, imports.
#
# Runs under every Python from 2.7 up as `python -E -c THIS SCRIPT`, with the script's text on standard input, and prints
# one JSON object. Imports are looked up, never executed: neither those of the script nor of its packages.
import sys

# Nothing that lies in the current directory may be taken for a part of the standard library.
del sys.path[0]

import ast  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import sysconfig  # noqa: E402

PY3 = sys.version_info[0] >= 3
if PY3:
    import importlib.machinery
    import importlib.util
else:
    import imp

MOST_FILES = 50
MOST_USES = 2000

script = os.path.realpath(sys.argv[1])
folder = os.path.dirname(script)
stdlib = os.path.realpath(sysconfig.get_path("stdlib"))
files, missing, uses = [], [], []

# What Python 3 does not accept any more. Strings and comments are blanked before.
OLD = [
    (r"^\s*print\b(?=\s*$|\s+[^\s=(.,)\]}:+*/%<>&|^-]|\s*blank)", "print statement"),
    (r"^\s*(?:else:|try:|finally:|[^#]*;)\s*print\s+[^\s=(.,)]", "print statement"),
    (r"\bexcept\b[^:]*?[\w.)]\s*,\s*[A-Za-z_]\w*\s*:", "except with a comma"),
    (r"`[^`]+`", "backticks"),
    (r"<>", "<> for !="),
    (r"\braise\s+[\w.]+\s*,", "raise with a comma"),
    (r"^\s*exec\s+[^\s(=]", "exec statement"),
    (r"(?<![\w.])0[0-7]+(?![\w.])(?<!\b0)(?<!\b00)", "octal number without 0o"),
    (r"(?<![\w.])\d+[lL]\b", "long integer"),
    (r"\bblank[uU][rR]", "ur'' string"),
]
# These can still be compiled, and then fail when they run.
STILL_COMPILES = [(r"^\s*print\s*>>", "print >> statement")]


def blanked(text):
    """The text with strings and comments replaced, so that patterns find code only."""
    pattern = re.compile(r"(?P<comment>#[^\n]*)|(?P<prefix>\b[a-zA-Z]{0,2})(?P<quote>\"\"\"|'''|\"|')", re.DOTALL)
    out, at = [], 0
    while True:
        found = pattern.search(text, at)
        if not found:
            return "".join(out) + text[at:]
        out.append(text[at : found.start()])
        at = found.end()
        if found.group("comment"):
            continue
        quote = found.group("quote")
        end = re.compile(r"(?:\\.|(?!%s)%s)*(?:%s)?" % (quote, "." if len(quote) == 3 else r"[^\n]", quote), re.DOTALL)
        body = end.match(text, at)
        prefix = found.group("prefix")
        out.append(" blank" + (prefix if prefix.lower() == "ur" else "") + " " + "\n" * body.group().count("\n"))
        at = body.end()


def old_syntax(text, patterns):
    found = []
    for number, line in enumerate(blanked(text).split("\n"), 1):
        for pattern, name in patterns:
            if re.search(pattern, line):
                found.append([number, name])
    return found[:200]


def decoded(content, entry):
    """The text of a source; what cannot be decoded is noted and read as Windows would have written it."""
    declared = None
    lines = content.split(b"\n", 2)[:2]
    for line in lines:
        cookie = re.match(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)".encode("ascii"), line)
        if cookie:
            declared = cookie.group(1).decode("ascii")
            break
        if not re.match(r"^[ \t\f]*(?:#.*)?\r?$".encode("ascii"), line):
            break
    try:
        return content.decode(declared or ("utf-8" if PY3 else "ascii")).lstrip("\ufeff")
    except LookupError:
        entry["encoding"] = {"line": 1, "byte": "", "declared": declared, "known": False}
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = "%02X" % bytearray(content[error.start : error.start + 1])[0]
        entry["encoding"] = {"line": line, "byte": byte, "declared": declared, "known": True}
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def without_cookie(text):
    # Python 2 refuses text with a coding line.
    return text if PY3 else re.sub(r"(?m)coding[:=]", "coding ", text, count=1)


def locate(name):
    """Where a module is: a file, an empty text where it is built in or has none, or None where it is missing."""
    top = name.split(".")[0]
    if top in sys.builtin_module_names:
        return ""
    if not PY3:
        try:
            found = imp.find_module(top)
            if found[0]:
                found[0].close()
            return found[1] or ""
        except ImportError:
            return None
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return ""
    if spec is None:
        return None
    # Packages may make up their submodules; those of the standard library do not.
    known = getattr(sys, "stdlib_module_names", ())
    places = spec.submodule_search_locations
    for part in name.split(".")[1:]:
        if top not in known or places is None:
            break
        sub = importlib.machinery.PathFinder.find_spec(top + "." + part, list(places))
        if sub is None:
            return None
        top, places = top + "." + part, sub.submodule_search_locations
    return spec.origin if spec.origin and spec.has_location else ""


class Reader(object):
    """Walks through a module for what it imports when it runs."""

    def __init__(self, path):
        self.path = path
        self.local = []
        self.names = {}

    def missing(self, nodes, lazy):
        found = []
        for node in nodes:
            found += self.one(node, lazy)
        return found

    def one(self, node, lazy):
        if isinstance(node, ast.Import):
            found = []
            for alias in node.names:
                self.names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
                found += self.module(alias.name, node.lineno, lazy)
            return found
        if isinstance(node, ast.ImportFrom):
            if node.level or not node.module or node.module == "__future__":
                return []
            found = self.module(node.module, node.lineno, lazy)
            if not found:
                for alias in node.names:
                    self.use(node.module + "." + alias.name, node.lineno)
            return found
        if isinstance(node, (ast.FunctionDef, getattr(ast, "AsyncFunctionDef", ast.FunctionDef), ast.Lambda)):
            body = node.body if isinstance(node.body, list) else [node.body]
            return self.missing(body, True)
        if isinstance(node, ast.If):
            taken = self.decided(node.test)
            if taken is True:
                return self.missing(node.body, lazy)
            if taken is False:
                return self.missing(node.orelse, lazy)
            return self.missing(node.body, True) + self.missing(node.orelse, True)
        tries = (getattr(ast, "Try", None) or ast.TryExcept, getattr(ast, "TryStar", ()) or ast.If)
        if isinstance(node, tries) and any(self.catches(handler) for handler in node.handlers):
            body = self.missing(node.body, lazy)
            rest = getattr(node, "finalbody", [])
            handlers = [part for handler in node.handlers for part in handler.body]
            others = self.missing(handlers, lazy) if body else []
            return others + self.missing(list(node.orelse) + list(rest), lazy)
        return self.missing(ast.iter_child_nodes(node), lazy)

    def catches(self, handler):
        kinds = ast.dump(handler.type) if handler.type else "ImportError"
        return re.search(r"'(ImportError|ModuleNotFoundError|Exception|BaseException|StandardError)'", kinds.join("''"))

    def decided(self, test):
        if (
            isinstance(test, (ast.Name, ast.Attribute))
            and getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"
        ):
            return False
        nodes = list(ast.walk(test))
        names = [part.id for part in nodes if isinstance(part, ast.Name)]
        attributes = [part.attr for part in nodes if isinstance(part, ast.Attribute)]
        plain = not any(isinstance(part, (ast.Call, ast.Lambda)) for part in nodes)
        if (
            plain
            and names == ["sys"]
            and set(attributes) <= {"version_info", "major", "minor", "platform", "hexversion"}
        ):
            try:
                return bool(eval(compile(ast.Expression(test), "test", "eval"), {"sys": sys}))
            except Exception:
                return None
        return None

    def module(self, name, line, lazy):
        place = locate(name)
        if place is None:
            return [{"file": self.path, "line": line, "module": name, "lazy": lazy}]
        place = os.path.realpath(place) if place else ""
        if place.startswith(folder + os.sep) and place.endswith(".py"):
            self.local.append(place)
        if not place or (place.startswith(stdlib + os.sep) and "-packages" not in place):
            self.use(name, line)
        return []

    def use(self, name, line):
        if len(uses) < MOST_USES:
            uses.append({"file": self.path, "line": line, "name": name})

    def attributes(self, tree):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in self.names:
                self.use(self.names[node.value.id] + "." + node.attr, node.lineno)


def read(path, content):
    entry = {"path": path, "encoding": None, "syntax": None, "old": []}
    files.append(entry)
    text = decoded(content, entry)
    reader = Reader(path)
    try:
        tree = ast.parse(without_cookie(text.replace("\r\n", "\n")))
    except SyntaxError as error:
        entry["syntax"] = {"line": error.lineno, "message": str(error.msg), "kind": type(error).__name__}
        tree = None
    except (ValueError, RuntimeError, MemoryError, UnicodeError) as error:
        entry["syntax"] = {"line": None, "message": str(error), "kind": "SyntaxError"}
        tree = None
    if PY3:
        comma = (
            [pattern for pattern in OLD if pattern[1] == "except with a comma"] if sys.version_info >= (3, 14) else []
        )
        entry["old"] = old_syntax(text, STILL_COMPILES + (OLD if tree is None else comma))
    if tree is not None:
        missing.extend(reader.missing(tree.body, False))
        reader.attributes(tree)
    else:
        for number, line in enumerate(text.split("\n"), 1):
            found = re.match(r"from\s+([A-Za-z_][\w.]*)\s+import\b|import\s+([\w., \t]+)", line)
            for name in re.split(r"\s*,\s*", (found.group(1) or found.group(2)).strip()) if found else []:
                name = name.split(" ")[0]
                if name and name != "__future__":
                    missing.extend(reader.module(name, number, False))
    return reader.local


seen, waiting = set([script]), []
sys.path.insert(0, folder)
waiting += read(script, getattr(sys.stdin, "buffer", sys.stdin).read())
while waiting and len(seen) < MOST_FILES:
    path = waiting.pop()
    if path not in seen:
        seen.add(path)
        try:
            with open(path, "rb") as source:
                waiting += read(path, source.read())
        except (IOError, OSError):
            pass

managed = sys.prefix == getattr(sys, "base_prefix", sys.prefix) and os.path.exists(
    os.path.join(stdlib, "EXTERNALLY-MANAGED")
)
print(
    json.dumps(
        {
            "version": list(sys.version_info[:2]),
            "executable": sys.executable,
            "managed": managed,
            "lib2to3": PY3 and locate("lib2to3") is not None,
            "files": files,
            "missing": missing,
            "uses": uses,
        }
    )
)
