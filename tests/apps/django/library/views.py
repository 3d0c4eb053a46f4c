"""The views: each takes a request or answers it in a way of its own."""

import csv
import hashlib
import io

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

from library.models import Book
from site1.settings import BASE_DIR


def books(request):
    """A list, and a form that adds to it (post, redirect, get, with a message)."""
    if request.method == "POST":
        Book.objects.create(title=request.POST["title"])
        messages.success(request, "Added.")
        return redirect("/books/")
    return render(request, "books.html", {"books": Book.objects.order_by("id")})


@csrf_exempt
def upload(request):
    """What arrived of a form with files. Files over 2.5 MiB go through a temporary file."""
    files = {
        name: {
            "name": file.name,
            "type": file.content_type,
            "size": file.size,
            "kept": type(file).__name__,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest()
            if hasattr(hashlib, "file_digest")
            else hashlib.sha256(file.read()).hexdigest(),
        }
        for name, file in request.FILES.items()
    }
    return JsonResponse({"fields": request.POST.dict(), "files": files})


@csrf_exempt
def echo(request):
    """The whole body, as it is."""
    return HttpResponse(request.body, content_type=request.headers.get("Content-Type", "application/octet-stream"))


@csrf_exempt
def read_in_pieces(request):
    """The body through the file interface of the request."""
    lines = [request.readline(), request.readline()]
    pieces = iter(lambda: request.read(1000), b"")
    digest = hashlib.sha256(b"".join(pieces)).hexdigest()
    return JsonResponse({"lines": [line.decode() for line in lines], "rest": digest, "after": request.read().decode()})


def stream(request):
    """Pieces, some of them empty, of unknown number."""
    return StreamingHttpResponse((b"piece %d\n" % i if i % 3 else b"" for i in range(100)), content_type="text/plain")


def stream_fails(request):
    def pieces():
        yield b"a beginning"
        raise RuntimeError("half-way")

    return StreamingHttpResponse(pieces(), content_type="text/plain")


def stream_of_csv(request):
    """Django's own example of a streaming response: a large CSV file."""

    class Echo:
        def write(self, value):
            return value

    writer = csv.writer(Echo())
    return StreamingHttpResponse(
        (writer.writerow([f"Row {i}", str(i)]) for i in range(5000)),
        content_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="rows.csv"'},
    )


def file(request):
    """A file on disk; over WSGI this goes through wsgi.file_wrapper."""
    return FileResponse(open(BASE_DIR / "large.bin", "rb"), as_attachment=True, filename="größe.bin")


def rest_of_file(request):
    """A file that was read before: the response begins where it stands."""
    opened = open(BASE_DIR / "large.bin", "rb")
    opened.seek(1_000_000)
    return FileResponse(opened, content_type="application/octet-stream")


def file_in_memory(request):
    """A file without a descriptor."""
    return FileResponse(io.BytesIO(b"in memory\n" * 1000), filename="memory.txt")


def cookies(request):
    response = HttpResponse("cookies")
    response.set_cookie("plain", "1")
    response.set_cookie("quoted", 'a "b"; c', httponly=True, samesite="Lax")
    response.set_cookie("scoped", "x", path="/cookies", max_age=60)
    response.delete_cookie("old")
    return response


def visits(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(f"visit {request.session['visits']}")


def redirect_to_books(request):
    return redirect("/books/?from=ä&x=1")


def nothing(request):
    return HttpResponse(status=204)


def reason(request):
    return HttpResponse("ok", status=299, reason="Fine, Thank You")


def fails(request):
    raise RuntimeError("a view that fails")


def forbidden(request):
    raise PermissionDenied


def long_page(request):
    """Long enough to be compressed, and with an ETag made of it."""
    return HttpResponse("a long page\n" * 500, content_type="text/plain")


@require_GET
def say(request, what):
    """How the address arrives."""
    return JsonResponse(
        {
            "what": what,
            "path": request.path,
            "path_info": request.path_info,
            "query": request.META["QUERY_STRING"],
            "get": dict(request.GET.lists()),
            "absolute": request.build_absolute_uri(),
            "headers": dict(request.headers.items()),
            "secure": request.is_secure(),
        }
    )
