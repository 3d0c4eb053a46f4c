"""Front servers that are set up in other ways than `millau config` says: with what they ship, and with what people write.

Each of these gives SCRIPT_NAME and PATH_INFO in a way of its own, and some not at all. Millau has an application at the root
and one at /m; what the application sees must be the same through all of them.
"""

from __future__ import annotations

import json
import os
import re

import pytest
from front_server import ABSENT, Pair, program, start_front_server

NGINX = "/etc/nginx"


def nginx(location: str) -> str:
    """Instead of the server block of `millau config`."""
    return "server {\n    listen 127.0.0.1:PORT;\n" + location + "\n}\n}\n"


def apache(lines: str) -> str:
    return f"<VirtualHost 127.0.0.1:PORT>\n{lines}\n</VirtualHost>\n"


def params(protocol: str, more: str = "", path: str = "/") -> str:
    return nginx(f"location {path} {{ include {NGINX}/{protocol}_params; {more} {protocol}_pass millau; }}")


SETUPS = {
    "nginx, stock fastcgi_params": (Pair("nginx", "fastcgi"), params("fastcgi")),
    "nginx, stock fastcgi.conf": (
        Pair("nginx", "fastcgi"),
        nginx(f"location / {{ include {NGINX}/fastcgi.conf; fastcgi_pass millau; }}"),
    ),
    "nginx, stock scgi_params": (Pair("nginx", "scgi"), params("scgi")),
    "nginx, stock uwsgi_params": (Pair("nginx", "uwsgi"), params("uwsgi")),
    "nginx, fastcgi_split_path_info": (
        Pair("nginx", "fastcgi"),
        params(
            "fastcgi",
            "fastcgi_split_path_info ^(/m|)(.*)$; fastcgi_param SCRIPT_NAME $fastcgi_script_name; "
            "fastcgi_param PATH_INFO $fastcgi_path_info;",
        ),
    ),
    "nginx, PATH_INFO as in Django's old manual": (
        Pair("nginx", "fastcgi"),
        params("fastcgi", 'fastcgi_param PATH_INFO $fastcgi_script_name; fastcgi_param SCRIPT_NAME "";'),
    ),
    "nginx, uwsgi_params and SCRIPT_NAME": (
        Pair("nginx", "uwsgi"),
        params("uwsgi").replace(
            "location /",
            f"location /m {{ include {NGINX}/uwsgi_params; uwsgi_param SCRIPT_NAME /m; uwsgi_pass millau; }} location /",
        ),
    ),
    "nginx, scgi, the mount stripped": (
        Pair("nginx", "scgi"),
        params("scgi").replace(
            "location /",
            f"location = /m {{ include {NGINX}/scgi_params; scgi_pass millau; }} location /m/ {{ rewrite ^/m(/.*)$ $1 break; "
            f"include {NGINX}/scgi_params; scgi_param SCRIPT_NAME /m; scgi_param PATH_INFO $uri; scgi_pass millau; }} location /",
        ),
    ),
    "apache, ProxyPass fcgi": (Pair("apache", "fastcgi"), apache('ProxyPass "/" "fcgi://ADDRESS/"')),
    "apache, ProxyPass fcgi, the mount stripped": (
        Pair("apache", "fastcgi"),
        apache('ProxyPass "/m" "fcgi://ADDRESS"\nProxyPass "/" "fcgi://ADDRESS/"'),
    ),
    "apache, ProxyPass fcgi, GENERIC": (
        Pair("apache", "fastcgi"),
        apache('<Proxy "fcgi://ADDRESS/">\nProxyFCGIBackendType GENERIC\n</Proxy>\nProxyPass "/" "fcgi://ADDRESS/"'),
    ),
    "apache, ProxyPass fcgi, AllowEncodedSlashes NoDecode": (
        Pair("apache", "fastcgi"),
        apache('AllowEncodedSlashes NoDecode\nProxyPass "/" "fcgi://ADDRESS/"'),
    ),
    "apache, ProxyPass scgi": (Pair("apache", "scgi"), apache('ProxyPass "/" "scgi://ADDRESS/"')),
    "apache, ProxyPass scgi, proxy-scgi-pathinfo": (
        Pair("apache", "scgi"),
        apache('SetEnv proxy-scgi-pathinfo 1\nProxyPass "/m/" "scgi://ADDRESS/"\nProxyPass "/" "scgi://ADDRESS/"'),
    ),
    "apache, ProxyPass uwsgi": (Pair("apache", "uwsgi"), apache('ProxyPass "/" "uwsgi://ADDRESS/"')),
    "apache, ProxyPass uwsgi, the mount stripped": (
        Pair("apache", "uwsgi"),
        apache('ProxyPass "/m" "uwsgi://ADDRESS/"\nProxyPass "/" "uwsgi://ADDRESS/"'),
    ),
    "lighttpd, fastcgi below the mount": (
        Pair("lighttpd", "fastcgi"),
        'server.modules += ("mod_fastcgi")\nfastcgi.server = ("/m" => ((HOST_AND_PORT, "check-local" => "disable")),\n'
        '"/environ" => ((HOST_AND_PORT, "check-local" => "disable", "fix-root-scriptname" => "enable")))\n',
    ),
}

