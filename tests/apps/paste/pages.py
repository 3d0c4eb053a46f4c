"""What the ini file puts together: small applications, factories and an authentication function."""

from pathlib import Path

from paste.cgiapp import CGIApplication
from paste.httpexceptions import HTTPForbidden, HTTPFound
from paste.request import parse_formvars

HERE = Path(__file__).resolve().parent


def show(global_conf):
    """Who is asked for what: the variables that urlmap and the authentication change."""

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        names = ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REMOTE_USER", "AUTH_TYPE")
        return [f"{name}={environ.get(name)}\n".encode("latin-1") for name in names]

    return application


def long_text(global_conf):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "12000")])
        return [b"a long line\n"] * 1000

    return application


def counter(global_conf):
    def application(environ, start_response):
        session = environ["paste.session.factory"]()
        session["visits"] = session.get("visits", 0) + 1
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"visit {session['visits']}".encode()]

    return application


def form(global_conf):
    def application(environ, start_response):
        fields = parse_formvars(environ, include_get_vars=True, encoding="utf-8", errors="replace")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{name}={value}\n".encode() for name, value in fields.items()]

    return application


def failing(global_conf):
    """Fails in three ways; what catches it calls `start_response` again, with exc_info."""

    def application(environ, start_response):
        if environ["PATH_INFO"] == "/forbidden":
            raise HTTPForbidden("not for you")
        if environ["PATH_INFO"] == "/found":
            raise HTTPFound("/show/found")
        start_response("200 OK", [("Content-Type", "text/plain"), ("X-Draft", "yes")])
        raise RuntimeError("after start_response")

    return application


def writer(global_conf):
    """The imperative way: `write()`, several times, and an iterable after it."""

    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"written, ")
        write(b"")
        write(b"written again, ")
        return [b"and ", b"", b"returned"]

    return application


def cgi(global_conf, script):
    return CGIApplication(None, str(HERE / "cgi-bin" / script))


def authenticate(environ, username, password):
    return username == "admin" and password == "sesame"
