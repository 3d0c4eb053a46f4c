"""A WSGI application made of cases: the first segment of the path names the function that answers."""

from __future__ import annotations

from typing import Any


class Cases:
    """The application, and the decorator `case` that adds to it: `/name` and `/name/…` call `name`."""

    def __init__(self) -> None:
        self.cases: dict[str, Any] = {}

    def case(self, function: Any) -> Any:
        self.cases[function.__name__] = function
        return function

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        name = environ["PATH_INFO"].strip("/").partition("/")[0]
        if name not in self.cases:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"no such case: " + name.encode("latin-1")]
        return self.cases[name](environ, start_response)
