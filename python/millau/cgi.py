"""One request of a CGI program, in place of `flup.server.cgi` and `wsgiref.handlers.CGIHandler`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from millau._embedded import Application, name_of, with_environ
from millau._engine import answer_cgi

__all__ = ["WSGIServer"]


class WSGIServer:
    """Answers the request that the web server has started this program for.

    environ: more for the environ of the request. debug: show tracebacks to the client.
    """

    def __init__(self, application: Application, environ: Mapping[str, Any] | None = None, debug: bool = False) -> None:
        self.application = application
        self.environ = environ
        self.debug = debug

    def run(self) -> bool:
        """Answer it; true if the response is whole. From then on what is printed goes to standard error."""
        application = with_environ(self.application, self.environ)
        settings = [("debug", "on" if self.debug else "off")]
        return answer_cgi(application, name_of(self.application), settings)
