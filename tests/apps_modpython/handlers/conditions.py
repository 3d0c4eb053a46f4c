"""The conditions example of the manual."""

from mod_python import apache


def handler(req):
    req.content_type = "text/plain"
    req.headers_out["ETag"] = '"1130794f-3774-4584-a4ea-0ab19e684268"'
    req.headers_out["Expires"] = "Mon, 18 Apr 2005 17:30:00 GMT"
    req.update_mtime(1000000000)
    req.set_last_modified()
    status = req.meets_conditions()
    if status != apache.OK:
        return status
    req.write("expensive")
    return apache.OK
