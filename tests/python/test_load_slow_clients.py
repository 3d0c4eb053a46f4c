"""Five hundred slow clients of each kind, and fast ones that must not notice.

The slow clients stand still: everything they do has been done before the fast ones begin, and they go on only when
the fast ones have all been answered. So nothing depends on how fast anything is.
"""

from __future__ import annotations

import contextlib
import resource
import select
import socket

import pytest
from client import Client, chunked, request_bytes
from server import APPS, Server

pytestmark = pytest.mark.load

COUNT = 500

PATIENT = [
    f"--{name}-timeout=300" for name in ("header", "body", "keep-alive", "send")
]  # the slow ones must stay for the whole test; what time limits do is tested elsewhere


@pytest.fixture(scope="module", autouse=True)
def descriptors():
    """Two sockets for every connection, one of them here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module", params=["threads", "one thread"])
def server(request):
    """Also with one thread only: no client may hold the one thread."""
    arguments = ["--threads", "1"] if request.param == "one thread" else []
    with Server("plain", *PATIENT, *arguments, cwd=APPS, check=False) as server:
        yield server


@contextlib.contextmanager
def slow_clients(server: Server):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(server.client()) for _ in range(COUNT)]


def assert_fast_ones_are_served(server: Server) -> None:
    """New connections, and one that is kept."""
    with server.client() as kept:
        for _ in range(200):
            assert server.get("/hello").body == b"hello"
            assert kept.request(target="/hello").body == b"hello"


def test_slow_heads(server):
    with slow_clients(server) as clients:
        head = request_bytes(target="/hello", fields=[("X-Slow", "x" * 50)])
        for i, client in enumerate(clients):
            client.send(head[: i % (len(head) - 1)])
        assert_fast_ones_are_served(server)
        for i, client in enumerate(clients):
            client.send(head[i % (len(head) - 1) :])
        for client in clients:
            assert client.response().body == b"hello"


@pytest.mark.parametrize("form", ["length", "chunked"])
def test_slow_bodies(server, form):
    body = b"x" * 1000
    fields = [("Content-Length", "1000")] if form == "length" else [("Transfer-Encoding", "chunked")]
    data = body if form == "length" else b"3e8\r\n" + body + b"\r\n0\r\n\r\n"
    with slow_clients(server) as clients:
        for i, client in enumerate(clients):
            client.send(request_bytes("POST", "/request", fields) + data[: i % 999])
        assert_fast_ones_are_served(server)
        for i, client in enumerate(clients):
            client.send(data[i % 999 :])
        for client in clients:
            assert b'"length": 1000' in client.response().body


def narrow_client(server: Server) -> Client:
    """A client whose socket takes little before it is read."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(30)
    sock.connect(("127.0.0.1", server.port))
    return Client(sock)


def widen(client: Client) -> Client:
    """Makes a narrow client read on at full width."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return client


@pytest.mark.parametrize("form", ["length", "chunked"])
def test_slow_readers(server, form):
    """Each asks for 200 kB and reads nothing. That is below --response-buffer, so no thread may wait for it."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(narrow_client(server)) for _ in range(COUNT)]
        for client in clients:
            client.send(request_bytes(target="/bytes_of_size?n=200000" + ("&length=1" if form == "length" else "")))
        assert_fast_ones_are_served(server)
        for client in clients:
            assert widen(client).response().body == b"x" * 200_000


@pytest.fixture(scope="module", params=["16", "1"])
def few_threads(request):
    """Fewer threads than slow clients, so that no thread may wait for each."""
    with Server("plain", *PATIENT, "--threads", request.param, cwd=APPS) as server:
        yield server


