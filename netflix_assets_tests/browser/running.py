"""A real `netflix-assets dev` for tests and for the README's pictures."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netflix_assets.settings import Settings

_START_SECONDS = 900
_STOP_SECONDS = 300


def environment(settings: Settings) -> dict[str, str]:
    """What a process of the pipeline needs to work on these settings."""
    return {
        **{name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"},
        "NETFLIX_HOME": str(settings.home),
        "NETFLIX_S3_ENDPOINT": settings.s3_endpoint,
        "NETFLIX_S3_BUCKET": settings.bucket,
    }


def wait_for(what: str, found: Callable[[], Any], *, seconds: float = 900) -> Any:
    """The first true value of a function, asked again and again, the less often the longer it takes."""
    started = time.monotonic()
    while not (value := found()):
        passed = time.monotonic() - started
        assert passed < seconds, f"{what} did not come about within {seconds:g} s"
        time.sleep(min(max(0.25, passed / 10), 2.5))
    return value


@dataclass(frozen=True)
class Dev:
    """A running `netflix-assets dev`."""

    settings: Settings
    url: str

    def graphql(self, query: str, **variables: object) -> dict[str, Any]:
        """The data of a query to the webserver."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def is_up(self) -> bool:
        """Whether the UI can show the assets."""
        try:
            return bool(self.graphql("{ assetNodes { id } }")["assetNodes"])
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def runs(self) -> list[dict[str, Any]]:
        """Id, status, assets and creation time of all runs, newest first."""
        query = "{ runsOrError { ... on Runs { results { runId status creationTime assetSelection { path } } } } }"
        results: list[dict[str, Any]] = self.graphql(query)["runsOrError"]["results"]
        return results

    def finished_runs(self, after: set[str], *, at_least: int = 1) -> list[dict[str, Any]] | None:
        """The runs that are not among those given, once they have all ended; None until then."""
        new = [run for run in self.runs() if run["runId"] not in after]
        ended = all(run["status"] in ("SUCCESS", "FAILURE", "CANCELED") for run in new)
        return new if len(new) >= at_least and ended else None


@contextmanager
def dev_server(settings: Settings, python: Path = Path(sys.executable)) -> Iterator[Dev]:
    """`netflix-assets dev` on a free port, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = settings.home / "dev.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(python), "-m", "netflix_assets.cli", "dev", "--port", str(port)],
            env=environment(settings),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        dev = Dev(settings, f"http://127.0.0.1:{port}")
        try:
            wait_for("the UI", lambda: process.poll() is not None or dev.is_up(), seconds=_START_SECONDS)
            assert process.poll() is None, Path(log).read_text()[-3000:]
            yield dev
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=_STOP_SECONDS)
        assert code == 143, Path(log).read_text()[-3000:]
