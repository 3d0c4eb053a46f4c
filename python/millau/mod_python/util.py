"""``mod_python.util``: forms, calls with the fields of a form, redirects."""

from __future__ import annotations

import functools
import inspect
import io
import tempfile
import types
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from millau.mod_python import _constants as c
from millau.mod_python import _multipart, apache
from millau.mod_python._table import table

if TYPE_CHECKING:
    from millau.mod_python._request import Request

FIELDS = 10_000
"""A form may have so many fields; one with more gets 413."""
FIELDS_SIZE = 16 * 1024 * 1024
"""Fields that are no files, and their names, may have so many bytes together, because they are kept in memory."""


class Field:
    """A file that was uploaded. ``value`` reads it into memory."""

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        self.name = name
        self.file: Any = None
        self.filename: str | None = None
        self.type = "application/octet-stream"
        self.type_options: dict[str, str] = {}
        self.disposition: str | None = None
        self.disposition_options: dict[str, str] = {}
        self.headers: Any = {}
        if args or kwargs:
            self._fill(*args, **kwargs)

    def _fill(
        self,
        file: Any,
        ctype: str,
        type_options: dict[str, str],
        disp: str | None,
        disp_options: dict[str, str],
        headers: Any = None,
    ) -> None:
        """Take what the constructor took before mod_python 3.3, as Trac gives it."""
        self.file, self.type, self.type_options = file, ctype, type_options
        self.disposition, self.disposition_options = disp, disp_options
        self.filename = disp_options.get("filename")
        self.headers = headers or {}

    @property
    def value(self) -> Any:
        """Give the whole contents."""
        if self.file is None:
            return None
        self.file.seek(0)
        contents = self.file.read()
        self.file.seek(0)
        return contents

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.filename!r})"