def test_slow_readers_of_large_responses(few_threads):
    """Beyond --response-buffer, and more readers than threads. Some of them may hold a thread, never all."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(narrow_client(few_threads)) for _ in range(100)]
        for client in clients:
            client.send(request_bytes(target="/bytes_of_size?n=3000000&length=1"))
        assert_fast_ones_are_served(few_threads)
        for client in clients:
            assert len(widen(client).response().body) == 3_000_000


@pytest.mark.parametrize("threads", ["16", "128"])
@pytest.mark.parametrize("size", [400 * 65536, 1 << 50], ids=["large", "endless"])
def test_silent_readers_of_more_than_the_spool_holds(size, threads, tmp_path):
    """All want the same, and more of it than there are threads and room on disk for: they may have all of the room, and some
    of the threads."""
    limit = 64 << 20
    arguments = [*PATIENT, "--threads", threads, f"--response-spool={limit}"]
    with (
        Server("plain", *arguments, cwd=APPS, env={"TMPDIR": str(tmp_path)}) as server,
        contextlib.ExitStack() as stack,
    ):
        clients = [stack.enter_context(narrow_client(server)) for _ in range(200)]
        for client in clients:
            client.send(request_bytes(target=f"/bytes_of_size?n={size}"))
        assert_fast_ones_are_served(server)
        server.wait_for_log("--response-spool")
        assert_fast_ones_are_served(server)
        assert limit // 2 < server.spooled(tmp_path) <= limit
        assert server.log().count("--response-spool") == 1
        readable, _, _ = select.select([client.sock for client in clients], [], [], 0)
        assert readable
        for client in [client for client in clients if client.sock in readable][:2]:
            response = widen(client).head()
            assert [client.chunk(response) for _ in range(5)] == [b"x" * 65536] * 5


def test_silent_readers_of_different_things(tmp_path):
    """Nothing tells beforehand that they will not read. When all threads are held, some of them are given up."""
    arguments = [*PATIENT, "--threads", "16", "--response-spool=64M"]
    with (
        Server("plain", *arguments, cwd=APPS, env={"TMPDIR": str(tmp_path)}) as server,
        contextlib.ExitStack() as stack,
    ):
        clients = [stack.enter_context(narrow_client(server)) for _ in range(40)]
        for number, client in enumerate(clients):
            client.send(request_bytes(target=f"/bytes_of_size/{number}?n={1 << 50}"))
        assert_fast_ones_are_served(server)


@pytest.mark.parametrize("threads", ["1", "8"])
def test_who_comes_behind_silent_readers_is_served_before_most_of_them_have_held_the_threads(threads):
    """Of requests that have come together nobody can say which of them will be a matter of waiting."""
    arguments = [*PATIENT, "--threads", threads, "--response-spool=0", "--crowded-send-timeout=500ms"]
    with Server("plain", *arguments, cwd=APPS) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(narrow_client(server)) for _ in range(101)]
        for client in clients:
            assert client.request(target="/hello").body == b"hello"
        last = clients.pop()
        for number, client in enumerate(clients):
            client.send(request_bytes(target=f"/bytes_of_size/{number}?n={1 << 50}"))

        def called() -> int:
            return len(select.select([client.sock for client in clients], [], [], 0)[0])

        server.wait_until(lambda: called() > int(threads), "the first have been given up, and the rest has been read")
        assert last.request(target="/hello").body == b"hello"
        assert called() < len(clients) // 2


@pytest.mark.parametrize("form", ["length", "chunked"])
def test_slow_large_bodies(few_threads, form):
    """Beyond --request-buffer, where the application would read the rest as it comes, and more senders than threads."""
    body = b"x" * 1_500_000
    fields = [("Content-Length", str(len(body)))] if form == "length" else [("Transfer-Encoding", "chunked")]
    data = body if form == "length" else chunked(body)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(few_threads.client()) for _ in range(100)]
        for client in clients:
            client.send(request_bytes("POST", "/request", fields) + data[:-1000])
        assert_fast_ones_are_served(few_threads)
        for client in clients:
            client.send(data[-1000:])
        for client in clients:
            assert b'"length": 1500000' in client.response().body


def test_slow_readers_of_files():
    """A file needs no buffer and no thread while its reader stands still."""
    with Server("files", *PATIENT, "--threads", "4", cwd=APPS) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(narrow_client(server)) for _ in range(100)]
        for client in clients:
            client.send(request_bytes(target="/wrapped?file=large&length=20000000"))
        heads = [client.head() for client in clients]
        for _ in range(100):
            assert server.get("/wrapped?file=file").status == 200
        for client, head in list(zip(clients, heads, strict=True))[:5]:
            assert len(widen(client).body(head).body) == 20_000_000


def test_idle_connections(server):
    with slow_clients(server) as clients:
        for client in clients[::2]:
            assert client.request(target="/hello").status == 200
        assert_fast_ones_are_served(server)
        for client in clients:
            assert client.request(target="/hello").body == b"hello"
