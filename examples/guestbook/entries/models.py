"""What a visitor leaves behind."""

from django.db import models


class Entry(models.Model):
    """One message in the guestbook."""

    name = models.CharField("your name", max_length=60)
    message = models.TextField(max_length=1000)
    created = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        """Newest first; the key decides between two of the same moment."""

        ordering = ["-created", "-pk"]
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        """Return who wrote it, for the admin."""
        return f"{self.name}, {self.created:%Y-%m-%d %H:%M}"
