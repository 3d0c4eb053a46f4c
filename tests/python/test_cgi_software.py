"""Real CGI programs that nobody here wrote give the same answers on Millau as on Apache and lighttpd.

AWStats and gitweb (Perl), cgit and the Nagios CGIs (C), Mercurial's hgweb (Python). Each is what its Debian package installs,
set up for something small. What is not installed is left out.
"""

from __future__ import annotations

import contextlib
import email.utils
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
import web_servers_cgi
from cgi_programs import PYTHON, Programs
from server import PATIENCE

HOST = "software.example"

SERVERS = ("exec", "warm", "apache", "lighttpd")

PERSON = {
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@software.example",
    "GIT_AUTHOR_DATE": "1000000000 +0000",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@software.example",
    "GIT_COMMITTER_DATE": "1000000000 +0000",
    "HGRCPATH": "",
    "HGUSER": "Ada",
    "LANG": "C.UTF-8",
    "PATH": os.environ["PATH"],
}


@dataclass
class Page:
    """A request, and what must be in the answer of every server."""

    target: str
    status: int = 200
    contains: bytes = b""
    method: str = "GET"
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


@dataclass
class Software:
    """A program: the file that shows that it is there, and what to ask it."""

    installed: str
    pages: list[Page] = field(default_factory=list)
    masks: tuple[tuple[bytes, bytes], ...] = ()
    volatile: tuple[str, ...] = ()
    """Fields that tell the time."""


def run(command: list[str | Path], directory: Path) -> None:
    ran = subprocess.run(command, cwd=directory, env=PERSON, capture_output=True, text=True, timeout=4 * PATIENCE)
    assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"


def git_repository(folder: Path) -> Path:
    """A bare repository with two commits, a tag and a binary file."""
    work = folder / "work"
    work.mkdir()
    run(["git", "init", "-q", "-b", "main"], work)
    (work / "story.txt").write_text("Once upon a time\n")
    run(["git", "add", "."], work)
    run(["git", "commit", "-q", "-m", "The beginning"], work)
    (work / "story.txt").write_text("Once upon a time\nthere was a bridge <over> the valley & é\n")
    (work / "picture.bin").write_bytes(bytes(range(256)) * 500)
    run(["git", "add", "."], work)
    run(["git", "commit", "-q", "-m", "A bridge, and a picture"], work)
    run(["git", "tag", "v1"], work)
    (folder / "git").mkdir()
    run(["git", "clone", "-q", "--bare", "work", "git/story.git"], folder)
    run(["git", "update-server-info"], folder / "git/story.git")
    (folder / "git/story.git/description").write_text("The story of a bridge\n")
    return folder / "git"


# Gitweb

GITWEB = "/cgi-bin/gitweb.cgi"


def install_gitweb(programs: Programs) -> None:
    shutil.copy("/usr/share/gitweb/gitweb.cgi", programs.path)
    (programs.folder / "gitweb.conf").write_text(
        f"our $projectroot = '{programs.folder}/git';\n$feature{{'snapshot'}}{{'default'}} = ['tgz', 'zip'];\n"
        "$feature{'blame'}{'default'} = [1];\n1;\n"
    )


def gitweb(query: str, *args, **options) -> Page:
    return Page(f"{GITWEB}?{query}", *args, **options)


# cgit

CGIT = "/cgi-bin/cgit.cgi"


def install_cgit(programs: Programs) -> None:
    shutil.copy("/usr/lib/cgit/cgit.cgi", programs.path)
    programs.folder.joinpath("cgitrc").write_text(
        f"css=/cgit.css\nenable-index-links=1\nenable-http-clone=1\nsnapshots=tar.gz zip\nenable-blame=1\n"
        f"clone-prefix=http://{HOST}/git\nrepo.url=story\nrepo.path={programs.folder}/git/story.git\n"
        "repo.desc=The story of a bridge\n"
    )


# hgweb

HGWEB = "/cgi-bin/hgweb.cgi"
HG = "/usr/bin/hg"
HGWEB_EXAMPLE = Path("/usr/share/doc/mercurial-common/examples/hgweb.cgi")


