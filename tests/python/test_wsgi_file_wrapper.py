"""`wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling"): what is sent is what read() would give."""

from __future__ import annotations

import contextlib

import pytest
from client import BrokenResponse, request_bytes
from files import FILES, LARGE, SMALL, pattern
from server import APPS, Server


@pytest.fixture(scope="module")
def server(module_gate):
    with Server("files", cwd=APPS, env=module_gate.environment) as server:
        yield server


@pytest.fixture(autouse=True)
def fresh_gate(module_gate):
    module_gate.forget()


def target(file, **more):
    return "/wrapped?" + "&".join([f"file={file.replace(' ', '+')}", *(f"{k}={v}" for k, v in more.items())])


@pytest.mark.parametrize("file", FILES)
def test_the_content_is_what_read_gives(server, file):
    """From the current position to the end: also where a descriptor is at another place than its file object (read
    ahead), holds other bytes (gzip), has no size (pipe, /proc) or is not there at all."""
    with server.client() as client:
        response = client.request(target=target(file))
        assert response.status == 200
        assert response.body == FILES[file][1]()
        assert client.request(target="/mark").status == 200


@pytest.mark.parametrize("file", FILES)
def test_http_1_0(server, file):
    with server.client() as client:
        client.send(request_bytes(target=target(file), version="1.0"))
        response = client.response()
        assert response.body == FILES[file][1]()
        client.assert_closed()


@pytest.mark.parametrize("file", ["file", "large", "partly read", "BytesIO", "only read", "pipe", "gzip"])
@pytest.mark.parametrize("length", [0, 1, 100, 4990])
def test_content_length_is_honoured(server, file, length):
    """PEP 3333: no more than Content-Length, even if there is more in the file."""
    with server.client() as client:
        response = client.request(target=target(file, length=length))
        assert response["Content-Length"] == str(length)
        assert response.body == FILES[file][1]()[:length]
        with contextlib.suppress(BrokenResponse, ConnectionError):
            assert client.request(target="/mark").status == 200


def test_content_length_that_is_exact_keeps_the_connection(server):
    with server.client() as client:
        for _ in range(3):
            assert client.request(target=target("file", length=SMALL)).body == pattern(SMALL)


@pytest.mark.parametrize("file", ["BytesIO", "pipe"])
def test_less_than_content_length_is_visibly_broken(server, file):
    with pytest.raises(BrokenResponse) as broken:
        server.get(target(file, length=SMALL + 1))
    assert broken.value.partial.body == pattern(SMALL)


@pytest.mark.parametrize("path", [target("file", length=SMALL + 1), "/shrinking"])
def test_a_file_that_is_shorter_than_its_content_length_is_500(server, path):
    """Its size is looked up before the head goes out."""
    assert server.get(path).status == 500


@pytest.mark.parametrize("block", [1, 7, 65536, 10_000_000])
def test_the_block_size_changes_nothing(server, block):
    assert server.get(target("BytesIO", block=block)).body == pattern(SMALL)
    assert server.get(target("file", block=block)).body == pattern(SMALL)


@pytest.mark.parametrize("file", ["file", "large", "BytesIO", "pipe"])
def test_head(server, file):
    with server.client() as client:
        assert client.request("HEAD", target(file, length=100))["Content-Length"] == "100"
        assert client.request(target="/mark").status == 200


@pytest.mark.parametrize("status", ["204+No+Content", "304+Not+Modified"])
def test_no_body_where_the_status_forbids_one(server, status):
    with server.client() as client:
        assert client.request(target=target("file", status=status)).body == b""
        assert client.request(target="/mark").status == 200


def test_a_slow_reader_gets_everything(server):
    with server.client() as client:
        client.send(request_bytes(target=target("large")))
        response = client.head()
        assert server.get("/mark").status == 200
        client.body(response)
        assert response.body == pattern(LARGE)


def test_pipelined_files(server):
    with server.client() as client:
        client.send(request_bytes(target=target("file")) * 5 + request_bytes(target="/mark"))
        for _ in range(5):
            assert client.response().body == pattern(SMALL)
        assert client.response().status == 200


# The wrapper as an iterable


def test_middleware_may_iterate_it(server):
    assert server.get("/iterated").body == pattern(SMALL)


def test_a_generator_may_pass_its_blocks_on(server):
    assert server.get("/inside_generator").body == pattern(SMALL).upper()


def test_what_was_already_taken_is_not_sent_again(server):
    response = server.get("/partly_iterated")
    assert int(response["X-Taken"]) > 0
    assert response.body == pattern(LARGE)[int(response["X-Taken"]) :]


def test_write_goes_first(server):
    assert server.get("/after_write").body == b"written first:" + pattern(SMALL)


def test_the_output_of_a_child_process(server):
    assert server.get("/subprocess_output").body == b"from a child"


def test_text_is_refused(server):
    assert server.get("/text_mode").status == 500


# close()


def assert_closed_once(server, gate):
    gate.next("closed")
    assert server.get("/mark").status == 200
    gate.next("mark")


@pytest.mark.parametrize("file", ["file", "large", "read"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", ["200+OK", "304+Not+Modified"])
def test_closed_once(server, module_gate, file, method, status):
    server.request(method, f"/closing?file={file}&status={status}")
    assert_closed_once(server, module_gate)


def test_closed_once_inside_a_generator(server, module_gate):
    assert server.get("/inside_generator").body == pattern(SMALL).upper()
    assert_closed_once(server, module_gate)


def test_closed_once_when_reading_fails(server, module_gate):
    with contextlib.suppress(BrokenResponse):
        assert server.get("/closing?file=fails").status == 500
    assert_closed_once(server, module_gate)


def test_reading_that_fails_after_the_first_block_breaks_the_response(server):
    with pytest.raises(BrokenResponse):
        server.get("/closing?file=fails")


def test_closed_once_without_start_response(server, module_gate):
    assert server.get("/closing_and_failing").status == 500
    assert_closed_once(server, module_gate)


def test_closed_once_when_the_client_leaves_in_the_middle(server, module_gate):
    with server.client() as client:
        client.send(request_bytes(target="/closing?file=large"))
        client.head()
        client.reset()
    assert_closed_once(server, module_gate)


def test_descriptors_do_not_leak(server):
    """Files that have no close() of their own in the application are closed with the wrapper."""
    server.get("/mark")
    before = int(server.get("/mark").body)
    for _ in range(30):
        for file in ("file", "large", "sliced", "pipe", "gzip", "partly read"):
            server.request("HEAD" if file == "large" else "GET", target(file, length=100))
    server.wait_until(lambda: int(server.get("/mark").body) <= before + 2, "descriptors are closed")
