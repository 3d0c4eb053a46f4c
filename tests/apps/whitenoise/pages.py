"""WhiteNoise in front of an application: static files, compressed variants, ranges, immutable files."""

import re
from pathlib import Path

from whitenoise import WhiteNoise

HERE = Path(__file__).resolve().parent


def behind(environ, start_response):
    body = b"behind WhiteNoise: " + environ["PATH_INFO"].encode("latin-1")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def immutable(path, url):
    return bool(re.search(r"\.[0-9a-f]{8}\.", url))


application = WhiteNoise(
    behind, root=str(HERE / "static"), prefix="static/", max_age=60, index_file=True, immutable_file_test=immutable
)

looking = WhiteNoise(behind, autorefresh=True)
looking.add_files(str(HERE / "static"), prefix="late/")
