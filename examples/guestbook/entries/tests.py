"""The guestbook as its visitors see it, by Django's own test client: no server is needed."""

import os
import tempfile
from pathlib import Path
from unittest import mock
from wsgiref.util import FileWrapper, setup_testing_defaults

from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import SimpleTestCase, TestCase

from entries.models import Entry
from entries.views import ENTRIES_PER_PAGE
from guestbook.secret_key import secret_key
from guestbook.wsgi import application


class GuestbookPage(TestCase):
    """The page with the form and the entries."""

    def test_an_empty_book_says_so(self) -> None:
        self.assertContains(self.client.get("/"), "Be the first")

    def test_the_newest_entry_comes_first(self) -> None:
        for name in ["first", "second"]:
            Entry.objects.create(name=name, message="hello")
        names = [entry.name for entry in self.client.get("/").context["page"]]
        self.assertEqual(names, ["second", "first"])

    def test_long_books_have_pages(self) -> None:
        for number in range(ENTRIES_PER_PAGE + 1):
            Entry.objects.create(name=f"visitor {number}", message="hello")
        first, second = self.client.get("/"), self.client.get("/?page=2")
        self.assertEqual(len(first.context["page"]), ENTRIES_PER_PAGE)
        self.assertContains(first, 'rel="next" href="?page=2"')
        self.assertEqual([entry.name for entry in second.context["page"]], ["visitor 0"])
        self.assertContains(second, 'rel="prev" href="?page=1"')

    def test_an_entry_is_added_and_shown(self) -> None:
        response = self.client.post("/", {"name": "Zoë", "message": "Grüße ✓"}, follow=True)
        self.assertEqual(response.redirect_chain, [("/", 302)])
        self.assertContains(response, "Grüße ✓")
        self.assertContains(response, "Thank you")
        self.assertEqual(Entry.objects.get().name, "Zoë")

    def test_an_incomplete_entry_is_refused_and_kept_in_the_form(self) -> None:
        with self.assertLogs("django.request"):
            response = self.client.post("/", {"name": "", "message": "who am I"})
        self.assertContains(response, "This field is required", status_code=422)
        self.assertContains(response, "who am I</textarea>", status_code=422)
        self.assertFalse(Entry.objects.exists())

    def test_markup_in_an_entry_is_text(self) -> None:
        Entry.objects.create(name="<b>", message="<script>alert(1)</script>")
        response = self.client.get("/")
        self.assertNotContains(response, "<script>")
        self.assertContains(response, "&lt;script&gt;")

    def test_a_form_without_its_token_is_refused(self) -> None:
        client = self.client_class(enforce_csrf_checks=True)
        with self.assertLogs("django.security.csrf"):
            response = client.post("/", {"name": "a", "message": "b"})
        self.assertEqual(response.status_code, 403)
        self.assertFalse(Entry.objects.exists())


class Admin(TestCase):
    """Django's admin, after the demonstration has been prepared."""

    def test_the_demonstration_can_be_prepared_twice(self) -> None:
        for _ in range(2):
            call_command("prepare_demo", stdout=mock.Mock())
        self.assertEqual(Entry.objects.count(), 12)
        self.assertEqual(get_user_model().objects.count(), 1)

    def test_the_administrator_logs_in_and_sees_the_entries(self) -> None:
        call_command("prepare_demo", stdout=mock.Mock())
        login = {"username": "admin", "password": "admin", "next": "/admin/entries/entry/"}
        response = self.client.post("/admin/login/", login, follow=True)
        self.assertContains(response, "12 entries")


class StaticFiles(SimpleTestCase):
    """Files that belong to the applications."""

    def test_files_of_every_application_are_found(self) -> None:
        for path, content_type in [
            ("entries/guestbook.css", "text/css"),
            ("entries/bridge.svg", "image/svg+xml"),
            ("admin/css/base.css", "text/css"),
        ]:
            with self.subTest(path):
                response = self.client.get(f"/static/{path}")
                found = finders.find(path)
                assert isinstance(found, str)
                self.assertEqual(b"".join(response), Path(found).read_bytes())
                self.assertEqual(response["Content-Type"], content_type)

    def test_an_unchanged_file_is_not_sent_again(self) -> None:
        first = self.client.get("/static/entries/guestbook.css")
        first.close()
        again = self.client.get("/static/entries/guestbook.css", headers={"If-Modified-Since": first["Last-Modified"]})
        self.assertEqual(again.status_code, 304)

    def test_nothing_outside_the_static_folders_is_served(self) -> None:
        for path in ["nothing.css", "../models.py", "entries/../../models.py", "entries", "%2e%2e/models.py"]:
            with self.subTest(path), self.assertLogs("django.request", "WARNING") as log:
                response = self.client.get(f"/static/{path}")
                self.assertContains(response, "There is nothing at this address", status_code=404)
                self.assertEqual(len(log.records), 1)

    def test_the_open_file_is_handed_to_the_server(self) -> None:
        environ: dict[str, object] = {"wsgi.file_wrapper": FileWrapper}
        setup_testing_defaults(environ)
        environ |= {"HTTP_HOST": "localhost", "PATH_INFO": "/static/entries/guestbook.css"}
        body = application(environ, lambda status, headers: None)
        self.assertIsInstance(body, FileWrapper)
        body.close()


class SecretKey(SimpleTestCase):
    """The key that signs the sessions."""

    def test_the_key_is_made_once_and_only_its_owner_can_read_it(self) -> None:
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ):
            os.environ.pop("GUESTBOOK_SECRET_KEY", None)
            file = Path(folder, "deeper", "secret_key")
            key = secret_key(file)
            self.assertGreaterEqual(len(key), 50)
            self.assertEqual(secret_key(file), key)
            self.assertEqual(file.stat().st_mode & 0o777, 0o600)
            self.assertEqual(list(file.parent.iterdir()), [file])

    def test_the_environment_comes_first(self) -> None:
        with mock.patch.dict(os.environ, GUESTBOOK_SECRET_KEY="given"):
            self.assertEqual(secret_key(Path("/nonexistent/secret_key")), "given")
