"""TurboGears2 in its minimal mode: object dispatch, JSON, redirects, uploads, streamed bodies."""

import hashlib
from pathlib import Path

from tg import MinimalApplicationConfigurator, TGController, abort, expose, redirect, request, response

HERE = Path(__file__).resolve().parent


class Letters(TGController):
    @expose("json")
    def _default(self, *rest, **fields):
        return {"rest": rest, "fields": fields}


class Root(TGController):
    letters = Letters()

    @expose("json")
    def index(self, **fields):
        return {
            "hello": "TurboGears",
            "fields": fields,
            "url": request.url,
            "environ is a dict": type(request.environ) is dict,
        }

    @expose(content_type="text/plain")
    def plain(self):
        return "plain text, ü"

    @expose()
    def moved(self):
        redirect("/plain", params={"from": "moved"})

    @expose()
    def missing(self):
        abort(404, "not here")

    @expose()
    def fails(self):
        raise RuntimeError("a controller that fails")

    @expose("json")
    def upload(self, note, file):
        return {"note": note, "name": file.filename, "sha256": hashlib.sha256(file.file.read()).hexdigest()}

    @expose(content_type="application/octet-stream")
    def echo(self):
        return request.body

    @expose(content_type="text/plain")
    def pieces(self):
        return (b"piece %d\n" % i if i % 2 else b"" for i in range(20))

    @expose()
    def cookie(self):
        response.set_cookie("one", "1")
        response.headers["X-One"] = "1"
        response.status = "202 Later"
        return "a cookie"


configurator = MinimalApplicationConfigurator()
configurator.update_blueprint({"root_controller": Root(), "renderers": ["json"]})
application = configurator.make_wsgi_app()