def install_hgweb(programs: Programs) -> None:
    """`hgweb.cgi` for reading, and `hgpush.cgi` with a repository for each server, to be written to."""
    folder = programs.folder
    story = folder / "hg" / "story"
    story.mkdir(parents=True)
    run([HG, "init"], story)
    (story / "story.txt").write_text("Once upon a time\n")
    run([HG, "commit", "-q", "-A", "-d", "1000000000 0", "-m", "The beginning"], story)
    (story / "story.txt").write_text("Once upon a time\nthere was a bridge <over> the valley & é\n")
    (story / "picture.bin").write_bytes(bytes(range(256)) * 500)
    run([HG, "commit", "-q", "-A", "-d", "1000000100 0", "-m", "A bridge, and a picture"], story)
    (folder / "hgweb.config").write_text(f"[paths]\nstory = {story}\n[web]\nallow-archive = gz zip\n")
    inboxes = folder / "inboxes"
    inboxes.mkdir()
    for name in SERVERS:
        (inboxes / name).mkdir()
        run([HG, "init"], inboxes / name)
    subprocess.run(["chmod", "-R", "a+rwX", inboxes], check=True)
    (folder / "hgpush.config").write_text(
        f"[paths]\n/ = {inboxes}/*\n[web]\nallow-push = *\npush_ssl = false\nallow-archive = gz\n"
    )
    for program in ("hgweb", "hgpush"):
        # What the example asks to be edited: the interpreter and the place of the configuration.
        text = HGWEB_EXAMPLE.read_text().replace("#!/usr/bin/env python3", f"#!{PYTHON}")
        place = "/path/to/repo/or/config"
        assert place in text
        programs.write(f"{program}.cgi", text.replace(place, f"{folder}/{program}.config"))


# AWStats

AWSTATS = "/cgi-bin/awstats.pl"


def install_awstats(programs: Programs) -> None:
    shutil.copy("/usr/lib/cgi-bin/awstats.pl", programs.path)
    folder = programs.folder
    log, data = folder / "access.log", folder / "awstats"
    data.mkdir()
    line = '10.0.0.{n} - - [0{d}/Mar/2024:10:00:0{d} +0000] "GET /page{n}.html HTTP/1.1" {status} 1{n}0 "{ref}" "{agent}"\n'
    agents = ("Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0", "Googlebot/2.1")
    log.write_text(
        "".join(
            line.format(
                n=n % 7,
                d=1 + n // 20,
                status=404 if n % 11 == 0 else 200,
                ref="https://www.google.com/search?q=bridge" if n % 5 == 0 else "-",
                agent=agents[n % 9 == 0],
            )
            for n in range(100)
        )
    )
    # AWStats looks for its settings beside itself.
    programs.write(
        "awstats.site.conf",
        f"""
        LogFile="{log}"
        LogType=W
        LogFormat=1
        SiteDomain="{HOST}"
        HostAliases="{HOST}"
        DNSLookup=0
        DirData="{data}"
        DirCgi="/cgi-bin"
        DirIcons="/icon"
        AllowToUpdateStatsFromBrowser=0
        """,
        mode=0o644,
    )
    run([programs.path / "awstats.pl", "-config=site", "-update"], programs.path)


def awstats(query: str, *args, **options) -> Page:
    return Page(f"{AWSTATS}?config=site&year=2024&month=03&{query}", *args, **options)


# The Nagios CGIs

NAGIOS = "/cgi-bin/nagios4"


