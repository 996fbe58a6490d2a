"""`netflix-assets report`: build, serve and open, and what they say when they cannot."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from netflix_assets.cli import main
from netflix_assets.settings import Settings
from netflix_assets_tests.pipeline import Pipeline
from netflix_assets_tests.reporting.test_page import HTML


def environment(settings: Settings) -> dict[str, str]:
    return {"NETFLIX_HOME": str(settings.home), "NETFLIX_S3_ENDPOINT": settings.s3_endpoint}


def report(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", *arguments], env=environment(settings))


@pytest.fixture
def kept(settings: Settings) -> Settings:
    """Settings with a report."""
    settings.report_path.parent.mkdir(parents=True)
    settings.report_path.write_text(HTML)
    return settings


def test_build_writes_the_page_from_the_marts_as_they_are(small: Pipeline) -> None:
    small.settings.report_path.unlink()
    result = report(small.settings, "build")
    assert result.exit_code == 0, result.output
    assert f"{small.settings.report_path} (" in result.output
    assert "data as of 2015-05-01" in result.output
    assert 'data-tile="ratings" data-value="6"' in small.settings.report_path.read_text()


def test_without_a_warehouse_or_a_report_each_command_says_what_to_run(settings: Settings) -> None:
    for command, remedy in (("build", "materialize"), ("open", "report build"), ("serve", "report build")):
        result = report(settings, command)
        assert result.exit_code == 1
        assert f"`netflix-assets {remedy}`" in result.output
    assert not settings.report_path.exists()


def test_open_starts_a_browser_or_says_what_to_open(kept: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def first_only(address: str) -> bool:
        opened.append(address)
        return len(opened) == 1

    monkeypatch.setattr("webbrowser.open", first_only)
    assert f"opened {kept.report_path}" in report(kept, "open").output
    assert f"open {kept.report_path.as_uri()} in one" in report(kept, "open").output
    assert opened == [kept.report_path.as_uri()] * 2


@pytest.fixture
def served(kept: Settings) -> Iterator[str]:
    command = [sys.executable, "-u", "-m", "netflix_assets.cli", "report", "serve", "--port", "0"]
    process = subprocess.Popen(
        command, env={**os.environ, **environment(kept)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout
    line = process.stdout.readline()
    yield re.search(r"http://127\.0\.0\.1:\d+", line)[0]  # type: ignore[index]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130


def test_serve_gives_the_newest_page_and_nothing_else(served: str, kept: Settings) -> None:
    with urllib.request.urlopen(served) as response:
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert response.read().decode() == HTML
    kept.report_path.write_text("<p>newer")
    with urllib.request.urlopen(f"{served}/?again") as response:
        assert response.read() == b"<p>newer"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{served}/../warehouse.duckdb")
    kept.report_path.unlink()
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(served)


def test_a_port_in_use_is_named(kept: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = report(kept, "serve", "--port", str(port))
    assert result.exit_code == 1
    assert f"127.0.0.1:{port}" in result.output and "--port" in result.output
