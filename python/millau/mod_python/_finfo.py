"""mp_finfo: what is known of a file, by name and, as of old, by number."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from millau.mod_python import _constants as c

_TYPES = (
    (stat.S_ISREG, c.APR_REG),
    (stat.S_ISDIR, c.APR_DIR),
    (stat.S_ISCHR, c.APR_CHR),
    (stat.S_ISBLK, c.APR_BLK),
    (stat.S_ISFIFO, c.APR_PIPE),
    (stat.S_ISLNK, c.APR_LNK),
    (stat.S_ISSOCK, c.APR_SOCK),
)

_PLACES = (
    "protection",
    "inode",
    "device",
    "nlink",
    "user",
    "group",
    "size",
    "atime",
    "mtime",
    "ctime",
    "fname",
    "name",
    "filetype",
)


class FileInfo:
    """What ``req.finfo`` and ``apache.stat()`` give."""

    def __init__(self, path: str, follow: bool = True) -> None:
        self.fname = path
        self.name: str | None = None
        try:
            found = os.stat(path, follow_symlinks=follow)
        except (OSError, ValueError):
            self.valid = 0
            self.filetype = c.APR_NOFILE
            self.protection = self.inode = self.device = self.nlink = self.user = self.group = self.size = 0
            self.atime = self.mtime = self.ctime = 0
            return
        self.valid = c.APR_FINFO_NORM
        self.filetype = next((kind for test, kind in _TYPES if test(found.st_mode)), c.APR_UNKFILE)
        # APR counts the permissions in hexadecimal digits, not in octal ones.
        mode = found.st_mode
        self.protection = (mode >> 6 & 7) << 8 | (mode >> 3 & 7) << 4 | mode & 7
        self.inode = found.st_ino
        self.device = found.st_dev
        self.nlink = found.st_nlink
        self.user = found.st_uid
        self.group = found.st_gid
        self.size = found.st_size
        self.atime = int(found.st_atime)
        self.mtime = int(found.st_mtime)
        self.ctime = int(found.st_ctime)

    def __getitem__(self, place: int) -> int | str | None:
        value: int | str | None = getattr(self, _PLACES[place])
        return value

    def __len__(self) -> int:
        return len(_PLACES)

    def __iter__(self) -> Iterator[int | str | None]:
        return (self[place] for place in range(len(_PLACES)))