def install_nagios(programs: Programs) -> None:
    shutil.copytree("/usr/lib/cgi-bin/nagios4", programs.path / "nagios4")
    folder = programs.folder / "nagios"
    folder.mkdir()
    (folder / "archive").mkdir()
    (folder / "nagios.log").write_text(
        "[1700000000] Nagios 4 starting...\n[1700000100] SERVICE ALERT: bridge;HTTP;CRITICAL;HARD;3;no answer\n"
    )
    (folder / "objects.cache").write_text(
        "define timeperiod {\n\ttimeperiod_name\talways\n\talias\tAlways\n\tmonday\t00:00-24:00\n\t}\n"
        "define command {\n\tcommand_name\tcheck\n\tcommand_line\t/bin/true\n\t}\n"
        "define contact {\n\tcontact_name\tada\n\talias\tAda\n\tservice_notification_period\talways\n"
        "\thost_notification_period\talways\n\tservice_notification_commands\tcheck\n"
        "\thost_notification_commands\tcheck\n\t}\n"
        "define host {\n\thost_name\tbridge\n\talias\tThe bridge\n\taddress\t192.0.2.1\n\tcheck_period\talways\n"
        "\tcheck_command\tcheck\n\tcontacts\tada\n\tnotification_period\talways\n\tmax_check_attempts\t3\n\t}\n"
        "define service {\n\thost_name\tbridge\n\tservice_description\tHTTP\n\tcheck_period\talways\n"
        "\tcheck_command\tcheck\n\tcontacts\tada\n\tnotification_period\talways\n\tmax_check_attempts\t3\n\t}\n"
    )
    (folder / "status.dat").write_text(
        "info {\n\tcreated=1700000000\n\tversion=4.4.6\n\t}\n"
        "programstatus {\n\tnagios_pid=1\n\tprogram_start=1700000000\n\tenable_notifications=1\n\t}\n"
        "hoststatus {\n\thost_name=bridge\n\tcurrent_state=0\n\thas_been_checked=1\n\tlast_check=1700000000\n"
        "\tplugin_output=it stands\n\t}\n"
        "servicestatus {\n\thost_name=bridge\n\tservice_description=HTTP\n\tcurrent_state=2\n\thas_been_checked=1\n"
        "\tlast_check=1700000000\n\tplugin_output=no answer\n\t}\n"
    )
    (folder / "nagios.cfg").write_text(
        f"log_file={folder}/nagios.log\nlog_archive_path={folder}/archive\nobject_cache_file={folder}/objects.cache\n"
        f"status_file={folder}/status.dat\ncommand_file={folder}/command\nuse_timezone=UTC\n"
    )
    (folder / "cgi.cfg").write_text(
        f"main_config_file={folder}/nagios.cfg\nphysical_html_path=/usr/share/nagios4/htdocs\nurl_html_path=/nagios4\n"
        "use_authentication=1\ndefault_user_name=ada\nauthorized_for_all_hosts=ada\nauthorized_for_all_services=ada\n"
        "authorized_for_system_information=ada\nauthorized_for_configuration_information=ada\n"
        "authorized_for_all_service_commands=ada\nauthorized_for_all_host_commands=ada\nauthorized_for_system_commands=ada\n"
    )


