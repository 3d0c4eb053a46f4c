"""The handler of the tutorial that makes its own 404."""

from mod_python import apache


def handler(req):
    if req.filename[-17:] == "apache-error.html":
        return apache.HTTP_NOT_FOUND
    if req.filename[-18:] == "handler-error.html":
        req.status = apache.HTTP_NOT_FOUND
        pagebuffer = "Page not here.  Page left, not know where gone."
    else:
        pagebuffer = "a page"
    req.write(pagebuffer)
    return apache.OK
