"""A Falcon application: resources, media, streams, static files, errors."""

import hashlib
import io
from pathlib import Path

import falcon

HERE = Path(__file__).resolve().parent


class Thing:
    def on_get(self, req, resp, name):
        resp.media = {"name": name, "params": req.params, "uri": req.uri}
        resp.set_cookie("seen", name, secure=False)
        resp.append_header("X-Two", "1")
        resp.append_header("X-Two", "2")

    def on_put(self, req, resp, name):
        resp.status = falcon.HTTP_201
        resp.media = {"name": name, "media": req.get_media()}

    def on_delete(self, req, resp, name):
        resp.status = falcon.HTTP_204

    def on_patch(self, req, resp, name):
        raise falcon.HTTPConflict(title="no", description="always in conflict")


class Body:
    def on_post(self, req, resp):
        resp.content_type = falcon.MEDIA_TEXT
        resp.data = req.bounded_stream.read()


class Digest:
    def on_post(self, req, resp):
        digest = hashlib.sha256()
        while piece := req.bounded_stream.read(10_000):
            digest.update(piece)
        resp.text = digest.hexdigest()


class Stream:
    def on_get(self, req, resp):
        resp.content_type = falcon.MEDIA_TEXT
        if req.get_param("kind") == "file":  # goes through wsgi.file_wrapper
            path = HERE / "static" / "large.bin"
            resp.set_stream(path.open("rb"), path.stat().st_size)
        elif req.get_param("kind") == "memory":
            resp.set_stream(io.BytesIO(b"in memory\n" * 1000), 10_000)
        else:
            resp.stream = (b"piece %d\n" % i if i % 2 else b"" for i in range(20))


class Form:
    def on_post(self, req, resp):
        parts = []
        for part in req.get_media():
            parts.append([part.name, part.filename, hashlib.sha256(part.stream.read()).hexdigest()])
        resp.media = parts


class Failing:
    def on_get(self, req, resp):
        raise RuntimeError("a resource that fails")


app = falcon.App()
app.add_route("/things/{name}", Thing())
app.add_route("/body", Body())
app.add_route("/digest", Digest())
app.add_route("/stream", Stream())
app.add_route("/form", Form())
app.add_route("/fails", Failing())
app.add_static_route("/static", str(HERE / "static"))
