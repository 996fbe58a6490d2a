"""A real PostgreSQL of this machine, in a folder of its own, for as long as a test needs it."""

from __future__ import annotations

import base64
import getpass
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "dagster"
PASSWORD = "p%40@ss/w:rd\nof two lines"


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


def verifier(password: str) -> str:
    """What PostgreSQL keeps of a password, as RFC 5803 has it.

    Dagster makes a connection for every query. PostgreSQL's own 4,096 iterations would be most of what one takes, and
    how often it asks its clients to iterate has been a setting only since PostgreSQL 16.
    """
    salt, iterations = os.urandom(16), 1
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [base64.b64encode(one).decode() for one in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{encoded[0]}${encoded[1]}:{encoded[2]}"


class Server:
    """The server, which can be killed and started again."""

    def __init__(self, folder: Path, bin_: Path, owner: str | None) -> None:
        self._folder, self._bin, self._owner = folder, bin_, owner
        self.port = free_port()
        if owner is not None:
            shutil.chown(folder, owner)
        # Its owner is let in through the socket, everybody else by password.
        authentication = ("--auth-local=trust", "--auth-host=scram-sha-256")
        self._run("initdb", "-D", "data", "-U", USER, *authentication, "-E", "UTF8", "--no-sync")
        self.start()
        self.sql(f"alter user {USER} password '{verifier(PASSWORD)}'")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._bin / program, *arguments], cwd=self._folder, user=self._owner, check=True, capture_output=True
        )

    def client(self, program: str, *arguments: str, given: str = "") -> str:
        """What one of PostgreSQL's clients prints."""
        environment = {**os.environ, "PGHOST": str(self._folder), "PGPORT": str(self.port), "PGUSER": USER}
        done = subprocess.run(
            [self._bin / program, *arguments], input=given, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def sql(self, statements: str, *, database: str = "postgres") -> str:
        """Run statements; returns the rows of the last, without headings."""
        options = ("--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
        return self.client("psql", *options, database, given=statements).strip()

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
