"""The servers of local work: the S3 server, and `dg dev` beside it."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click
from rich.markup import escape

from netflix_assets.cli.shared import console, one_sentence
from netflix_assets.errors import SettingsError
from netflix_assets.settings import PROJECT_ROOT, Settings, Target, child_environment
from netflix_assets.signals import until_signal


@click.group()
def s3() -> None:
    """The local S3 server that stands in for Amazon S3."""


@s3.command(epilog="Example: netflix-assets s3 serve")
@one_sentence
def serve() -> None:
    """Serve the bucket from the folder .netflix/s3 until interrupted."""
    from netflix_assets.landing import local_s3

    def ready(settings: Settings) -> None:
        console.print(
            f"S3 at {settings.s3_endpoint}, bucket {settings.bucket}, objects in {escape(str(settings.s3_root))}"
        )

    local_s3.serve(Settings.from_environment(), on_ready=ready)
    # Only a signal ends it without an error.
    raise KeyboardInterrupt


@click.command(epilog="Example: netflix-assets dev --port 3001")
@click.option("--port", type=int, default=3000, show_default=True, help="Port of the UI, on 127.0.0.1.")
@one_sentence
def dev(port: int) -> None:
    """Run `dg dev`, and with the local target the S3 server, on the same data until interrupted."""
    from netflix_assets.automation.instance import dagster_instance
    from netflix_assets.landing import local_s3

    settings = Settings.from_environment()
    local = settings.target is Target.LOCAL
    _refuse_taken_port(port)
    with (
        dagster_instance(settings),
        _only_one(settings.dagster_home),
        local_s3.running(settings, at_any_port=False) if local else nullcontext(),
    ):
        console.print(
            f"S3 at {settings.s3_endpoint}, bucket {settings.bucket}; the UI will be on http://127.0.0.1:{port}",
        )
        raise SystemExit(_dg_dev(settings, port))


def _refuse_taken_port(port: int) -> None:
    """Stop before anything is started, if the UI could not be."""
    with socket.socket() as tried:
        # As the web server does: a port that was in use until just now is free.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise SettingsError(
                f"the UI cannot be on port {port} of 127.0.0.1 ({why}); choose another with --port"
            ) from error


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Hold the only daemon of a Dagster home: two would ask for every run twice."""
    with (home / "dev.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise SettingsError(
                f"`netflix-assets dev` already runs on {home.parent} ({lock.read()}); use its UI, or stop it first, or "
                "set NETFLIX_HOME to another folder"
            ) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
        lock.flush()
        yield


def _dg_dev(settings: Settings, port: int) -> int:
    """Run `dg dev` until it ends, and return its exit code.

    Raises:
        KeyboardInterrupt: We were asked to end.
    """
    # Started inside the block: before it SIGINT may be ignored, and a child inherits that.
    with (
        until_signal(),
        subprocess.Popen(
            [
                str(Path(sys.executable).with_name("dg")),
                *("dev", "--host", "127.0.0.1", "--port", str(port)),
                *("--workspace", str(PROJECT_ROOT / "workspace.yaml")),
            ],
            # What Dagster puts into the current folder is state.
            cwd=settings.dagster_home,
            env={
                "NETFLIX_UI_URL": f"http://127.0.0.1:{port}",
                **child_environment(),
                "DAGSTER_HOME": str(settings.dagster_home),
                "NETFLIX_HOME": str(settings.home),
            },
        ) as process,
    ):
        try:
            return process.wait()
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
    raise KeyboardInterrupt
