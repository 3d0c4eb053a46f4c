"""A repoze.who stack: basic authentication against an htpasswd file, form cookie, challenges."""

from pathlib import Path

from repoze.who.config import make_middleware_with_config

HERE = Path(__file__).resolve().parent


def plain_check(password, hashed):
    """The htpasswd file of the tests holds passwords as they are."""
    return password == hashed


def page(environ, start_response):
    """Everybody may see /open; the rest asks who is there, and 401 makes the middleware challenge."""
    who = environ.get("REMOTE_USER")
    if environ["PATH_INFO"] != "/open" and who is None:
        start_response("401 Unauthorized", [("Content-Type", "text/plain"), ("X-Inner", "yes")])
        yield b"not this one"
        return
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"hello "
    yield b""
    yield (who or "stranger").encode()
    if identity := environ.get("repoze.who.identity"):
        yield b", " + repr(sorted(str(k) for k in identity)).encode()


application = make_middleware_with_config(page, {"here": str(HERE)}, str(HERE / "who.ini"))