PATHS = ["", "/", "/a%20b/c;d/%C3%A9?x=1%26", "/a//b", "/a%2Fb", "/a/../b"]
PATH_INFOS = ["", "/", "/a b/c;d/\xc3\xa9", "/a//b", "/a/b", "/b"]


@pytest.fixture(scope="module", params=SETUPS, ids=lambda name: name.replace(" ", "_"))
def stock(request, backend):
    pair, site = SETUPS[request.param]
    if pair.way in ABSENT:
        pytest.skip(f"Millau has no {pair.way} yet")
    if program(pair.server) is None:
        if os.environ.get("INTEROP_REQUIRED"):
            pytest.fail(f"{pair.server} is not installed, and INTEROP_REQUIRED asks for it")
        pytest.skip(f"{pair.server} is not installed")

    def rewrite(printed: str) -> str:
        port = re.search(r"listen 127\.0\.0\.1:(\d+);|<VirtualHost 127\.0\.0\.1:(\d+)>|server\.port = (\d+)", printed)
        address = backend.bind(pair).partition("://")[2]
        host, _, number = address.rpartition(":")
        frame = {
            "nginx": printed.partition("server {\n    listen")[0],
            "apache": printed.partition("<VirtualHost")[0],
            "lighttpd": printed.partition("server.modules +=")[0],
        }[pair.server]
        text = (
            site.replace("PORT", next(group for group in port.groups() if group), 1) if "HOST_AND" not in site else site
        )
        return frame + text.replace("ADDRESS", address).replace(
            "HOST_AND_PORT", f'"host" => "{host}", "port" => {number}'
        )

    front = start_front_server(pair, "", backend, rewrite)
    yield request.param, front
    front.stop()


@pytest.mark.parametrize("mount", ["", "/m"])
@pytest.mark.parametrize("path, path_info", list(zip(PATHS, PATH_INFOS)))
def test_script_name_and_path_info_are_right(stock, mount, path, path_info):
    name, front = stock
    target = f"{mount}/environ{path}"
    with front.client() as client:
        client.send(front.bytes_of(target=target))
        response = client.response()
    if "%2F" in path and name.startswith("apache") and "AllowEncodedSlashes" not in name:
        assert response.status == 404  # Apache's own: see AllowEncodedSlashes
        return
    if name == "lighttpd, fastcgi below the mount" and not mount:
        pytest.skip("there the first segment is SCRIPT_NAME")
    assert response.status == 200, response
    environ = json.loads(response.body)["environ"]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (mount, "/environ" + path_info)
    assert environ["QUERY_STRING"] == path.partition("?")[2]
    assert environ["REQUEST_URI"] == target
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["SERVER_PORT"] == str(front.port)
    assert environ["SERVER_NAME"]
    assert environ["wsgi.url_scheme"] == "http"


def test_nobody_is_a_user_who_only_says_so(stock):
    """nginx's stock fastcgi_params have REMOTE_USER, which is whatever the client claims."""
    _, front = stock
    response = front.request("GET", "/m/environ", [("Authorization", "Basic YWRtaW46")])
    assert "REMOTE_USER" not in json.loads(response.body)["environ"]
