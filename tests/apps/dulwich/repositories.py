"""Git repositories over smart HTTP, served by dulwich."""

from pathlib import Path

from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

HERE = Path(__file__).resolve().parent

application = make_wsgi_chain(DictBackend({"/project": Repo(str(HERE / "project"))}))
