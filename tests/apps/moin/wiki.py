"""A MoinMoin 2 wiki; beside this file stands the wikiconfig.py that `moin create-instance` has written."""

from pathlib import Path

from moin.app import create_app

application = create_app(str(Path(__file__).resolve().with_name("wikiconfig.py")))
