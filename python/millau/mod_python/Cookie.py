"""``mod_python.Cookie``: one cookie, plain, signed, or signed with a value that is more than a text.

Signatures are HMAC-SHA-256. A `MarshalCookie` holds a Python literal and is read as one: ``marshal``, whose reader is not
safe against made-up data, is not used, so that a secret that leaks does not become a way to run code.
"""

from __future__ import annotations

import ast
import base64
import binascii
import hashlib
import hmac
import re
import time
from calendar import timegm
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from millau.mod_python._request import Request

_DATE = "%a, %d-%b-%Y %H:%M:%S GMT"
_ATTRIBUTES = (
    "version",
    "path",
    "domain",
    "secure",
    "comment",
    "expires",
    "max_age",
    "samesite",
    "commentURL",
    "discard",
    "port",
    "httponly",
)
_BY_LOWER_CASE = {name.lower(): name for name in _ATTRIBUTES}
_FLAGS = ("secure", "discard", "httponly")
# What cookies are sent as; max_age alone was never understood by a browser.
_AS_SENT = {"max_age": "Max-Age"}
_SIGNATURE = hashlib.sha256().digest_size * 2
# Netscape's cookies may hold almost anything, but what ends a field or an attribute changes what the header says.
_BREAKS_OUT = re.compile(r"[\x00-\x1f\x7f;]")


class CookieError(Exception):
    """A cookie cannot be made, or its signature is wrong."""


class Cookie:
    """A cookie: ``Cookie(name, value, **attributes)``; as a text it is the value of a Set-Cookie field."""

    DOWNGRADE = 0
    IGNORE = 1
    EXCEPTION = 3

    _valid_attr: ClassVar[tuple[str, ...]] = _ATTRIBUTES

    def __init__(self, name: str, value: Any, **kw: Any) -> None:
        self.name = name
        self.value = value
        self.__data__: dict[str, Any] = {}
        for key, given in kw.items():
            setattr(self, _BY_LOWER_CASE.get(key.lower(), key), given)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("name", "value", "__data__", *_ATTRIBUTES):
            raise AttributeError(f"a cookie has no attribute '{name}'; it has {', '.join(_ATTRIBUTES)}")
        if name == "expires":
            value = _expires(value)
        object.__setattr__(self, name, value)

    @classmethod
    def parse(cls, text: str, names: Iterable[str] | None = None) -> dict[str, Any]:
        """Read the value of a Cookie field into cookies by name."""
        return _parse(text, cls, names)

    def _sent_value(self) -> str:
        return str(self.value)

    def __str__(self) -> str:
        return self._text(self._sent_value())

    def _text(self, value: str) -> str:
        parts = [f"{self.name}={value}"]
        for name in _ATTRIBUTES:
            if name not in self.__dict__:
                continue
            if name not in _FLAGS:
                parts.append(f"{_AS_SENT.get(name, name)}={self.__dict__[name]}")
            elif self.__dict__[name]:
                parts.append(name)
        for part in parts:
            if _BREAKS_OUT.search(part):
                raise CookieError(f"the cookie '{self.name}' holds a character that would end it: {part!r}")
        return "; ".join(parts)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name}>"


