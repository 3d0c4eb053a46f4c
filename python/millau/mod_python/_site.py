"""From the path of a URL to a file below a directory, as Apache's directory walk does it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """What a path leads to."""

    filename: str
    """The file, or the first name that does not exist; a directory ends with a slash."""
    path_info: str
    """What follows it; empty or beginning with a slash."""
    is_directory_without_slash: bool = False
    """The URL names a directory and does not end with a slash: relative links would go astray."""


class OutOfBounds(Exception):
    """The path names something hidden, or leads out of the directory."""


class Site:
    """A directory whose files have URLs."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)

    def walk(self, path: str) -> Place:
        """Find the file of a decoded URL path.

        Raises `OutOfBounds` for ``.`` and ``..``, names that begin with a dot, NUL, and links that lead out.
        """
        if "\0" in path:
            raise OutOfBounds("the path holds a NUL")
        ends_with_slash = path.endswith("/")
        segments = [segment for segment in path.split("/") if segment]
        if any(segment.startswith(".") for segment in segments):
            raise OutOfBounds("the path names a hidden file")
        here = self.root
        for index, segment in enumerate(segments):
            here = os.path.join(here, segment)
            mode = self._mode(here)
            if stat.S_ISDIR(mode):
                continue
            path_info = "".join("/" + part for part in segments[index + 1 :])
            return Place(here, path_info + "/" if ends_with_slash else path_info)
        return Place(here + "/", "", (bool(segments) and not ends_with_slash) or not path)

    def check(self, path: str) -> None:
        """Raise `OutOfBounds` if a file in a directory that was walked to is a link that leads out."""
        self._mode(path)

    def _mode(self, path: str) -> int:
        """Give the kind of a file, 0 if there is none; only where there are links it is asked where they lead."""
        try:
            mode = os.lstat(path).st_mode
            if not stat.S_ISLNK(mode):
                return mode
            real = os.path.realpath(path, strict=True)
            if real != self.root and not real.startswith(self.root.rstrip("/") + "/"):
                raise OutOfBounds("the path leads out of the directory")
            return os.stat(real).st_mode
        except OSError:
            return 0
