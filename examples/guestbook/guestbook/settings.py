"""Settings of the guestbook.

Everything that differs between machines comes from the environment:

GUESTBOOK_DATA        folder of the database and the secret key (default: data/ next to manage.py)
GUESTBOOK_SECRET_KEY  the key itself, instead of a file in that folder
GUESTBOOK_HOSTS       further host names that the site answers to, separated by commas
GUESTBOOK_DEBUG       1 for Django's own error pages
"""

import os
from pathlib import Path

from .secret_key import secret_key

PROJECT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("GUESTBOOK_DATA") or PROJECT / "data")
DATA.mkdir(parents=True, exist_ok=True)

SECRET_KEY = secret_key(DATA / "secret_key")
DEBUG = os.environ.get("GUESTBOOK_DEBUG") == "1"
ALLOWED_HOSTS = [
    "localhost",
    "127.0.0.1",
    "[::1]",
    *filter(None, os.environ.get("GUESTBOOK_HOSTS", "").split(",")),
]

INSTALLED_APPS = [
    "entries",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "guestbook.urls"
WSGI_APPLICATION = "guestbook.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA / "guestbook.sqlite3",
        "OPTIONS": {
            # Several threads and processes write: readers go on meanwhile, and a writer waits for
            # its turn from the start of its transaction instead of failing in the middle of it.
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "static/"
TIME_ZONE = "UTC"
USE_TZ = True

# Without DEBUG Django only mails its errors; the server's error log is the better place here.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
