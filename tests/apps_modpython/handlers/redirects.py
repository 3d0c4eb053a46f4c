"""A handler that redirects internally."""

from mod_python import apache


def handler(req):
    req.content_type = "text/plain"
    if req.uri.endswith("/first"):
        req.internal_redirect(req.uri[: -len("first")] + "second?x=y")
        return apache.OK
    if req.uri.endswith("/second"):
        req.write("second, args %s, from %s" % (req.args, req.prev and req.prev.uri.rpartition("/")[2]))
        return apache.OK
    return apache.HTTP_NOT_FOUND