class StringField(str):
    """The text of a field: a str that also has what a `Field` has."""

    name: str
    filename: None = None
    type = "text/plain"
    type_options: dict[str, str] = {}
    disposition: str | None = None
    disposition_options: dict[str, str] = {}
    headers: Any = {}

    @property
    def value(self) -> str:
        """Give the plain text."""
        return str(self)

    @property
    def file(self) -> io.StringIO:
        """Give the text as a file."""
        return io.StringIO(str(self))

    def __str__(self) -> str:
        return str.__str__(self)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Decode the bytes that came, for code that takes fields for bytes, as mod_python 3.5 gave them."""
        return self.encode("utf-8", "surrogateescape").decode(encoding, errors)


AnyField = Field | StringField


def _string_field(name: str, value: str | bytes) -> StringField:
    field = StringField(value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value)
    field.name = name
    return field


class FieldStorage:
    """The fields of a form, those of the query first.

    One may be made for a request, since it reads the body; code after the first should use ``req.form``.
    """

    def __init__(
        self,
        req: Request,
        keep_blank_values: int = 0,
        strict_parsing: int = 0,
        file_callback: Callable[[str], Any] | None = None,
        field_callback: Callable[[], Any] | None = None,
    ) -> None:
        self.list: list[AnyField] = []
        self._size = 0
        self._file_callback = file_callback
        self._field_callback = field_callback
        if req.args:
            self._add_pairs(req.args, keep_blank_values)
        if req.method != "POST":
            return
        content_type = req.headers_in.first("Content-Type") or "application/x-www-form-urlencoded"
        kind, options = _multipart.parameters(content_type)
        if kind == "application/x-www-form-urlencoded":
            self._add_pairs(self._read_all(req).decode("latin-1"), keep_blank_values)
        elif kind == "multipart/form-data":
            boundary = options.get("boundary", "").encode("utf-8", "surrogateescape")
            try:
                _multipart.parse(req.read, boundary, self._open_part)
            except _multipart.Malformed as error:
                req.log_error(f"peer error: the form of {req.the_request} cannot be read: {error}", c.APLOG_NOTICE)
                raise apache.SERVER_RETURN(c.HTTP_BAD_REQUEST) from error
            self.list = [_kept(field) for field in self.list]

    def _read_all(self, req: Request) -> bytes:
        body = req.read(FIELDS_SIZE + 1)
        if len(body) > FIELDS_SIZE:
            raise apache.SERVER_RETURN(c.HTTP_REQUEST_ENTITY_TOO_LARGE)
        return body

    def _add_pairs(self, text: str, keep_blank_values: int) -> None:
        if text.count("&") >= FIELDS:
            raise apache.SERVER_RETURN(c.HTTP_REQUEST_ENTITY_TOO_LARGE)
        for name, value in parse_qsl(text, keep_blank_values):
            self._count(len(name) + len(value))
            self.add_field(name, value)

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > FIELDS_SIZE or len(self.list) >= FIELDS:
            raise apache.SERVER_RETURN(c.HTTP_REQUEST_ENTITY_TOO_LARGE)

    def _open_part(self, headers: list[tuple[str, str]]) -> _multipart.Sink:
        fields = table(headers)
        disposition, options = _multipart.parameters(fields.first("Content-Disposition") or "")
        kind, type_options = _multipart.parameters(fields.first("Content-Type") or "text/plain")
        field = Field(options.get("name", ""))
        self._count(len(field.name))
        field.type, field.type_options = kind if "/" in kind else "application/octet-stream", type_options
        field.disposition, field.disposition_options = disposition, options
        field.headers = fields
        sink: _multipart.Sink
        # A file input that was left empty sends an empty name, and is a field without a value.
        if options.get("filename"):
            field.filename = options["filename"]
            sink = field.file = self._file_callback(field.filename) if self._file_callback else tempfile.TemporaryFile()
        else:
            field.file = self._field_callback() if self._field_callback else io.BytesIO()
            sink = _Counted(field.file, self._count)
        self.list.append(field)
        return sink

    def add_field(self, name: str, value: str | bytes) -> None:
        """Add a field; others of that name stay."""
        self.list.append(_string_field(name, value))

    def clear(self) -> None:
        """Take all fields out."""
        self.list = []

    def _table(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field in self.list:
            found.setdefault(field.name, []).append(field)
        return found

    def __getitem__(self, key: str) -> Any:
        found = self._table()[key]
        return found[0] if len(found) == 1 else found

    def __setitem__(self, key: str, value: str | bytes) -> None:
        self.list = [field for field in self.list if field.name != key]
        self.add_field(key, value)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self.list = [field for field in self.list if field.name != key]

    def __contains__(self, key: object) -> bool:
        return any(field.name == key for field in self.list)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._table())

    def __repr__(self) -> str:
        return repr(self._table())

    def has_key(self, key: str) -> bool:
        """Say whether there is such a field."""
        return key in self

    def keys(self) -> list[str]:
        """Give the names, each once."""
        return list(self._table())

    def items(self) -> Iterable[tuple[str, AnyField]]:
        """Give names and fields, in the order of the form."""
        return [(field.name, field) for field in self.list]

    def get(self, key: str, default: Any = None) -> Any:
        """Give a field, a list of them where there are several, or the default."""
        found = self.getlist(key) or [default]
        return found[0] if len(found) == 1 else found

    def getfirst(self, key: str, default: Any = None) -> Any:
        """Give the first field of that name, or the default."""
        return self._table().get(key, [default])[0]

    def getlist(self, key: str) -> Any:
        """Give all fields of that name."""
        return self._table().get(key, [])


class _Counted:
    """A file in memory that does not grow without end."""

    def __init__(self, file: Any, count: Callable[[int], None]) -> None:
        self._file = file
        self._count = count

    def write(self, data: bytes) -> None:
        self._count(len(data))
        self._file.write(data)


def _kept(field: AnyField) -> AnyField:
    """Give a part as a form has it: files as they are, everything else as text."""
    if isinstance(field, StringField):
        return field
    field.file.seek(0)
    if field.filename:
        return field
    text = _string_field(field.name, field.file.read())
    text.type, text.type_options = field.type, field.type_options
    text.disposition, text.disposition_options = field.disposition, field.disposition_options
    text.headers = field.headers
    return text


def _decoded(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ").encode("latin-1", "replace")).decode("utf-8", "surrogateescape")


def parse_qsl(qs: str | bytes, keep_blank_values: int = 0, strict_parsing: int = 0) -> list[tuple[str, str]]:
    """Take a query apart into names and values; what is not UTF-8 is kept as lone surrogates."""
    text = qs.decode("latin-1") if isinstance(qs, bytes) else qs
    pairs = []
    for item in text.split("&"):
        name, equals, value = item.partition("=")
        if (value or keep_blank_values) and item and (equals or keep_blank_values):
            pairs.append((_decoded(name), _decoded(value)))
    return pairs


def parse_qs(qs: str | bytes, keep_blank_values: int = 0, strict_parsing: int = 0) -> dict[str, list[str]]:
    """Take a query apart into names and lists of values."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(qs, keep_blank_values):
        found.setdefault(name, []).append(value)
    return found


