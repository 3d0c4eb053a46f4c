"""What a handler may return or raise, by the query."""

from mod_python import apache


def handler(req):
    what = req.args or ""
    if what == "declined":
        return apache.DECLINED
    if what == "done":
        req.write("done")
        return apache.DONE
    if what == "raised":
        raise apache.SERVER_RETURN(apache.HTTP_CONFLICT)
    if what == "raised_ok":
        req.content_type = "text/plain"
        req.write("fine")
        raise apache.SERVER_RETURN(apache.OK)
    if what == "two":
        req.content_type = "text/plain"
        req.write("with a status", 0)
        raise apache.SERVER_RETURN(apache.DONE, apache.HTTP_CREATED)
    if what == "location":
        req.headers_out["Location"] = "/there"
        return apache.HTTP_MOVED_TEMPORARILY
    if what == "not_allowed":
        req.allow_methods(["POST", "PUT"])
        return apache.HTTP_METHOD_NOT_ALLOWED
    if what == "no_content":
        return apache.HTTP_NO_CONTENT
    if what == "default_type":
        req.write("what type is this?")
        return apache.OK
    if what == "header_type":
        req.headers_out["Content-Type"] = "text/x-own"
        req.write("x")
        return apache.OK
    if what == "cookies":
        req.content_type = "text/plain"
        req.headers_out.add("Set-Cookie", "a=1")
        req.headers_out.add("set-cookie", "b=2")
        req.err_headers_out.add("X-Both", "1")
        req.write("cookies")
        return apache.OK
    if what == "length":
        req.content_type = "text/plain"
        req.set_content_length(4)
        req.write("four")
        return apache.OK
    if what == "none":
        return None
    if what == "teapot":
        return apache.HTTP_IM_A_TEAPOT
    if what == "unauthorized":
        req.err_headers_out["WWW-Authenticate"] = 'Basic realm="r"'
        return apache.HTTP_UNAUTHORIZED
    return apache.HTTP_NOT_FOUND
