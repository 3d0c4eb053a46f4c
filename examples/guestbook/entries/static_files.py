"""Static files from the applications that own them, without a collecting step and without DEBUG.

The answer is a FileResponse: the server gets the open file through `wsgi.file_wrapper` and can
hand it to the kernel.
"""

from pathlib import Path

from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.static import serve


def static_file(request: HttpRequest, path: str) -> HttpResponseBase:
    """Find `path` in the static folders of the installed applications and send it."""
    try:
        found = finders.find(path)
    except SuspiciousFileOperation:  # a path that climbs out of the static folders
        found = None
    if not isinstance(found, str):
        raise Http404("no such static file")
    file = Path(found)
    return serve(request, file.name, document_root=str(file.parent))
