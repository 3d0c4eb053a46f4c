"""The key that signs sessions: from the environment, or made at the first start and kept in a file."""

import os
import tempfile
from pathlib import Path

from django.core.management.utils import get_random_secret_key


def secret_key(file: Path) -> str:
    """Return the key from GUESTBOOK_SECRET_KEY or from `file`, which is made if it is not there."""
    if key := os.environ.get("GUESTBOOK_SECRET_KEY"):
        return key
    if not file.exists():
        _create(file)
    return file.read_text().strip()


def _create(file: Path) -> None:
    # Another process may start at the same moment: link() puts a complete file in place or fails,
    # so that all of them read the same key.
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=file.parent)  # readable by its owner alone
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(get_random_secret_key() + "\n")
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
    finally:
        os.unlink(draft)