SOFTWARE = {
    "gitweb": Software(
        "/usr/share/gitweb/gitweb.cgi",
        [
            Page(GITWEB, contains=b"The story of a bridge"),
            Page(f"{GITWEB}/story.git", contains=b"The beginning"),
            gitweb("p=story.git;a=log", contains=b"A bridge, and a picture"),
            gitweb("p=story.git;a=commitdiff;h=v1", contains=b"&lt;over&gt;"),
            gitweb("p=story.git;a=commitdiff_plain;h=v1", contains=b"+there was a bridge <over>"),
            gitweb("p=story.git;a=blame;f=story.txt;hb=v1", contains=b"Once upon a time"),
            gitweb("p=story.git;a=search;s=bridge;st=commit", contains=b"A bridge, and a picture"),
            Page(f"{GITWEB}/story.git/blob_plain/v1:/picture.bin", contains=bytes(range(256)) * 500),
            gitweb("p=story.git;a=snapshot;h=v1;sf=tgz", contains=b"\x1f\x8b"),
            Page(f"{GITWEB}/story.git/snapshot/v1.zip", contains=b"PK\x03\x04"),
            gitweb("p=story.git;a=atom", contains=b"<feed"),
            gitweb("a=opml", contains=b"<opml"),
            gitweb("p=none.git", 404, b"404 - "),
            gitweb("p=story.git;a=none", 400, b"400 - "),
            Page(GITWEB, method="HEAD"),
            gitweb(
                "p=story.git;a=snapshot;h=v1;sf=tgz",
                304,
                fields=(("If-Modified-Since", "Sun, 09 Sep 2001 01:46:40 GMT"),),
            ),
        ],
    ),
    "cgit": Software(
        "/usr/lib/cgit/cgit.cgi",
        [
            Page(CGIT, contains=b"The story of a bridge"),
            Page(f"{CGIT}/story/", contains=b"A bridge, and a picture"),
            Page(f"{CGIT}/story/log/?qt=grep&q=beginning", contains=b"The beginning"),
            Page(f"{CGIT}/story/tree/", contains=b"picture.bin"),
            Page(f"{CGIT}/story/commit/?id=v1", contains=b"&lt;over&gt;"),
            Page(f"{CGIT}/story/patch/?id=v1", contains=b"Subject: "),
            Page(f"{CGIT}/story/blame/story.txt", contains=b"Once upon a time"),
            Page(f"{CGIT}/story/plain/picture.bin", contains=bytes(range(256)) * 500),
            Page(f"{CGIT}/story/snapshot/story-1.tar.gz", contains=b"\x1f\x8b"),
            Page(f"{CGIT}/story/snapshot/story-1.zip", contains=b"PK\x03\x04"),
            Page(f"{CGIT}/story/info/refs", contains=b"refs/heads/main"),
            Page(f"{CGIT}/none/", 404, b"No repositories found"),
            Page(f"{CGIT}/story/plain/none.txt", 404),
            Page(CGIT, method="HEAD"),
        ],
    ),
    "hgweb": Software(
        str(HGWEB_EXAMPLE),
        [
            Page(HGWEB, contains=b"story"),
            Page(f"{HGWEB}/story", contains=b"The beginning"),
            Page(f"{HGWEB}/story/rev/tip", contains=b"&lt;over&gt;"),
            Page(f"{HGWEB}/story/file/tip/story.txt", contains=b"Once upon a time"),
            Page(f"{HGWEB}/story/annotate/tip/story.txt", contains=b"Once upon a time"),
            Page(f"{HGWEB}/story/raw-file/tip/picture.bin", contains=bytes(range(256)) * 500),
            Page(f"{HGWEB}/story/log?rev=beginning", contains=b"The beginning"),
            Page(f"{HGWEB}/story/archive/tip.tar.gz", contains=b"\x1f\x8b"),
            Page(f"{HGWEB}/story/archive/tip.zip", contains=b"PK\x03\x04"),
            Page(f"{HGWEB}/story/atom-log", contains=b"<feed"),
            Page(f"{HGWEB}/story/static/style-paper.css", contains=b"body"),
            Page(f"{HGWEB}/story?cmd=capabilities", contains=b"getbundle"),
            Page(f"{HGWEB}/story?cmd=branchmap", contains=b"default"),
            Page(
                f"{HGWEB}/story?cmd=batch",
                method="POST",
                fields=(("X-HgArg-1", "cmds=heads+%3Bknown+nodes%3D"),),
                body=b"",
            ),
            Page(f"{HGWEB}/none", 404, b'The specified repository "none" is unknown, sorry.'),
            Page(f"{HGWEB}/story/rev/none", 404, b"unknown revision"),
            Page(f"{HGWEB}/story", method="HEAD"),
        ],
    ),
    "awstats": Software(
        "/usr/lib/cgi-bin/awstats.pl",
        [
            awstats("", contains=b"<frameset"),
            awstats("framename=mainright", contains=b"page3.html"),
            awstats("framename=mainleft", contains=b"Summary"),
            awstats("output=urldetail", contains=b"page3.html"),
            awstats("output=errors404", contains=b"/page"),
            awstats("output=allhosts&hostfilter=10.0.0.3", contains=b"10.0.0.3"),
            awstats("output=allrobots&lang=de", contains=b"Googlebot"),
            Page(f"{AWSTATS}?config=none", contains=b"SiteDomain parameter not defined"),
            Page(f"{AWSTATS}?config=%22%3E%3Cscript%3E"),
            awstats("", method="HEAD"),
        ],
        volatile=("last-modified",),
    ),
    "nagios": Software(
        "/usr/lib/cgi-bin/nagios4/status.cgi",
        [
            Page(f"{NAGIOS}/tac.cgi", contains=b"Tactical"),
            Page(f"{NAGIOS}/status.cgi?host=all", contains=b"no answer"),
            Page(f"{NAGIOS}/status.cgi?navbarsearch=1&host=bri", contains=b"bridge"),
            Page(f"{NAGIOS}/extinfo.cgi?type=2&host=bridge&service=HTTP", contains=b"no answer"),
            Page(f"{NAGIOS}/config.cgi?type=hosts", contains=b"The bridge"),
            Page(
                f"{NAGIOS}/statusjson.cgi?query=service&hostname=bridge&servicedescription=HTTP", contains=b"no answer"
            ),
            Page(f"{NAGIOS}/objectjson.cgi?query=host&hostname=bridge", contains=b"The bridge"),
            Page(f"{NAGIOS}/cmd.cgi?cmd_typ=7&host=bridge&service=HTTP", contains=b"<form"),
            Page(
                f"{NAGIOS}/cmd.cgi",
                method="POST",
                contains=b"CSRF cookie",
                fields=(("Content-Type", "application/x-www-form-urlencoded"),),
                body=urlencode(
                    {
                        "cmd_typ": "7",
                        "cmd_mod": "2",
                        "host": "bridge",
                        "service": "HTTP",
                        "start_time": "2024-03-01 10:00:00",
                        "btnSubmit": "Commit",
                    }
                ).encode(),
            ),
            Page(f"{NAGIOS}/status.cgi?host=none", contains=b"Matching Services"),
        ],
        volatile=("last-modified",),
        masks=(
            (rb"Last Updated: [^<]*", b"Last Updated: (time)"),
            (rb"\b\d+d\s+\d+h\s+\d+m\s+\d+s", b"(age)"),
            (rb'"(query_time|last_data_update|program_start)": \d+', b'"\\1": 0'),
            (rb"[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \w+ \d{4}", b"(time)"),
            (rb"NagFormId' value='\w+'", b"NagFormId"),
        ),
    ),
}

