"""Commands on one home wait for their turn, are told for whom, and for nobody who is dead."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from netflix_assets.turns import turn

_HOLD = """
import sys, time
from pathlib import Path
from netflix_assets.turns import turn
with turn(Path(sys.argv[1]), print):
    print(flush=True)
    time.sleep(60)
"""


def test_who_comes_second_is_told_for_whom_it_waits_and_waits_for_nobody_who_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "home" / "lock"
    told: list[str] = []
    with subprocess.Popen([sys.executable, "-c", _HOLD, path], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()

        def tell(text: str) -> None:
            told.append(text)
            other.kill()

        with turn(path, tell) as waited:
            assert waited
    assert f"waiting for another command on {tmp_path / 'home'}: process {other.pid}, since 20" in told[0]
    with turn(path, told.append) as waited:
        assert not waited


def test_where_nothing_can_be_locked_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with turn(tmp_path / "lock", pytest.fail) as waited:
        assert not waited
