"""The guestbook site: settings, URLs and the WSGI callable."""
