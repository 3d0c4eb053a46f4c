"""Which path shows what."""

from django.contrib import admin
from django.urls import path

from entries.static_files import static_file
from entries.views import guestbook

urlpatterns = [
    path("", guestbook, name="guestbook"),
    path("admin/", admin.site.urls),
    path("static/<path:path>", static_file),
]
