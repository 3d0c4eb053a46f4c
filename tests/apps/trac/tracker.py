"""A Trac project, and the basic authentication that Trac expects of its web server."""

import base64
import os
from pathlib import Path

from trac.web.main import dispatch_request

os.environ["TRAC_ENV"] = str(Path(__file__).resolve().parent / "project")


def application(environ, start_response):
    """Trac leaves authentication to the web server: /login answers only to somebody with REMOTE_USER."""
    scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme == "Basic" and base64.b64decode(credentials) == b"admin:sesame":
        environ["REMOTE_USER"] = "admin"
    return dispatch_request(environ, start_response)
