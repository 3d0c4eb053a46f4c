"""The work that the servers are given: an application, the requests, and what is measured."""

from dataclasses import dataclass
from typing import Literal

ALL = (
    "millau",
    "granian",
    "granian-1",
    "gunicorn-gthread",
    "gunicorn-sync",
    "uwsgi",
    "uwsgi-64",
    "bjoern",
    "fastpysgi",
    "fastwsgi",
    "waitress",
    "mod_wsgi",
)
"""The servers of a workload that names no others."""


BEHIND_NGINX = (
    "millau-fastcgi",
    "millau-fastcgi-once",
    "millau-scgi",
    "millau-uwsgi",
    "millau-http",
    "uwsgi-uwsgi",
    "uwsgi-fastcgi",
    "uwsgi-scgi",
    "flup-fastcgi",
    "flup-scgi",
    "granian-http",
    "gunicorn-http",
)
"""Those behind nginx."""


@dataclass(frozen=True)
class Request:
    """One request of a workload; the right body is what the application answers under wsgiref."""

    method: str = "GET"
    path: str = "/"
    body: int | None = None
    weight: int = 1
    name: str = "all"
    other: str | None = None
    """`NAME:LENGTH`: a body of this length is right too and counts under this class."""


@dataclass(frozen=True)
class Workload:
    """An application and what is asked of it."""

    name: str
    title: str
    module: str
    requests: tuple[Request, ...] = (Request(),)
    kind: Literal["load", "idle", "memory"] = "load"
    servers: tuple[str, ...] = ALL
    connections: int = 64
    close: bool = False
    idle: int = 0
    base: str = "millau"
    """The server that the others' figures are divided by."""
    unix: bool = False
    """Servers behind a front server are reached over UNIX sockets rather than TCP."""
    threads: int | None = None
    """For servers whose number of threads is fixed: enough that no request waits for a sleeping one."""

    @property
    def main_class(self) -> str:
        """The class whose latencies the table shows."""
        return self.requests[0].name


WORKLOADS = {
    workload.name: workload
    for workload in [
        Workload("hello", "hello: 13 bytes", "hello"),
        Workload("echo", "echo: a POST of 10 KiB and the same back", "echo", (Request("POST", body=10 * 1024),)),
        Workload("large", "large: a response of 100 KiB", "large"),
        Workload("flask", "Flask: a route and a JSON answer", "flask_site", (Request(path="/shelf/3"),)),
        Workload(
            "django",
            "Django: three rows through the ORM and a template",
            "django_site.wsgi",
            (Request(path="/books/7/"),),
        ),
        Workload(
            "mix",
            "mix: one request in ten sleeps 50 ms, at a path of its own",
            "mix",
            (Request(name="fast", weight=9), Request(name="slow", path="/sleep")),
            threads=64,
        ),
        Workload(
            "mix-hidden",
            "mix: every tenth call sleeps 50 ms, and no request shows which",
            "mix_hidden",
            (Request(name="fast", other="slow:5"),),
            threads=64,
        ),
        Workload("close", "hello, a connection per request", "hello", close=True),
        Workload("idle", "hello beside 5,000 idle connections", "hello", kind="idle", idle=5000),
        Workload(
            "memory",
            "memory of an idle Django worker, after 100 requests",
            "django_site.wsgi",
            (Request(path="/books/7/"),),
            kind="memory",
        ),
        Workload("behind-nginx", "hello behind nginx", "hello", servers=BEHIND_NGINX, base="millau-fastcgi"),
        Workload(
            "behind-nginx-unix",
            "hello behind nginx, over UNIX sockets",
            "hello",
            servers=BEHIND_NGINX,
            base="millau-fastcgi",
            unix=True,
        ),
        Workload(
            "behind-nginx-echo",
            "echo behind nginx: a POST of 10 KiB and the same back",
            "echo",
            (Request("POST", body=10 * 1024),),
            servers=BEHIND_NGINX,
            base="millau-fastcgi",
        ),
        Workload(
            "behind-apache-ajp",
            "hello over AJP behind Apache",
            "hello",
            servers=("millau-ajp", "flup-ajp"),
            base="millau-ajp",
        ),
    ]
}