class SignedCookie(Cookie):
    """A cookie that cannot be changed without the secret. Anybody can read it."""

    def __init__(self, name: str, value: Any, secret: str | bytes | None = None, **kw: Any) -> None:
        super().__init__(name, value, **kw)
        self.__data__["secret"] = secret

    @classmethod
    def parse(  # type: ignore[override]
        cls, text: str, secret: str | bytes, mismatch: int = Cookie.DOWNGRADE, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """Read the value of a Cookie field; what is not signed becomes a plain `Cookie`, is left out, or raises."""
        cookies = _parse(text, cls, names)
        for name, cookie in list(cookies.items()):
            sent = cookie.value
            try:
                cookie.unsign(secret)
            except CookieError:
                if mismatch == Cookie.EXCEPTION:
                    raise
                if mismatch == Cookie.IGNORE:
                    del cookies[name]
                else:
                    cookies[name] = Cookie(name, sent)
        return cookies

    def hexdigest(self, text: str) -> str:
        """Give the signature of a value under this cookie's name."""
        secret = self.__data__["secret"]
        if not secret:
            raise CookieError("cannot sign a cookie without a secret")
        key = secret.encode() if isinstance(secret, str) else secret
        return hmac.new(key, f"{self.name}={text}".encode("utf-8", "surrogateescape"), "sha256").hexdigest()

    def _sent_value(self) -> str:
        value = str(self.value)
        return self.hexdigest(value) + value

    def unsign(self, secret: str | bytes) -> None:
        """Check the signature of a value that came, and take it off."""
        self.__data__["secret"] = secret
        signature, value = self.value[:_SIGNATURE], self.value[_SIGNATURE:]
        expected = self.hexdigest(value)
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogateescape")):
            raise CookieError(f"the cookie '{self.name}' is not signed, or not with this secret")
        self.value = value


class MarshalCookie(SignedCookie):
    """A signed cookie with any value that is written as a literal: numbers, texts, bytes, tuples, lists, dicts, sets."""

    def _sent_value(self) -> str:
        text = repr(self.value)
        try:
            same = ast.literal_eval(text) == self.value
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            same = False
        if not same:
            raise CookieError(f"the value of the cookie '{self.name}' is not made of plain Python values")
        value = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
        return self.hexdigest(value) + value

    def unsign(self, secret: str | bytes) -> None:
        """Check the signature of a value that came, and read it."""
        super().unsign(secret)
        try:
            text = base64.b64decode(self.value, validate=True).decode("utf-8", "surrogatepass")
            self.value = ast.literal_eval(text)
        except (binascii.Error, ValueError, SyntaxError, MemoryError, RecursionError) as error:
            raise CookieError(f"the value of the cookie '{self.name}' cannot be read") from error

    unmarshal = unsign


def _expires(value: str | float) -> str:
    if not isinstance(value, str):
        return time.strftime(_DATE, time.gmtime(value))
    try:
        timegm(time.strptime(value, _DATE))
    except ValueError:
        raise ValueError(f"'{value}' is no time of the form 'Wdy, DD-Mon-YYYY HH:MM:SS GMT'") from None
    return value


_PAIR = re.compile(
    r"""
    [,\ ]*                               # what stands between cookies
    (?P<name>[^;\ =]+) \ *
    (?: =\ * (?P<value> "(?:[^\\"]|\\.)*" | [^;]* ) )?
    \s* ;?
    """,
    re.VERBOSE,
)


def _parse(text: str, kind: type[Cookie], names: Iterable[str] | None) -> dict[str, Any]:
    wanted = None if names is None else set(names)
    found: dict[str, Any] = {}
    for match in _PAIR.finditer(text):
        name = match["name"]
        # A name with a dollar is an attribute of RFC 2965.
        if not name.startswith("$") and (wanted is None or name in wanted):
            found[name] = kind(name, (match["value"] or "").strip())
    return found


def add_cookie(req: Request, cookie: Cookie | str, value: str = "", **kw: Any) -> None:
    """Set a cookie with the response, and tell caches not to keep it."""
    if not isinstance(cookie, Cookie):
        cookie = Cookie(cookie, value, **kw)
    text = str(cookie)
    if "Set-Cookie" not in req.headers_out:
        req.headers_out.add("Cache-Control", 'no-cache="set-cookie"')
    req.headers_out.add("Set-Cookie", text)


def get_cookies(req: Request, Class: type[Cookie] = Cookie, **kw: Any) -> dict[str, Any]:
    """Give the cookies of a request by name; the arguments go to ``Class.parse()``."""
    sent = req.headers_in.get("Cookie")
    if sent is None:
        return {}
    return Class.parse("; ".join(sent) if isinstance(sent, list) else sent, **kw)


def get_cookie(req: Request, name: str, Class: type[Cookie] = Cookie, **kw: Any) -> Any:
    """Give the cookie of that name, or None."""
    return get_cookies(req, Class, names=[name], **kw).get(name)
