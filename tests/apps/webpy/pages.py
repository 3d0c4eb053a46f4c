"""A web.py application: its body is an itertools.chain that ends with an empty piece."""

import web

urls = (
    "/hello/(.*)", "Hello",
    "/form", "Form",
    "/pieces", "Pieces",
    "/moved", "Moved",
    "/cookie", "Cookie",
    "/gone", "Gone",
    "/fails", "Fails",
)  # fmt: skip

# Debug mode keeps sessions and templates of its own and prints every error as a page.
web.config.debug = False


class Hello:
    def GET(self, name):
        web.header("Content-Type", "text/plain; charset=utf-8")
        return f"Hello {name}, {sorted(web.input().items())}"


class Form:
    def POST(self):
        web.header("Content-Type", "text/plain; charset=utf-8")
        return str(sorted(web.input(_method="post").items()))

    def PUT(self):
        web.header("Content-Type", "application/octet-stream")
        return web.data()


class Pieces:
    def GET(self):
        web.header("Content-Type", "text/plain")
        for number in range(5):
            yield f"piece {number}\n"


class Moved:
    def GET(self):
        raise web.seeother("/hello/moved")


class Cookie:
    def GET(self):
        web.header("Content-Type", "text/plain")
        web.setcookie("one", "1")
        web.setcookie("two", "2", 3600)
        return f"had {web.cookies().get('one')}"


class Gone:
    def GET(self):
        raise web.notfound("not here")


class Fails:
    def GET(self):
        raise RuntimeError("a handler that fails")


application = web.application(urls, globals()).wsgifunc()
