"""From the path of a URL to a file below a directory, as Apache's directory walk does it."""

from __future__ import annotations

import os
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
            if os.path.isdir(here):
                continue
            rest = segments[index + 1 :]
            path_info = "".join("/" + part for part in rest)
            self.check(here if os.path.exists(here) else os.path.dirname(here))
            return Place(here, path_info + "/" if ends_with_slash else path_info)
        self.check(here)
        return Place(here + "/", "", (bool(segments) and not ends_with_slash) or not path)

    def check(self, path: str) -> None:
        """Raise `OutOfBounds` if the file, links followed, is not below the directory."""
        real = os.path.realpath(path)
        if real != self.root and not real.startswith(self.root.rstrip("/") + "/"):
            raise OutOfBounds("the path leads out of the directory")
