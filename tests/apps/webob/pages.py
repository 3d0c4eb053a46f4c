"""WebOb applications and middleware: requests copied and called again, conditional and partial responses."""

import hashlib

from webob import Request, Response, exc
from webob.dec import wsgify

LONG = b"".join(b"%015d\n" % i for i in range(20_000))


def show(request):
    """What the request looks like to WebOb; `environ` must be exactly a dict (WebOb copies it)."""
    return Response(
        json_body={
            "environ is a dict": type(request.environ) is dict,
            "method": request.method,
            "url": request.url,
            "path": request.path,
            "host": request.host,
            "accept": str(request.accept),
            "cookies": dict(request.cookies),
            "params": list(request.params.items()),
            "remote": request.remote_addr,
            "protocol": request.http_version,
            "range": str(request.range),
        }
    )


def echo(request):
    return Response(body=request.body, content_type="application/octet-stream")


def pieces(request):
    """The body by lines and by pieces."""
    first = request.body_file.readline(100)
    rest = b"".join(iter(lambda: request.body_file.read(1000), b""))
    return Response(json_body=[first.decode("latin-1"), hashlib.sha256(rest).hexdigest(), len(rest)])


def twice(request):
    """Two calls of another application with copies of the request, as a caching or retrying middleware makes them."""
    request.make_body_seekable()
    bodies = []
    for _ in range(2):
        copy = request.copy()
        copy.path_info = "/echo"
        status, headers, body = copy.call_application(application)
        bodies.append(b"".join(body))
        if hasattr(body, "close"):
            body.close()
    return Response(body=b"|".join(bodies), content_type="application/octet-stream")


def blank(request):
    """A request that was made, not received, in the same environ."""
    inner = Request.blank("/show?made=up", environ={"REMOTE_ADDR": "192.0.2.1"})
    return inner.get_response(application)


def conditional(request):
    response = Response(body=LONG, content_type="text/plain", conditional_response=True)
    response.last_modified = 1_000_000_000
    response.md5_etag()
    return response


def cookies(request):
    response = Response("cookies")
    response.set_cookie("one", "1")
    response.set_cookie("two", "zwei ü", comment=None, httponly=True)
    response.delete_cookie("three")
    return response


def own_status(request):
    return Response(
        "shouted", status="200 Ok", headerlist=[("Content-Type", "text/plain; charset=utf-8"), ("x-lower", "1")]
    )


def unread(request):
    return Response("did not look at the body")


PAGES = {page.__name__: page for page in (show, echo, pieces, twice, blank, conditional, cookies, own_status, unread)}


@wsgify
def application(request):
    name = request.path_info_pop()
    if name == "redirect":
        raise exc.HTTPSeeOther(location="/show?redirected=1")
    if name not in PAGES:
        raise exc.HTTPNotFound(f"no {name}", headers=[("X-Tried", "yes")])
    return PAGES[name](request)


@wsgify.middleware
def shout(request, app):
    """A middleware that reads and changes the response of what it wraps."""
    response = request.get_response(app)
    if response.content_type == "text/plain" and response.content_range is None:
        response.body = response.body.upper()
    response.headers["X-Shouted"] = "yes"
    return response


shouting = shout(application)
