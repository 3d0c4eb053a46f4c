"""Apache with the real mod_python on a free port: what Millau's answers are compared with."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from client import Client

MODULES = Path("/usr/lib/apache2/modules")
PATIENCE = 30.0


def why_not() -> str | None:
    """Why there is no Apache with mod_python here; None if there is one."""
    if not (MODULES / "mod_python.so").exists():
        return "libapache2-mod-python is not installed"
    return None if shutil.which("apache2") or Path("/usr/sbin/apache2").exists() else "apache2 is not installed"


class ModPython:
    """A running Apache; `directories` are (path, directory, lines of configuration)."""

    def __init__(self, folder: Path, directories: list[tuple[str, Path, str]]) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        names = ("mpm_prefork", "authz_core", "alias", "dir", "mime", "python")
        modules = "".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in names)
        parts = "".join(
            f"Alias {path} {directory}\n<Directory {directory}>\nRequire all granted\n{lines}\n</Directory>\n"
            for path, directory, lines in directories
        )
        # www-data must be able to reach the pages; Apache does not serve as root.
        user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
        (folder / "httpd.conf").write_text(
            f"ServerRoot {folder}\nPidFile {folder}/pid\nListen 127.0.0.1:{self.port}\nServerName 127.0.0.1\n{user}"
            f"{modules}TypesConfig /etc/mime.types\nErrorLog {folder}/error.log\nMutex file:{folder} default\n"
            f"PythonOption mod_python.mutex_directory {folder}\nPythonOption mod_python.mutex_locks 2\n"
            f"StartServers 1\nMaxRequestWorkers 2\nDocumentRoot {folder}\n{parts}"
        )
        folder.chmod(0o777)
        # What mod_python decodes passwords with, and Python 3.9 has lost: without it every login is refused.
        (folder / "sitecustomize.py").write_text("import base64\n\nbase64.decodestring = base64.decodebytes\n")
        self.process = subprocess.Popen(
            ["/usr/sbin/apache2", "-f", str(folder / "httpd.conf"), "-DFOREGROUND"],
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # When it ends, it ends its whole process group.
            start_new_session=True,
        )
        for _ in range(int(PATIENCE * 20)):
            if self.process.poll() is not None:
                raise RuntimeError(self.process.stdout.read().decode() + self.log())
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.05)
        self.close()
        raise RuntimeError("Apache does not listen:\n" + self.log())

    def log(self) -> str:
        path = self.folder / "error.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def client(self) -> Client:
        return Client(socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stdout.close()
