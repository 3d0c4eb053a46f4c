"""A Pyramid application: routes, traversal, renderers, static files, sessions, uploads and exceptions."""

import hashlib
from pathlib import Path

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPFound, HTTPNotFound, HTTPUnauthorized
from pyramid.response import FileIter, FileResponse, Response
from pyramid.session import SignedCookieSessionFactory
from pyramid.view import notfound_view_config, view_config

HERE = Path(__file__).resolve().parent


class Folder(dict):
    """A resource for traversal."""


def root_factory(request):
    return Folder(inbox=Folder(letter=Folder()))


@view_config(name="path", context=Folder, renderer="json")
def path(context, request):
    return {
        "url": request.url,
        "path": request.path_info,
        "script": request.script_name,
        "subpath": list(request.subpath),
        "keys": sorted(context),
        "params": dict(request.params.mixed()),
    }


@view_config(route_name="hello", renderer="string")
def hello(request):
    return f"Hello {request.matchdict['name']}"


@view_config(route_name="pieces")
def pieces(request):
    return Response(app_iter=(b"piece %d\n" % i if i % 2 else b"" for i in range(20)), content_type="text/plain")


@view_config(route_name="file")
def file(request):
    return FileResponse(HERE / "large.bin", request=request, content_type="application/octet-stream")


@view_config(route_name="file_iter")
def file_iter(request):
    response = Response(content_type="application/octet-stream", conditional_response=True)
    response.app_iter = FileIter(open(HERE / "large.bin", "rb"))
    response.content_length = (HERE / "large.bin").stat().st_size
    return response


@view_config(route_name="visits", renderer="json")
def visits(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    request.session.flash("counted")
    return {"visits": request.session["visits"], "flashed": len(request.session.peek_flash())}


@view_config(route_name="upload", renderer="json", request_method="POST")
def upload(request):
    return {
        name: [value.filename, value.type, hashlib.sha256(value.file.read()).hexdigest()]
        if hasattr(value, "filename")
        else value
        for name, value in request.POST.items()
    }


@view_config(route_name="echo")
def echo(request):
    return Response(body=request.body, content_type="application/octet-stream")


@view_config(route_name="json", renderer="json")
def json(request):
    return {"got": request.json_body}


@view_config(route_name="error")
def error(request):
    match request.matchdict["name"]:
        case "found":
            raise HTTPFound("/hello/you?q=%C3%A9")
        case "unauthorized":
            raise HTTPUnauthorized(headers=[("WWW-Authenticate", 'Basic realm="here"')])
        case "not-found":
            raise HTTPNotFound("nothing here")
        case _:
            raise RuntimeError("a view that fails")


@view_config(route_name="callback")
def callback(request):
    """Fields and cookies from a callback, after the view."""
    request.add_response_callback(lambda request, response: response.set_cookie("late", "1", samesite="Lax"))
    response = Response("called back")
    response.headers.add("X-Two", "1")
    response.headers.add("X-Two", "2")
    return response


@notfound_view_config()
def not_found(request):
    return Response("not here", status="404 Not Here")


def main(global_config, **settings):
    """The paste.app_factory of the ini file."""
    config = Configurator(
        settings=settings,
        root_factory=root_factory,
        session_factory=SignedCookieSessionFactory("not-a-secret-the-tests-know-it"),
    )
    for name in ("pieces", "file", "file_iter", "visits", "upload", "echo", "json", "callback"):
        config.add_route(name, f"/{name}")
    config.add_route("hello", "/hello/{name}")
    config.add_route("error", "/error/{name}")
    config.add_static_view("static", str(HERE / "static"), cache_max_age=60)
    config.scan(ignore="pages.tests")
    return config.make_wsgi_app()
