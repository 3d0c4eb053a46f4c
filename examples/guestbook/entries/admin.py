"""The guestbook in Django's admin."""

from django.contrib import admin

from .models import Entry


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin):
    """Entries can be searched, and sorted by their date."""

    list_display = ["name", "message", "created"]
    search_fields = ["name", "message"]
    date_hierarchy = "created"
