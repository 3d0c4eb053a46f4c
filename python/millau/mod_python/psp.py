"""``mod_python.psp``: pages of text with Python in it."""

from __future__ import annotations

import builtins
import html
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from millau.mod_python import Cookie, Session, _pages, apache, util
from millau.mod_python import _constants as c

if TYPE_CHECKING:
    from millau.mod_python._request import Request

_kept = _pages.Pages()


class PSPInterface:
    """What a page knows as ``psp``."""

    def __init__(self, req: Request, filename: str | None, form: util.FieldStorage | None) -> None:
        self.req = req
        self.filename = filename
        self.form = form
        self.error_page: PSP | None = None

    def set_error_page(self, filename: str) -> None:
        """Name the page that is shown when this one fails: relative to it, or from the document root if it begins with ``/``."""
        if filename.startswith("/"):
            path = self.req.document_root() + filename
        else:
            path = os.path.join(os.path.dirname(self.filename or self.req.filename), filename)
        self.error_page = PSP(self.req, path)

    def apply_data(self, object: Callable[..., Any], **kw: Any) -> Any:
        """Call something with the fields of the form that it takes."""
        if self.form is None:
            self.form = _form(self.req)
        return util.apply_fs_data(object, self.form, req=self.req, **kw)

    def redirect(self, location: str, permanent: int = 0) -> None:
        """Send the client to another location and end the page."""
        util.redirect(self.req, location, permanent)


def _form(req: Request) -> util.FieldStorage:
    if not hasattr(req, "form"):
        req.form = util.FieldStorage(req, keep_blank_values=1)
    form: util.FieldStorage = req.form
    return form


class PSP:
    """A page from a file, by default that of the request, or from a text."""

    def __init__(
        self,
        req: Request,
        filename: str | None = None,
        string: str | None = None,
        vars: Mapping[str, Any] | None = None,
    ) -> None:
        if string and filename:
            raise ValueError("a page comes from a file or from a text, not from both")
        self.req = req
        self.vars = dict(vars or {})
        self.string = string
        self.filename: str | None = None
        if string is not None and not filename:
            self._page = _kept.from_text(string)
            return
        self.filename = os.path.join(os.path.dirname(req.filename), filename or req.filename)
        if not os.path.isfile(self.filename):
            raise apache.SERVER_RETURN(c.HTTP_NOT_FOUND)
        self._page = _kept.from_file(self.filename)

    @property
    def code(self) -> Any:
        """Give the compiled page."""
        return self._page.code

    def run(self, vars: Mapping[str, Any] | None = None, flush: int = 0) -> None:
        """Show the page. ``vars`` are global variables, besides ``req``, ``psp``, and ``form`` and ``session`` if it uses them."""
        req: Any = self.req
        own_session = None
        if "session" in self._page.names and not hasattr(req, "session"):
            req.session = own_session = Session.Session(req)
        form = _form(req) if "form" in self._page.names else None
        interface = PSPInterface(req, self.filename, form)
        scope = self._scope(interface)
        scope.update(self.vars)
        scope.update(vars or {})
        try:
            try:
                exec(self._page.code, scope)
                if flush:
                    req.flush()
                if hasattr(req, "session"):
                    req.session.save()
            except apache.SERVER_RETURN:
                if hasattr(req, "session"):
                    req.session.save()
                raise
            except Exception as error:
                self._page.relocated(error)
                if not interface.error_page:
                    raise
                interface.error_page.run({"exception": (type(error), error, error.__traceback__)}, flush)
        finally:
            if own_session is not None:
                own_session.unlock()
                del req.session

    def _scope(self, interface: PSPInterface) -> dict[str, Any]:
        req: Any = self.req
        filename = self.filename or req.filename
        return {
            "__builtins__": {**builtins.__dict__, "__import__": req._target.importer._import},
            "__name__": "__psp__",
            "__file__": filename,
            # What pages have been used to find without importing it.
            "apache": apache,
            "util": util,
            "Session": Session,
            "Cookie": Cookie,
            "escape": html.escape,
            "os": os,
            "sys": sys,
            "req": req,
            "psp": interface,
            "form": interface.form,
            "session": getattr(req, "session", None),
        }

    def __str__(self) -> str:
        self.req.content_type = "text/html"
        self.run()
        return ""

    def display_code(self) -> None:
        """Write the page and the Python text that it becomes beside one another."""
        filename = self.filename or ""
        with open(filename, "rb") as file:
            contents = file.read()
        source = contents.decode("utf-8", "replace").splitlines()
        code = parse(filename).splitlines()
        rows = []
        for index in range(max(len(source), len(code))):
            cells = (str(index + 1), *(lines[index] if index < len(lines) else "" for lines in (code, source)))
            rows.append("<tr>" + "".join(f"<td><pre>{html.escape(cell)}</pre></td>" for cell in cells) + "</tr>\n")
        heading = f"<tr><th></th><th>Python</th><th>{html.escape(filename)}</th></tr>\n"
        self.req.write(f'<!DOCTYPE html>\n<meta charset="utf-8">\n<table>\n{heading}{"".join(rows)}</table>\n')


def parse(filename: str, dir: str | None = None) -> str:
    """Give the Python text of a page. ``dir`` is put before the name, and before the names of included files."""
    path = (dir or "") + filename
    with open(path, "rb") as file:
        return _pages.translate(path, file.read(), dir or os.path.dirname(path))[0]


def parsestring(string: str) -> str:
    """Give the Python text of a page that is a text."""
    return _pages.translate("<psp>", string.encode("utf-8", "surrogateescape"), None)[0]


def handler(req: Request) -> int:
    """Show the page that the URL names; with an underscore after it, while debugging, its Python text."""
    req.content_type = "text/html"
    if req._target.debug and req.filename.endswith("_"):
        PSP(req, req.filename[:-1]).display_code()
    else:
        PSP(req).run()
    return c.OK
