"""How Django knows this application."""

from django.apps import AppConfig


class EntriesConfig(AppConfig):
    """The guestbook's entries."""

    name = "entries"
