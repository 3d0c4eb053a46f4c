"""Beaker's session and cache middleware around a plain WSGI application."""

from pathlib import Path

from beaker.middleware import CacheMiddleware, SessionMiddleware

HERE = Path(__file__).resolve().parent


def visits(environ, start_response):
    session = environ["beaker.session"]
    path = environ["PATH_INFO"]
    if path == "/leave":
        session.delete()
        body = "left"
    elif path == "/cached":
        cache = environ["beaker.cache"].get_cache("calls", type="memory")
        body = f"made {cache.get(key='made', createfunc=made)}"
    else:
        session["visits"] = session.get("visits", 0) + 1
        body = f"visit {session['visits']}"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode()]


calls = []


def made():
    calls.append(1)
    return len(calls)


in_files = CacheMiddleware(
    SessionMiddleware(
        visits, {"session.type": "file", "session.data_dir": str(HERE / "sessions"), "session.auto": True}
    )
)

in_cookies = CacheMiddleware(
    SessionMiddleware(
        visits,
        {
            "session.type": "cookie",
            "session.validate_key": "not-a-secret-the-tests-know-it",
            "session.auto": True,
            "session.samesite": "Lax",
        },
    )
)