def parse_header(line: str | bytes) -> tuple[str, dict[str, str]]:
    """Take a value such as ``text/html; charset=utf-8`` apart."""
    return _multipart.parameters(line.decode("latin-1") if isinstance(line, bytes) else line)


def apply_fs_data(object: Any, fs: FieldStorage, **args: Any) -> Any:
    """Call something with those fields of a form that it takes, by name; ``args`` come before fields of their names.

    A field that occurs several times is a list; an uploaded file is a `Field`, every other one a text.
    """
    fields: dict[str, Any] = {}
    for field in fs.list:
        value = field if field.filename else field.value
        if field.name not in args:
            fields.setdefault(field.name, []).append(value)
    values = {name: found[0] if len(found) == 1 else found for name, found in fields.items()} | args
    wanted = _taken(object)
    if wanted is None:
        return object(**values)
    return object(**{name: value for name, value in values.items() if name in wanted})


def _taken(object: Any) -> frozenset[str] | None:
    """Give the names of the arguments that something takes; None if it takes all."""
    function = getattr(object, "__func__", object)
    if isinstance(function, types.FunctionType):
        return _taken_by(function.__code__, int(function is not object))
    try:
        # The wrapper of a decorator counts, not what it wraps: it is the one that is called.
        parameters = inspect.signature(object, follow_wrapped=False).parameters.values()
    except (TypeError, ValueError):
        # A function written in C does not say what it takes.
        return frozenset()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return frozenset(parameter.name for parameter in parameters if parameter.kind in named)


@functools.lru_cache(maxsize=1024)
def _taken_by(code: types.CodeType, bound: int) -> frozenset[str] | None:
    if code.co_flags & inspect.CO_VARKEYWORDS:
        return None
    first = max(code.co_posonlyargcount, bound)
    return frozenset(code.co_varnames[first : code.co_argcount + code.co_kwonlyargcount])


def redirect(req: Request, location: str, permanent: int = 0, text: str | None = None) -> None:
    """Send the client to another location and end the handler.

    Raises OSError if a part of the response is already on its way.
    """
    if not isinstance(location, str):
        raise TypeError("location must be of type str")
    if req.sent_bodyct:
        raise OSError("cannot redirect after a part of the response has been sent")
    req.err_headers_out["Location"] = location
    req.status = c.HTTP_MOVED_PERMANENTLY if permanent else c.HTTP_MOVED_TEMPORARILY
    if text is None:
        from html import escape

        text = f'<p>The document has moved <a href="{escape(location)}">here</a></p>\n'
    req.write(text)
    raise apache.SERVER_RETURN(c.DONE)
