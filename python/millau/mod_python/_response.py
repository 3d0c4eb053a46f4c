"""The head of a response, what conditions make of it, and the page of an error."""

from __future__ import annotations

import html
import time
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from millau.mod_python import _constants as c

if TYPE_CHECKING:
    from millau.mod_python._output import Head
    from millau.mod_python._request import Request

# Where the registered phrase is not what Apache says, clients may have been written for Apache's.
PHRASES = {302: "Found", 413: "Request Entity Too Large", 414: "Request-URI Too Long", 422: "Unprocessable Entity"}

EXPLANATIONS = {
    400: "The request cannot be understood.",
    401: "This page wants to know who asks for it, and what came with the request is not enough.",
    403: "This page is not shown to you.",
    404: "There is nothing at this address.",
    405: "This address does not answer requests of this method.",
    413: "The request is larger than what is accepted here.",
    500: "The page has failed.",
}


def status_line(status: int) -> str:
    """Give the status with its phrase."""
    try:
        phrase = PHRASES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return f"{status} {phrase}"


def head(req: Request, is_error: bool, length: int | None) -> Head:
    """Give the fields of a response: an error has those of ``err_headers_out`` alone."""
    pairs = list(req.err_headers_out.items())
    names = {name.lower() for name, _ in pairs}
    if not is_error:
        # A field of err_headers_out stands in for one of the same name, unless it is one that adds up.
        own = [
            pair for pair in req.headers_out.items() if pair[0].lower() not in names or pair[0].lower() == "set-cookie"
        ]
        pairs = own + pairs
    elif 300 <= req.status < 400 or req.status == c.HTTP_CREATED:
        location = req.headers_out.first("Location")
        if location and "location" not in names:
            pairs.append(("Location", location))
    if req._content_type_set or not any(name.lower() == "content-type" for name, _ in pairs):
        pairs = [pair for pair in pairs if pair[0].lower() != "content-type"]
        if req.content_type and req.status not in (204, 304):
            pairs.append(("Content-Type", req.content_type))
    names = {name.lower() for name, _ in pairs}
    if length is not None and "content-length" not in names and req.status not in (204, 304):
        pairs.append(("Content-Length", str(length)))
    if req.content_encoding and "content-encoding" not in names:
        pairs.append(("Content-Encoding", req.content_encoding))
    if req.no_cache and "expires" not in names:
        pairs.append(("Expires", formatdate(usegmt=True)))
    if req.status in (405, 501) and "allow" not in names and req.allowed_methods:
        pairs.append(("Allow", ", ".join(req.allowed_methods)))
    return pairs


def error_page(req: Request, status: int) -> bytes:
    """Write the page of an error, which tells nothing but what the status says."""
    line = status_line(status)
    phrase = line.partition(" ")[2]
    location = req.err_headers_out.first("Location") or req.headers_out.first("Location")
    if 300 <= status < 400 and location:
        text = f'The document has moved <a href="{html.escape(location)}">here</a>.'
    else:
        text = EXPLANATIONS.get(status, "The server did not carry out this request.")
    return (
        f"<!DOCTYPE html>\n<html><head>\n<title>{line}</title>\n</head><body>\n<h1>{phrase}</h1>\n<p>{text}</p>\n</body></html>\n"
    ).encode("ascii", "xmlcharrefreplace")


def _seconds(date: str | None) -> float | None:
    """Read a date of HTTP; one that cannot be read is as good as none."""
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except (TypeError, ValueError):
        return None


def _matches(field: str, tag: str | None, weak: bool) -> bool:
    tags = [part.strip() for part in field.split(",")]
    if weak:
        tags = [part.removeprefix("W/") for part in tags]
        tag = tag.removeprefix("W/") if tag else tag
    return "*" in tags or (tag is not None and tag in tags)


def meets_conditions(req: Request) -> int:
    """Judge the conditions of a request (RFC 9110 §13.2.2) by ``mtime`` and the ``ETag`` of the response."""
    tag = req.headers_out.first("ETag")
    modified = int(req.mtime) if req.mtime else None
    if_match = req.headers_in.first("If-Match")
    if if_match is not None:
        if not _matches(if_match, tag, weak=False):
            return c.HTTP_PRECONDITION_FAILED
    else:
        since = _seconds(req.headers_in.first("If-Unmodified-Since"))
        if since is not None and modified is not None and modified > since:
            return c.HTTP_PRECONDITION_FAILED
    may_be_cached = req.method in ("GET", "HEAD")
    if_none_match = req.headers_in.first("If-None-Match")
    if if_none_match is not None:
        if not _matches(if_none_match, tag, weak=may_be_cached):
            return c.OK
        if not may_be_cached:
            return c.HTTP_PRECONDITION_FAILED
        return c.OK if req.no_local_copy else c.HTTP_NOT_MODIFIED
    since = _seconds(req.headers_in.first("If-Modified-Since"))
    if may_be_cached and not req.no_local_copy and since is not None and modified is not None:
        return c.HTTP_NOT_MODIFIED if modified <= since <= time.time() else c.OK
    return c.OK
