"""``mod_python.Session``: a dictionary per visitor, kept from request to request.

DbmSession, FileSession and MemorySession are one and the same here: a file per session, with a lock across threads and
processes. What differed between them (which needs one process, which loses everything at a restart) is gone.
"""

from __future__ import annotations

import random
import secrets
import time
import traceback
from typing import TYPE_CHECKING, Any

from millau.mod_python import Cookie
from millau.mod_python import _constants as c
from millau.mod_python._store import SESSION_ID, Lock, Store, expired

if TYPE_CHECKING:
    from millau.mod_python._request import Request
    from millau.mod_python._table import table

COOKIE_NAME = "pysid"
DFT_TIMEOUT = 30 * 60
DFT_LOCK = True
CLEANUP_CHANCE = 1000
"""Once in so many sessions, expired ones are removed."""
CLEANUP_LIMIT = 2.0
"""Seconds that removing them may take at a time."""


def _option(options: table, *names: str) -> str | None:
    for name in names:
        value = options.first(name)
        if value is not None:
            return value
    return None


class BaseSession(dict[Any, Any]):
    """A session: a dict that is loaded when it is made and written by ``save()``."""

    def __init__(
        self,
        req: Request,
        sid: str | None = None,
        secret: str | bytes | None = None,
        lock: int = 1,
        timeout: int = 0,
    ) -> None:
        super().__init__()
        self._req = req
        self._secret = secret
        self._lock = lock
        self._held: Lock | None = None
        self._new = True
        self._invalid = False
        self._created = 0.0
        self._accessed = 0.0
        self._timeout = timeout or DFT_TIMEOUT
        options = req.get_options()
        self._cookie_name = _option(options, "mod_python.session.cookie_name", "session_cookie_name") or COOKIE_NAME
        self._store = Store(
            _option(
                options,
                "mod_python.session.database_directory",
                "mod_python.file_session.database_directory",
                "mod_python.dbm_session.database_directory",
                "session_directory",
            )
        )
        if sid and not SESSION_ID.fullmatch(sid):
            raise ValueError(f"'{sid}' is not a session id")
        self._sid = sid or self._sid_of_cookie() or ""
        self.init_lock()
        if self._sid:
            self.lock()
            self._new = not self.load()
        if self._new:
            self.unlock()
            # Never an id that a client made up: somebody else may know it (session fixation).
            self._sid = secrets.token_hex(16)
            self.lock()
            self._created = time.time()
            Cookie.add_cookie(req, self.make_cookie())
        self._accessed = time.time()
        if random.randrange(CLEANUP_CHANCE) == 0:
            self.cleanup()

    def _sid_of_cookie(self) -> str | None:
        if self._secret:
            cookie = Cookie.get_cookie(
                self._req, self._cookie_name, Cookie.SignedCookie, secret=self._secret, mismatch=Cookie.Cookie.IGNORE
            )
        else:
            cookie = Cookie.get_cookie(self._req, self._cookie_name)
        return cookie.value if cookie and SESSION_ID.fullmatch(cookie.value) else None

    def make_cookie(self) -> Cookie.Cookie:
        """Give the cookie that brings the visitor back to this session."""
        options = self._req.get_options()
        # Scripts have no business with it, and another site's forms do not send it.
        attributes: dict[str, Any] = {
            "path": _option(options, "mod_python.session.application_path", "ApplicationPath")
            or self._req._target.prefix(self._req),
            "httponly": True,
            "samesite": "Lax",
        }
        domain = _option(options, "mod_python.session.application_domain")
        if domain:
            attributes["domain"] = domain
        if self._req.is_https():
            attributes["secure"] = True
        if self._secret:
            return Cookie.SignedCookie(self._cookie_name, self._sid, secret=self._secret, **attributes)
        return Cookie.Cookie(self._cookie_name, self._sid, **attributes)

    def load(self) -> bool:
        """Read the session; False if there is none, or it has expired."""
        try:
            record = self._store.load(self._sid)
        except Exception:
            self._req.log_error(f"the session {self._sid} cannot be read and is given up:\n{traceback.format_exc()}")
            return False
        if record is None or expired(record):
            return False
        self._created, self._accessed, self._timeout = record["_created"], record["_accessed"], record["_timeout"]
        self.update(record["_data"])
        return True

    def save(self) -> None:
        """Write the session, unless it was invalidated."""
        if not self._invalid:
            self._store.save(
                self._sid,
                {
                    "_data": dict(self),
                    "_created": self._created,
                    "_accessed": self._accessed,
                    "_timeout": self._timeout,
                },
            )

    def delete(self) -> None:
        """Remove the session from the store and forget what it holds."""
        self._store.delete(self._sid)
        self.clear()

    def invalidate(self) -> None:
        """Remove the session and tell the client to forget its cookie."""
        cookie = self.make_cookie()
        cookie.expires = 0
        Cookie.add_cookie(self._req, cookie)
        self.delete()
        self._invalid = True

    def init_lock(self) -> None:
        """Do nothing: for subclasses that lock in another way."""

    def lock(self) -> None:
        """Wait until no other request has this session. It is unlocked at the end of the request."""
        if self._lock and self._held is None:
            self._held = self._store.lock(self._sid)
            self._req.register_cleanup(lambda session: session.unlock(), self)

    def unlock(self) -> None:
        """Let other requests have this session."""
        if self._held:
            self._held.release()
            self._held = None

    def is_new(self) -> bool:
        """Say whether the session began with this request."""
        return self._new

    def id(self) -> str:
        """Give the session's id."""
        return self._sid

    def created(self) -> float:
        """Say when the session began."""
        return self._created

    def last_accessed(self) -> float:
        """Say when the session was used last."""
        return self._accessed

    def timeout(self) -> int:
        """Say after how many seconds without use the session expires."""
        return self._timeout

    def set_timeout(self, secs: int) -> None:
        """Say after how many seconds without use the session expires."""
        self._timeout = secs

    def cleanup(self) -> None:
        """Remove expired sessions when the request is over."""
        self._req.register_cleanup(lambda _: self.do_cleanup())

    def do_cleanup(self) -> None:
        """Remove expired sessions now."""
        removed = self._store.clean(CLEANUP_LIMIT)
        self._req.log_error(f"sessions: {removed} expired ones were removed", c.APLOG_INFO)


