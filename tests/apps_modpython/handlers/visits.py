"""Counts in a plain cookie."""

from mod_python import Cookie, apache


def handler(req):
    cookies = Cookie.get_cookies(req)
    req.content_type = "text/plain"
    count = int(cookies["visits"].value) + 1 if "visits" in cookies else 1
    Cookie.add_cookie(req, Cookie.Cookie("visits", str(count), path="/h/visits"))
    for name in sorted(cookies):
        req.write("%s: %s\n" % (name, cookies[name].value))
    return apache.OK
