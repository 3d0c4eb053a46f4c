"""Makes the database of the benchmark's Django site: `BENCH_DATABASE=FILE python -m django_site.prepare`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_site.settings")
django.setup()

from django.db import connection  # noqa: E402 - the settings must be in place first

from django_site.models import Book  # noqa: E402


def main():
    """Creates the table and fills it with 1,800 rows, three for each of 600 authors."""
    with connection.schema_editor() as editor:
        editor.create_model(Book)
    Book.objects.bulk_create(
        Book(title=f"Book <{number}>", author=f"Author {number % 600}", year=1900 + number * 7 % 120)
        for number in range(1800)
    )


if __name__ == "__main__":
    main()
