"""The admin, the library, and static and uploaded files served by Django itself."""

from django.contrib import admin
from django.contrib.staticfiles.views import serve as serve_static
from django.urls import include, path, re_path
from django.views.static import serve as serve_file

from site1.settings import MEDIA_ROOT

urlpatterns = [
    path("admin/", admin.site.urls),
    re_path(r"^static/(?P<path>.*)$", serve_static, {"insecure": True}),
    re_path(r"^media/(?P<path>.*)$", serve_file, {"document_root": MEDIA_ROOT}),
    path("", include("library.urls")),
]
