"""The form at the top of the page."""

from django import forms

from .models import Entry


class EntryForm(forms.ModelForm):
    """A new entry."""

    class Meta:
        """The two fields that a visitor fills in."""

        model = Entry
        fields = ["name", "message"]
        widgets = {"message": forms.Textarea(attrs={"rows": 4})}
