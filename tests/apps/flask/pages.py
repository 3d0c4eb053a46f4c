"""A Flask application: templates, sessions, streams, files and uploads."""

import hashlib
import io
from pathlib import Path

from flask import (
    Flask,
    Response,
    abort,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    send_from_directory,
    session,
    stream_with_context,
    url_for,
)

HERE = Path(__file__).resolve().parent

app = Flask(__name__, root_path=str(HERE))
app.secret_key = "not-a-secret-the-tests-know-it"
# With a limit, Werkzeug reads the body in pieces; without one it calls `wsgi.input.read()`.
app.config["MAX_CONTENT_LENGTH"] = 16_000_000


@app.get("/")
def page():
    return render_template("page.html", title="Flask <here>", words=["one", "<two>", "drei & vier", "ü"])


@app.get("/item/<int:number>")
def item(number):
    return f"item {number} {request.args.get('q', '')}"


@app.get("/stream")
def stream():
    @stream_with_context
    def pieces():
        yield "from "
        yield request.args.get("name", "nobody")
        yield ""
        yield "!\n"

    return Response(pieces(), mimetype="text/plain")


@app.get("/stream/closed")
def closed():
    """How often the iterables of streams before were closed."""
    return jsonify(counted)


counted = {"made": 0, "closed": 0}


@app.get("/stream/counted")
def stream_counted():
    counted["made"] += 1
    response = Response((b"%d\n" % i for i in range(3)), mimetype="text/plain")

    @response.call_on_close
    def count():
        counted["closed"] += 1

    return response


@app.get("/visits")
def visits():
    session["visits"] = session.get("visits", 0) + 1
    flash("counted", "note")
    return f"visit {session['visits']}"


@app.get("/leave")
def leave():
    session.clear()
    return redirect(url_for("page"))


@app.get("/file")
def file():
    return send_file(HERE / "large.bin", as_attachment=True, download_name="large.bin", conditional=True)


@app.get("/files/<path:name>")
def files(name):
    return send_from_directory(HERE / "static", name)


@app.get("/memory")
def memory():
    return send_file(io.BytesIO(b"in memory\n" * 1000), mimetype="text/plain", download_name="memory.txt")


@app.post("/upload")
def upload():
    return jsonify(
        fields=request.form.to_dict(flat=False),
        files={
            key: [file.filename, file.mimetype, hashlib.sha256(file.read()).hexdigest()]
            for key, file in request.files.items()
        },
    )


@app.route("/echo", methods=["POST", "PUT"])
def echo():
    return Response(request.get_data(), mimetype=request.mimetype or "application/octet-stream")


@app.post("/json")
def json():
    return jsonify(got=request.get_json())


@app.post("/lines")
def lines():
    return jsonify([line.decode() for line in request.stream])


@app.get("/error/<int:status>")
def error(status):
    abort(status)


@app.get("/fails")
def fails():
    raise RuntimeError("a view that fails")


@app.get("/many")
def many():
    response = make_response("many fields")
    response.status = "203 As Told By Others"
    for i in range(50):
        response.headers.add("X-Many", f"value {i}")
        response.set_cookie(f"c{i}", str(i))
    response.headers["X-Long"] = "x" * 4000
    return response


@app.errorhandler(404)
def not_found(error):
    return jsonify(error="not found", path=request.path), 404


unlimited = Flask("unlimited")


@unlimited.post("/echo")
def unlimited_echo():
    return Response(request.get_data(), mimetype="application/octet-stream")


@unlimited.post("/form")
def unlimited_form():
    return jsonify(request.form.to_dict())
