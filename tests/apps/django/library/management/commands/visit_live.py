"""`manage.py visit_live URL`: what a LiveServerTestCase does, against a server that already runs.

The database is changed from this process and through the server in turn; each must see what the other did.
"""

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request

from django.core.management.base import BaseCommand

from library.models import Book


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("url")

    def handle(self, *, url, **options):
        agent = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

        Book.objects.create(title="made by the test")
        page = agent.open(f"{url}/books/").read().decode()
        self.say("seen through the server", "made by the test" in page)

        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
        form = urllib.parse.urlencode({"title": "made through the server: é", "csrfmiddlewaretoken": token}).encode()
        page = agent.open(f"{url}/books/", form).read().decode()
        self.say("message after the redirect", "Added." in page)
        self.say("in the database", Book.objects.filter(title="made through the server: é").count())

        try:
            agent.open(f"{url}/books/", b"title=forged")
        except urllib.error.HTTPError as error:
            self.say("without a token", error.code)
        self.say("forged", Book.objects.filter(title="forged").count())

        Book.objects.all().delete()
        page = agent.open(f"{url}/books/").read().decode()
        self.say("left after deleting", page.count("<li>"))

    def say(self, what, value):
        self.stdout.write(f"{what}: {value}")
