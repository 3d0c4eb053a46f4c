"""What an application sees of a client that comes over TLS, which ends in the front server: the scheme, the port and the host."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pytest
from front_server import FrontServer, free_port, program, start_front_server


@dataclass(frozen=True)
class Certificate:
    """Of localhost, and by nobody but itself."""

    file: Path
    key: Path

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.file)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Certificate:
    folder = tmp_path_factory.mktemp("certificate")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        [*request, *names, "-out", made.file, "-keyout", made.key], check=True, stderr=subprocess.DEVNULL, timeout=60
    )
    return made


def with_tls(server: str, printed: str, port: int, certificate: Certificate) -> str:
    """What `millau config` prints, and the lines of an administrator who has a certificate: a listener beside the plain one."""
    address = f"127.0.0.1:{port}"
    if server == "nginx":
        lines = f"    listen {address} ssl;\n    ssl_certificate {certificate.file};\n"
        lines += f"    ssl_certificate_key {certificate.key};\n"
        return re.sub(r"^    listen .*;\n", lambda plain: plain[0] + lines, printed, count=1, flags=re.M)
    if server == "apache":
        modules = re.search(r'"(/\S*)/mod_\w+\.so"', printed)[1]
        lines = f"    SSLEngine on\n    SSLCertificateFile {certificate.file}\n    SSLCertificateKeyFile {certificate.key}\n"
        host = printed.partition("<VirtualHost ")[2].partition("\n")[2]
        module = f"LoadModule ssl_module {modules}/mod_ssl.so\n"
        return f"{printed}{module}Listen {address}\n<VirtualHost {address}>\n{lines}{host}"
    files = f'ssl.pemfile = "{certificate.file}"\n    ssl.privkey = "{certificate.key}"'
    listener = f'$SERVER["socket"] == "{address}" {{\n    ssl.engine = "enable"\n    {files}\n}}\n'
    return f'{printed}server.modules += ("mod_openssl")\n{listener}'


class Listeners(NamedTuple):
    """One front server by either of its ports."""

    plain: FrontServer
    tls: FrontServer


@pytest.fixture(scope="session")
def front(request: pytest.FixtureRequest, backend, certificate) -> Iterator[Listeners]:
    pair, mount = request.param
    if program(pair.server) is None:
        if os.environ.get("INTEROP_REQUIRED"):
            pytest.fail(f"{pair.server} is not installed, and INTEROP_REQUIRED asks for it")
        pytest.skip(f"{pair.server} is not installed")
    port = free_port()
    front = start_front_server(
        pair, mount, backend, lambda printed: with_tls(pair.server, printed, port, certificate), also=[port]
    )
    FrontServer.running.append(front)
    yield Listeners(front, replace(front, port=port, tls=certificate.client_context()))
    FrontServer.running.remove(front)
    front.stop()


def seen(front: FrontServer, fields=()) -> dict[str, object]:
    response = front.request("GET", "/environ", fields)
    assert response.status == 200, response
    return json.loads(response.body)["environ"]


def test_over_tls_the_application_knows_that_its_url_is_one_of_https(front):
    environ = seen(front.tls)
    assert environ["wsgi.url_scheme"] == "https"
    assert (environ["HTTPS"], environ["REQUEST_SCHEME"]) == ("on", "https")
    assert environ["SERVER_PORT"] == str(front.tls.port)
    assert environ["HTTP_HOST"] == f"localhost:{front.tls.port}"
    assert environ["SERVER_NAME"] == "localhost"
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (front.tls.mount, "/environ")


def test_beside_it_what_comes_without_tls_is_known_as_such(front):
    assert_plain(front.plain)


def test_what_a_client_claims_about_it_counts_for_nothing(front):
    claims = {"Proto": "https", "Port": "443", "Host": "elsewhere.example", "Ssl": "on"}
    fields = [(f"X-Forwarded-{name}", value) for name, value in claims.items()]
    assert_plain(front.plain, [*fields, ("Forwarded", "proto=https;host=elsewhere.example"), ("Front-End-Https", "on")])


def assert_plain(front: FrontServer, fields=()) -> None:
    environ = seen(front, fields)
    assert environ["wsgi.url_scheme"] == "http"
    assert "HTTPS" not in environ
    assert environ["SERVER_PORT"] == str(front.port)
    assert environ["HTTP_HOST"] == f"localhost:{front.port}"
    assert environ["SERVER_NAME"] == "localhost"
