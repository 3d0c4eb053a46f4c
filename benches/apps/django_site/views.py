"""The one page of the benchmark's Django site."""

from django.shortcuts import render

from django_site.models import Book


def books(request, author):
    found = Book.objects.filter(author=f"Author {author}")
    return render(request, "books.html", {"author": author, "books": found})
