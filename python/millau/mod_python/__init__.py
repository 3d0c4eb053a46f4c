"""mod_python's interface for applications, over WSGI: what ``from mod_python import apache`` finds under Millau.

The modules whose names begin with an underscore are Millau's own; the others are those of mod_python's manual.
"""

__all__ = ["Cookie", "Session", "apache", "psp", "publisher", "util"]

version = "3.5"
"""The version of mod_python whose manual this follows."""
