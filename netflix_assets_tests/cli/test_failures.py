"""What a command says when the system fails it, and how it ends when somebody ends it."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy
from click.testing import CliRunner

from netflix_assets.cli import main
from netflix_assets.cli.failures import sentence_for
from netflix_assets.cli.shared import one_sentence
from netflix_assets.errors import UserError
from netflix_assets.settings import Settings
from netflix_assets_tests.pipeline import MOVIES


def of_sqlite(text: str) -> sqlalchemy.exc.OperationalError:
    return sqlalchemy.exc.OperationalError("select 1", {}, sqlite3.OperationalError(text))


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), ["the disk of", "is full", "make room"]),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "/home/x"), ["the disk of /home/x is full"]),
        (OSError(errno.EACCES, "Permission denied", "/home/x"), ["/home/x cannot be used", "sudo chown -R"]),
        (OSError(errno.EROFS, "Read-only file system", "/x"), ["/x cannot be used (Read-only file system)"]),
        (OSError(errno.ENOLCK, "No locks available", "/x"), ["files in /x cannot be locked", "set NETFLIX_HOME"]),
        (of_sqlite("database is locked"), ["Dagster's history in", "held by another process"]),
        (of_sqlite("database or disk is full"), ["the disk of", "is full"]),
        (of_sqlite("attempt to write a readonly database"), ["cannot be written", "sudo chown -R"]),
        (of_sqlite("database disk image is malformed"), ["move that folder away", "the tables stay"]),
    ],
)
def test_what_the_system_refuses_is_one_sentence_also_as_the_cause_of_another_error(
    error: Exception, parts: list[str]
) -> None:
    wrapped = RuntimeError("the event could not be stored")
    wrapped.__cause__ = error
    for one in (error, wrapped):
        sentence = sentence_for(one)
        assert sentence is not None and "\n" not in sentence
        assert all(part in sentence for part in parts), sentence


def test_a_bug_is_no_sentence() -> None:
    assert sentence_for(KeyError("movies")) is None
    assert sentence_for(FileNotFoundError(errno.ENOENT, "No such file or directory", "x")) is None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_is_interrupted_says_one_line_and_ends_as_shells_expect(
    number: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    @one_sentence
    def command() -> None:
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        except KeyboardInterrupt as error:
            raise RuntimeError("a step failed") from error

    with pytest.raises(SystemExit) as ended:
        command()
    assert ended.value.code == code
    assert capsys.readouterr().err.count("\n") == 1


def test_a_sentence_that_follows_an_interrupt_of_our_own_is_kept() -> None:
    @one_sentence
    def command() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise UserError("the run took too long") from error

    with pytest.raises(SystemExit) as ended:
        command()
    assert ended.value.code == 1


def dev(settings: Settings, port: int) -> tuple[int, str]:
    environment = {"NETFLIX_HOME": str(settings.home), "NETFLIX_S3_ENDPOINT": settings.s3_endpoint}
    result = CliRunner().invoke(main, ["dev", "--port", str(port)], env=environment)
    return result.exit_code, result.output


def test_dev_tries_the_port_of_its_ui_first(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = dev(settings, port)
    assert code == 1
    assert f"the UI cannot be on port {port} of 127.0.0.1 (Address already in use); choose another with --port" in said
    assert not settings.home.exists()


def test_a_second_dev_on_one_home_says_that_the_first_runs(settings: Settings) -> None:
    settings.dagster_home.mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (settings.dagster_home / "dev.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 4711")
        lock.flush()
        code, said = dev(settings, port)
    assert code == 1
    assert f"already runs on {settings.home} (process 4711)" in said


def test_a_home_whose_files_cannot_be_locked_is_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    environment = {"NETFLIX_HOME": str(settings.home), "NETFLIX_S3_ENDPOINT": settings.s3_endpoint}
    source = tmp_path / "movies.csv"
    source.write_text(MOVIES)
    for arguments in (["upload", str(source)], ["s3", "serve"], ["dev", "--port", "0"]):
        result = CliRunner().invoke(main, arguments, env=environment)
        assert result.exit_code == 1
        assert "cannot be locked (No locks available)" in result.output
        assert "set NETFLIX_HOME to a folder on a disk of this machine" in result.output
