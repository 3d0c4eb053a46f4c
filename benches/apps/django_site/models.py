"""The one table of the benchmark's Django site."""

from django.db import models


class Book(models.Model):
    """A row of the page."""

    title = models.CharField(max_length=100)
    author = models.CharField(max_length=100, db_index=True)
    year = models.IntegerField()
