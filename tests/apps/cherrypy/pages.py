"""A CherryPy application: dispatch, sessions, tools, streams, files, errors."""

import hashlib
from pathlib import Path

import cherrypy
from cherrypy.lib.static import serve_file

HERE = Path(__file__).resolve().parent


class Root:
    @cherrypy.expose
    def index(self, **fields):
        return f"fields {sorted(fields.items())}, url {cherrypy.url()}"

    @cherrypy.expose
    def default(self, *rest):
        raise cherrypy.HTTPError(404, f"no {'/'.join(rest)}")

    @cherrypy.expose
    @cherrypy.tools.sessions()
    def visits(self):
        cherrypy.session["visits"] = cherrypy.session.get("visits", 0) + 1
        return f"visit {cherrypy.session['visits']}"

    @cherrypy.expose
    @cherrypy.tools.json_in()
    @cherrypy.tools.json_out()
    def json(self):
        return {"got": cherrypy.request.json}

    @cherrypy.expose
    def pieces(self):
        cherrypy.response.headers["Content-Type"] = "text/plain"
        return (f"piece {number}\n" for number in range(10))

    pieces._cp_config = {"response.stream": True}

    @cherrypy.expose
    @cherrypy.tools.gzip()
    @cherrypy.tools.etags(autotags=True)
    def long(self):
        cherrypy.response.headers["Content-Type"] = "text/plain"
        return "a long line\n" * 1000

    @cherrypy.expose
    def file(self):
        return serve_file(str(HERE / "static" / "large.bin"), content_type="application/octet-stream")

    @cherrypy.expose
    def upload(self, note, file):
        return f"{note}, {file.filename}, {hashlib.sha256(file.file.read()).hexdigest()}"

    @cherrypy.expose
    def moved(self):
        raise cherrypy.HTTPRedirect("/?from=moved")

    @cherrypy.expose
    def fails(self):
        raise RuntimeError("a handler that fails")

    @cherrypy.expose
    def fails_half_way(self):
        """The error comes when the headers are ready: CherryPy calls `start_response` with exc_info."""

        def pieces():
            raise RuntimeError("in the first piece")
            yield b""

        return pieces()

    fails_half_way._cp_config = {"response.stream": True}


cherrypy.config.update({"environment": "embedded", "log.screen": False, "request.show_tracebacks": False})
application = cherrypy.tree.mount(Root(), "")
