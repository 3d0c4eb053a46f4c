"""Millau puts Python on the web: any web-server interface in front, any Python web application behind."""

from millau._engine import __version__

__all__ = ["__version__"]
