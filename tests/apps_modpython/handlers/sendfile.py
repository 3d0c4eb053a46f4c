"""Files sent by a handler."""

import os

from mod_python import apache

FILE = os.path.join(os.path.dirname(__file__), "template.html")


def handler(req):
    req.content_type = "text/plain"
    if req.args == "part":
        sent = req.sendfile(FILE, 2, 5)
        req.write(" sent %d" % sent)
    elif req.args == "between":
        req.write("before ", 0)
        req.sendfile(FILE, 0, 6)
        req.write(" after")
    elif req.args == "flushed":
        req.write("flushed ")
        req.sendfile(FILE, 0, 6)
    elif req.args == "absent":
        try:
            req.sendfile(FILE + ".absent")
        except IOError:
            req.write("IOError")
    else:
        req.sendfile(FILE)
    return apache.OK
