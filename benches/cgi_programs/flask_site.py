#!{python}
from wsgiref.handlers import CGIHandler

from flask import Flask, jsonify

app = Flask(__name__)


@app.get("/")
def hello():
    return jsonify(message="Hello, world!")


CGIHandler().run(app)
