"""The sample application of the HOWTO "Use Python in the web" over Millau, as over wsgiref."""

from __future__ import annotations

import os
import re
from html import unescape

from comparison import AnswersAsReference
from visitor import Step

# What the gateway's own place and the process determine (wsgiref also passes its process environment on).
REQUEST_VARIABLES = (
    "AUTH_TYPE|CONTENT_LENGTH|CONTENT_TYPE|HTTP_\\w+|PATH_INFO|QUERY_STRING|REMOTE_ADDR|REMOTE_USER|REQUEST_METHOD|SCRIPT_NAME"
    "|SERVER_PROTOCOL|wsgi\\.(?:version|url_scheme|run_once|multiprocess)"
)


class TestSample(AnswersAsReference):
    """The table of the environment, reduced to the variables that the request determines."""

    app = "howto"
    target = "sample:app"
    masks = [(rf"<tr><th>(?!(?:{REQUEST_VARIABLES})</th>).*?</td></tr>\n", "")]
    flows = {
        "sample": [
            Step("GET", "/", contains="<h1>FastCGI Environment</h1><table>"),
            Step("GET", "/a%20b/%C3%A9/c;d?x=1%26&y=%20", contains="<td>/a b/\xc3\xa9/c;d</td>"),
            Step("GET", "/", fields=[("X-Forwarded-Proto", "https"), ("Accept", "text/html;q=0.5, */*")]),
            Step("GET", "/", fields=[("X-Twice", "one"), ("X-Twice", "two")], contains="<td>one, two</td>"),
            Step("HEAD", "/"),
            Step("POST", "/form", fields=[("Content-Type", "text/plain")], body=b"unread", contains="CONTENT_LENGTH"),
            Step("PURGE", "/any/method", contains="<td>PURGE</td>", not_validated="the validator warns of new methods"),
            Step("GET", "/", version="1.0"),
        ]
    }

    def test_environment_is_not_leaked(self, servers):
        """The table holds the request's variables and nothing of the process environment (wsgiref's does)."""
        answer = servers["millau"].answer(type(self), "sample", 0)
        table = dict(re.findall(r"<tr><th>(.*?)</th><td>(.*?)</td></tr>\n", answer.response.text, re.S))
        leaked = {k for k in os.environ if unescape(table.get(k, "\0")) == os.environ[k]}
        assert not leaked - {"SERVER_NAME"}, leaked
        assert table["wsgi.multithread"] == "True"
        assert table["wsgi.run_once"] == "False"
        assert table["wsgi.input_terminated"] == "True"
        assert table["GATEWAY_INTERFACE"] == "CGI/1.1"


class TestLateStartResponse(AnswersAsReference):
    """Status and fields arrive intact although they are known only after the first step."""

    app = "howto"
    target = "sample:late"
    flows = {
        "late": [
            Step("GET", "/", 418, "a body in two pieces"),
            Step("HEAD", "/", 418),
            Step("GET", "/", 418, "a body in two pieces", version="1.0"),
            Step("GET", "/empty-pieces", 404, "nothing here"),
            Step("GET", "/no-body"),
            Step("GET", "/replaced", 503, "replaced"),
            Step("GET", "/raises-first", 500, engine_answers=True),
            Step("GET", "/raises-half-way", 200, "a beginning", breaks=True),
            Step("GET", "/", 418, "a body in two pieces", name="after failures"),
        ]
    }
