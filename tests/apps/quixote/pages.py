"""A Quixote application: its publisher refuses to run where calls could overlap."""

from quixote import get_field, get_request, get_response, redirect
from quixote.directory import Directory
from quixote.errors import AccessError
from quixote.http_response import Stream
from quixote.publish import Publisher
from quixote.util import StaticFile
from quixote.wsgi import QWIP


class Root(Directory):
    _q_exports = ["", "hello", "pieces", "moved", "denied", "form", "fails", "file"]

    def __init__(self):
        self.file = StaticFile(__file__, mime_type="text/plain")

    def _q_index(self):
        return "<html><body>index</body></html>"

    def hello(self):
        get_response().set_content_type("text/plain")
        get_response().set_cookie("one", "1")
        return f"Hello {get_field('name')}"

    def pieces(self):
        get_response().set_content_type("text/plain")
        length = 80 if get_field("length") else None
        return Stream((b"piece %d\n" % number for number in range(10)), length)

    def moved(self):
        return redirect("/hello?name=moved")

    def denied(self):
        raise AccessError("not for you")

    def form(self):
        get_response().set_content_type("text/plain")
        return str(sorted(get_request().form.items()))

    def fails(self):
        raise RuntimeError("a handler that fails")


def create_publisher():
    return Publisher(Root(), display_exceptions="plain")


application = QWIP(create_publisher())
