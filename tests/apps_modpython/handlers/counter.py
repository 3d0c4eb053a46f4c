"""The hit counter of the manual."""

from mod_python import Session, apache


def handler(req):
    session = Session.Session(req)
    if req.path_info == "/end" or req.uri.endswith("/end"):
        session.invalidate()
    try:
        session["hits"] += 1
    except KeyError:
        session["hits"] = 1
    session.save()
    req.content_type = "text/plain"
    req.write("Hits: %d\n" % session["hits"])
    return apache.OK
