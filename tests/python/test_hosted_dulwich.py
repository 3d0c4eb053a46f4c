"""Git over smart HTTP, served by dulwich, over Millau, as over wsgiref; and a clone and a push by clients."""

from __future__ import annotations

from pathlib import Path

import pytest
from comparison import AnswersAsReference
from dulwich import porcelain
from dulwich.repo import Repo
from visitor import Step, bytes_of

AUTHOR = b"A U Thor <author@test.example>"


def packet(line: bytes) -> bytes:
    return b"%04x%s" % (len(line) + 4, line)


def want(visitor) -> bytes:
    """Ask for all that the branch has, as a client without anything does."""
    head = visitor.find(r"([0-9a-f]{40}) refs/heads/main")
    return packet(b"want %s side-band-64k thin-pack ofs-delta\n" % head.encode()) + b"0000" + packet(b"done\n")


class TestDulwich(AnswersAsReference):
    app = "dulwich"
    target = "repositories:application"
    volatile_fields = {"last-modified"}
    own_complaints = True  # an access log of its own

    @classmethod
    def prepare(cls, directory: Path) -> None:
        project = directory / "project"
        porcelain.init(str(project))
        repository = Repo(str(project))
        repository.refs.set_symbolic_ref(b"HEAD", b"refs/heads/main")
        for number in range(3):
            (project / "large.bin").write_bytes(bytes_of(200_000 * (number + 1)))
            porcelain.add(repository, [str(project / "large.bin")])
            porcelain.commit(
                repository,
                message=b"Change %d" % number,
                author=AUTHOR,
                committer=AUTHOR,
                commit_timestamp=1_000_000_000 + number,
                commit_timezone=0,
                author_timestamp=1_000_000_000 + number,
                author_timezone=0,
            )
        repository.close()

    flows = {
        "smart": [
            Step("GET", "/project/info/refs?service=git-upload-pack", contains="refs/heads/main"),
            Step(
                "POST",
                "/project/git-upload-pack",
                fields=[("Content-Type", "application/x-git-upload-pack-request")],
                body=want,
                contains="PACK",
                body_varies=True,  # the objects of a pack have no fixed order
            ),
            Step("GET", "/project/info/refs?service=git-none", 403),
        ],
        "smart, chunked": [
            Step("GET", "/project/info/refs?service=git-upload-pack", contains="refs/heads/main"),
            Step(
                "POST",
                "/project/git-upload-pack",
                fields=[("Content-Type", "application/x-git-upload-pack-request")],
                body=want,
                chunks=10,
                contains="PACK",
                body_varies=True,  # the objects of a pack have no fixed order
            ),
        ],
        "dumb": [
            Step("GET", "/project/HEAD", contains="ref: refs/heads/main"),
            Step("GET", "/project/info/refs", contains="refs/heads/main"),
            Step("GET", "/project/objects/info/packs"),
            Step("GET", "/project/none", 404),
        ],
    }

    @pytest.mark.parametrize("kind", ["millau", "validated"])
    def test_clone_and_push(self, servers, kind, tmp_path):
        """A client takes everything, adds to it, and gives it back (its push is chunked)."""
        url = f"http://127.0.0.1:{servers[kind].server.port}/project"
        clone = tmp_path / "clone"
        with porcelain.clone(url, str(clone)) as repository:
            assert (clone / "large.bin").read_bytes() == bytes_of(600_000)
            (clone / "more.bin").write_bytes(bytes_of(3_000_000))
            porcelain.add(repository, [str(clone / "more.bin")])
            pushed = porcelain.commit(repository, message=b"More", author=AUTHOR, committer=AUTHOR)
            porcelain.push(repository, url, "main:refs/heads/more")
        with Repo(str(servers[kind].directory / "project")) as served:
            assert served.refs[b"refs/heads/more"] == pushed
            assert served[pushed].message == b"More"
