"""What is published and what is not."""

import os

text = "a text"
number = 5
html_text = "<html>\n<body>markup</body></html>\n"
nothing = None
_hidden = "hidden"
mapping = {"key": "value"}


class Page:
    """A class is not published, an instance is."""

    title = "the title"
    _private = "private"

    def __init__(self, name):
        self.name = name

    def __str__(self):
        return "page %s" % self.name

    def method(self, req, value="none"):
        return "%s says %s" % (self.name, value)


class Called(Page):
    def __call__(self, req, value="none"):
        return "called with %s" % value


page = Page("one")
page.child = Page("two")
called = Called("three")
length = len


def function(left, right="right"):
    return "left=%s right=%s" % (left, right)


def everything(req, **fields):
    return " ".join("%s=%s" % (name, fields[name]) for name in sorted(fields))


def several(req, value):
    return repr(value)


def gives_a_callable(req):
    return function


def silent(req):
    req.content_type = "text/plain"
    req.write("written")


def plain_html(req):
    req.content_type = "text/plain"
    return html_text


def moved(req):
    from mod_python import util

    util.redirect(req, "/elsewhere?a=1&b=2")


def moved_for_good(req):
    from mod_python import util

    util.redirect(req, "/elsewhere", 1, "gone there")


def refused(req):
    from mod_python import apache

    raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)


def created(req):
    from mod_python import apache

    req.status = apache.HTTP_CREATED
    req.headers_out["Location"] = "/new"
    return "made"


def location(req):
    from mod_python import apache

    req.headers_out["Location"] = "/there"
    req.headers_out["X-Lost"] = "1"
    req.err_headers_out["X-Kept"] = "1"
    raise apache.SERVER_RETURN(apache.HTTP_MOVED_TEMPORARILY)


def fails(req):
    return number / 0


def umlaut(req):
    return "ä€"


def uploaded(req, file):
    return "%s %d" % (file.filename, len(file.value))
