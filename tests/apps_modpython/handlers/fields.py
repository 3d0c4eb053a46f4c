"""Shows the fields of a form; mod_python 3.5 on Python 3 has those of a body as bytes."""

from mod_python import apache, util


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def handler(req):
    req.content_type = "text/plain"
    form = util.FieldStorage(req, keep_blank_values=int(req.path_info == "/blank" or req.uri.endswith("/blank")))
    for field in form.list:
        req.write("%s=%s\n" % (text(field.name), text(field.value)))
    return apache.OK
