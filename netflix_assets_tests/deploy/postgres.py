"""A real PostgreSQL of this machine, in a folder of its own, for as long as a test needs it."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "dagster"
PASSWORD = "p%40@ss/w:rd"


def programs() -> Path | None:
    """The folder of PostgreSQL's programs: Debian's, or where PATH has them; None where there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


class Server:
    """The server, which can be killed and started again."""

    def __init__(self, folder: Path, bin_: Path, owner: str | None) -> None:
        self._folder, self._bin, self._owner = folder, bin_, owner
        self.port = free_port()
        (folder / "password").write_text(PASSWORD)
        if owner is not None:
            for path in (folder, folder / "password"):
                shutil.chown(path, owner)
        self._run(
            "initdb", "-D", "data", "-U", USER, "--pwfile=password", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"
        )
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._bin / program, *arguments], cwd=self._folder, user=self._owner, check=True, capture_output=True
        )

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self._folder}"
        self._run("pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o", options)

    def kill(self) -> None:
        """End it without letting anybody finish."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", "data")


@contextmanager
def running(programs: Path) -> Iterator[Server]:
    """A server on a free port, whose files are gone afterwards."""
    # PostgreSQL refuses to run as root.
    owner = "nobody" if getpass.getuser() == "root" else None
    with tempfile.TemporaryDirectory(prefix="netflix-pg-", ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder), programs, owner)
        try:
            yield server
        finally:
            server.kill()
