"""Millau as the server of a PasteDeploy file.

    [server:main]
    use = egg:millau#main
    host = 127.0.0.1
    port = 8080
    threads = 16

`host` and `port` are an HTTP front; `bind` names any others, several with blanks between them. All else is a setting of
`millau serve` by its name, with `-` or `_`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from millau._embedded import Application, name_of
from millau._engine import serve

__all__ = ["server_factory", "server_runner"]


def server_runner(wsgi_app: Application, global_conf: Mapping[str, str] | None = None, **settings: Any) -> None:
    """Serve the application until a signal ends it (paste.server_runner)."""
    values = {name.replace("_", "-"): str(value) for name, value in settings.items()}
    binds = values.pop("bind", "").replace(",", " ").split()
    host, port = values.pop("host", ""), values.pop("port", "")
    if host or port or not binds:
        host = {"": "127.0.0.1", "*": "0.0.0.0"}.get(host, host)
        binds.insert(0, f"http://{f'[{host}]' if ':' in host else host}:{port or 8000}")
    values["bind"] = ",".join(binds)
    try:
        serve(wsgi_app, name_of(wsgi_app), list(values.items()))
    except ValueError as error:
        file = (global_conf or {}).get("__file__")
        raise ValueError(f"{file}, the section of the server: {error}" if file else str(error)) from None


def server_factory(global_conf: Mapping[str, str] | None, **settings: Any) -> Callable[[Application], None]:
    """Give a function that serves an application until a signal ends it (paste.server_factory)."""

    def serve_application(wsgi_app: Application) -> None:
        server_runner(wsgi_app, global_conf, **settings)

    return serve_application