MASKS = (
    # A program that builds the address of the server sees its real port on some, and what the client has asked for on others.
    (rb"(software\.example|127\.0\.0\.1):\d+", rb"\1"),
    (rb"generated in [\d.]+ seconds|took\s+<span[^>]*>[\d.]+ seconds", b"(duration)"),
    (rb"\d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d \+0000", b"(time)"),
    (rb"\b\d+ (seconds?|sec\.|min\.|minutes?|hours?)( ago)?", b"(age)"),
)

VOLATILE = {
    "date",
    "server",
    "connection",
    "content-length",
    "transfer-encoding",
    "accept-ranges",
    "keep-alive",
    "expires",
}

INSTALL = {
    "gitweb": install_gitweb,
    "cgit": install_cgit,
    "hgweb": install_hgweb,
    "awstats": install_awstats,
    "nagios": install_nagios,
}


def is_there(name: str) -> bool:
    return Path(SOFTWARE[name].installed).exists()


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    with Programs() as programs:
        git_repository(programs.folder)
        for name, install in INSTALL.items():
            if is_there(name):
                install(programs)
        yield programs


@pytest.fixture(scope="module")
def servers(programs: Programs) -> Iterator[dict[str, object]]:
    environment = {
        "CGIT_CONFIG": f"{programs.folder}/cgitrc",
        "GITWEB_CONFIG": f"{programs.folder}/gitweb.conf",
        "NAGIOS_CGI_CONFIG": f"{programs.folder}/nagios/cgi.cfg",
        # Apache's programs run as another user than the one that made the repository.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        # The order of equal lines in AWStats's tables is that of a hash.
        "PERL_HASH_SEED": "0",
        "PERL_PERTURB_KEYS": "0",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }
    options = [word for name, value in environment.items() for word in ("--cgi-env", f"{name}={value}")]
    with contextlib.ExitStack() as stack:
        running = {mode: stack.enter_context(programs.serve("--cgi-mode", mode, *options)) for mode in ("exec", "warm")}
        absent = web_servers_cgi.missing()
        for name, start in {"apache2": web_servers_cgi.apache, "lighttpd": web_servers_cgi.lighttpd}.items():
            if name not in absent:
                server = start(programs.path, programs.folder, environment=environment)
                running[name.rstrip("2")] = stack.enter_context(server)
        yield running


