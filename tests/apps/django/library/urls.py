"""One address for each way in which a Django view can take a request or give an answer."""

from django.urls import path, re_path

from library import views

urlpatterns = [
    path("books/", views.books),
    path("upload", views.upload),
    path("echo", views.echo),
    path("pieces", views.read_in_pieces),
    path("stream", views.stream),
    path("stream/fails", views.stream_fails),
    path("stream/lines", views.stream_of_csv),
    path("file", views.file),
    path("file/tail", views.rest_of_file),
    path("file/memory", views.file_in_memory),
    path("cookies", views.cookies),
    path("visits", views.visits),
    path("redirect", views.redirect_to_books),
    path("nothing", views.nothing),
    path("reason", views.reason),
    path("fails", views.fails),
    path("forbidden", views.forbidden),
    path("long", views.long_page),
    re_path(r"^say/(?P<what>.*)$", views.say),
]