class FileSession(BaseSession):
    """A session; the arguments about cleaning up are taken and have no effect."""

    def __init__(
        self,
        req: Request,
        sid: str | None = None,
        secret: str | bytes | None = None,
        timeout: int = 0,
        lock: int = 1,
        fast_cleanup: int = -1,
        verify_cleanup: int = -1,
    ) -> None:
        super().__init__(req, sid=sid, secret=secret, timeout=timeout, lock=lock)


class DbmSession(BaseSession):
    """A session; the arguments about the dbm file are taken and have no effect."""

    def __init__(
        self,
        req: Request,
        dbm: str | None = None,
        sid: str | None = None,
        secret: str | bytes | None = None,
        dbmtype: Any = None,
        timeout: int = 0,
        lock: int = 1,
    ) -> None:
        super().__init__(req, sid=sid, secret=secret, timeout=timeout, lock=lock)


class MemorySession(BaseSession):
    """A session; it is kept in a file like every other, so that all processes see it."""

    def __init__(
        self,
        req: Request,
        sid: str | None = None,
        secret: str | bytes | None = None,
        timeout: int = 0,
        lock: int = 1,
    ) -> None:
        super().__init__(req, sid=sid, secret=secret, timeout=timeout, lock=lock)


def Session(
    req: Request, sid: str | None = None, secret: str | bytes | None = None, timeout: int = 0, lock: int = 1
) -> BaseSession:
    """Give the visitor's session, a new one if there is none."""
    return FileSession(req, sid=sid or None, secret=secret, timeout=timeout, lock=lock)