def answer(server, page: Page, software: Software) -> tuple[int, dict[str, list[str]], bytes]:
    """The status, the fields and the body, without what differs from one moment or server to the next."""
    response = server.request(page.method, page.target, (("Host", HOST), *page.fields), page.body)
    body = response.body
    fields: dict[str, list[str]] = {}
    for name, value in response.fields:
        if (key := name.lower()) not in {*VOLATILE, *software.volatile}:
            for pattern, replacement in (*software.masks, *MASKS):
                value = re.sub(pattern, replacement, value.encode()).decode()
            if key == "last-modified":
                # Apache writes it in its own form, without a zone.
                value = email.utils.parsedate_to_datetime(value).replace(tzinfo=None).isoformat()
            if key != "content-type" or response.status != 304:  # Apache drops it there.
                fields.setdefault(key, []).append(value)
    assert page.contains in body, body[:3000]
    kind = "".join(response.all("content-type"))
    if kind.startswith(("text/", "application/json", "application/xml", "application/xhtml", "application/atom")):
        for pattern, replacement in (*software.masks, *MASKS):
            body = re.sub(pattern, replacement, body)
    return response.status, fields, body


CASES = [(name, page) for name, software in SOFTWARE.items() for page in software.pages]


@pytest.mark.parametrize(("name", "page"), CASES, ids=[f"{name} {page.method} {page.target}" for name, page in CASES])
def test_each_server_gives_the_same_answer(servers, name, page):
    if not is_there(name):
        pytest.skip(f"{name} is not installed")
    # What says when it was made may have been made before and after the turn of a second.
    for _ in range(3):
        answers = {}
        for server in servers:
            if server == "warm" and name != "hgweb":
                continue  # Executed there too.
            answers[server] = answer(servers[server], page, SOFTWARE[name])
            assert answers[server][0] == page.status, server
        reference = next(answers[server] for server in ("apache", "lighttpd", "exec") if server in answers)
        if all(given == reference for given in answers.values()):
            break
    for server, given in answers.items():
        assert given == reference, server


@pytest.mark.skipif(not is_there("hgweb"), reason="mercurial is not installed")
@pytest.mark.parametrize("name", SERVERS)
def test_mercurial_pushes_and_clones(servers, programs, name, tmp_path):
    if name not in servers:
        pytest.skip(f"{name} is not installed")
    inbox = f"http://127.0.0.1:{servers[name].port}/cgi-bin/hgpush.cgi/{name}"
    run([HG, "push", "-q", inbox], programs.folder / "hg" / "story")
    run([HG, "clone", "-q", inbox, "copy"], tmp_path)
    story, copy = (directory / "picture.bin" for directory in (programs.folder / "hg" / "story", tmp_path / "copy"))
    assert copy.read_bytes() == story.read_bytes()
    again = subprocess.run([HG, "push", inbox], cwd=tmp_path / "copy", env=PERSON, capture_output=True, text=True)
    assert "no changes found" in again.stdout


@pytest.mark.skipif(not is_there("cgit"), reason="cgit is not installed")
def test_git_clones_from_cgit(servers, tmp_path):
    for name, server in servers.items():
        run(["git", "clone", "-q", f"http://127.0.0.1:{server.port}{CGIT}/story", name], tmp_path)
        assert (tmp_path / name / "picture.bin").read_bytes() == bytes(range(256)) * 500


@pytest.mark.skipif(not is_there("hgweb"), reason="mercurial is not installed")
def test_hgweb_becomes_warm(servers, programs):
    def loaded() -> bool:
        assert servers["warm"].request("GET", HGWEB, (("Host", HOST),)).status == 200
        maps = []
        for process in programs.processes():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if b"hgweb.cgi" in Path("/proc", str(process.pid), "cmdline").read_bytes():
                    maps.append(Path("/proc", str(process.pid), "maps").read_text())
        return any("/mercurial/" in text for text in maps)

    deadline = time.monotonic() + PATIENCE
    while not loaded():
        assert time.monotonic() < deadline, "Mercurial's modules are not in the warm interpreter"
