"""The cookie examples of the manual."""

from mod_python import Cookie, apache

SECRET = "secret007"


def handler(req):
    cookies = Cookie.get_cookies(req, Cookie.MarshalCookie, secret=SECRET)
    req.content_type = "text/plain"
    if "spam" in cookies:
        spamcookie = cookies["spam"]
        if type(spamcookie) is Cookie.MarshalCookie:
            req.write("%s=%r\n" % (spamcookie.name, spamcookie.value))
        else:
            req.write("tampered\n")
    else:
        value = {"egg_count": 32, "color": "white"}
        Cookie.add_cookie(req, Cookie.MarshalCookie("spam", value, SECRET))
        req.write("set\n")
    return apache.OK
