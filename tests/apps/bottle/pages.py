"""A Bottle application: routes, templates, files, uploads, streams."""

import hashlib
from pathlib import Path

from bottle import Bottle, HTTPResponse, abort, redirect, request, response, static_file, template

HERE = Path(__file__).resolve().parent

app = Bottle()


@app.route("/hello/<name>")
def hello(name):
    return template("<b>Hello {{name}}</b>!", name=name)


@app.route("/json")
def json():
    response.set_cookie("signed", "value", secret="not-a-secret-the-tests-know-it")
    response.set_cookie("plain", "1")
    return {"query": request.query.decode().dict, "url": request.url}


@app.route("/pieces")
def pieces():
    response.content_type = "text/plain"
    yield ""
    for number in range(5):
        yield f"piece {number}\n"


@app.route("/file/<name>")
def file(name):
    return static_file(name, root=HERE / "static", mimetype="application/octet-stream")


@app.post("/upload")
def upload():
    got = request.files.get("file")
    return {"note": request.forms.note, "name": got.raw_filename, "sha256": hashlib.sha256(got.file.read()).hexdigest()}


@app.route("/echo", method=["POST", "PUT"])
def echo():
    response.content_type = "application/octet-stream"
    return request.body.read()


@app.route("/nothing")
def nothing():
    return HTTPResponse(status=204)


@app.route("/status")
def status():
    response.status = "299 As You Like It"
    return "liked"


@app.route("/moved")
def moved():
    redirect("/hello/moved")


@app.route("/denied")
def denied():
    abort(403, "denied")


@app.route("/fails")
def fails():
    raise RuntimeError("a handler that fails")
