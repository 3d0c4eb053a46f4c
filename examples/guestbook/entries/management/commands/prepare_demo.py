"""Fill an empty guestbook: sample entries, and an administrator with a password that everybody knows."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction

from entries.models import Entry

SAMPLES = [
    ("Ada", "I came for the view of the valley and stayed for the server log."),
    ("Grace", "Found a moth near the third pillar. Entered it here, as one should."),
    ("Michel", "Seven pillars, and not one of them in a hurry."),
    ("Norman", "Light as a butterfly, they said. It carries a good deal of traffic for a butterfly."),
    ("Barbara", "Please send the next group over in order; I have left them a queue."),
    ("Guido", "A very short walk from the request to Python."),
    ("Radia", "There is exactly one way across, and no loops. Very satisfying."),
    ("Edsger", "Crossed it once. No need to go to anything."),
    ("Donald", "The bridge is correct; I have only proved it, not driven over it."),
    ("Hedy", "Hopped over, never twice on the same lane."),
    ("Alan", "Could not decide whether the trip would ever end. It did, after 2.46 km."),
    ("Éloïse", "Un pont, enfin ! Les caractères accentués passent aussi. ✓"),
]


class Command(BaseCommand):
    """Safe to run again: what is there already is left as it is."""

    help = "Load the sample entries into an empty guestbook and create the user admin with the password admin."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say what was done."""
        if not Entry.objects.exists():
            for name, message in SAMPLES:
                Entry.objects.create(name=name, message=message)
            self.stdout.write(f"{len(SAMPLES)} sample entries loaded")
        users = get_user_model().objects
        if not users.filter(username="admin").exists():
            users.create_superuser("admin", email="admin@example.com", password="admin")
            self.stdout.write("user admin created")
