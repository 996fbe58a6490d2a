"""A folder for one task is gone when the task is, however it ended, and never while it goes on."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from netflix_assets.errors import UserError, WarehouseError
from netflix_assets.scratch import remove_abandoned, scratch_folder

_HOLD = """
import sys, time
from pathlib import Path
from netflix_assets.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1]), "upload-") as folder:
    (folder / "piece").write_text("x")
    print(folder, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_task_left_is_removed_by_the_next_and_what_is_alive_stays(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _HOLD, tmp_path], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        held = Path(other.stdout.readline().strip())
        (tmp_path / "split-of-a-killed-one").mkdir()
        (tmp_path / "something-else").mkdir()
        with scratch_folder(tmp_path, "load-") as own:
            assert {path.name for path in tmp_path.iterdir()} == {own.name, held.name, "something-else"}
        other.kill()
        other.wait()
    remove_abandoned(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["something-else"]


def test_where_folders_cannot_be_locked_nothing_is_taken_for_abandoned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / "load-of-somebody").mkdir()
    with scratch_folder(tmp_path, "load-") as folder:
        assert folder.is_dir()
    remove_abandoned(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["load-of-somebody"]


def test_a_root_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(WarehouseError, match=r"file/tmp cannot be written \(Not a directory\)"),
        scratch_folder(tmp_path / "file" / "tmp", "load-", error=WarehouseError),
    ):
        pass
    remove_abandoned(tmp_path / "nowhere")


def test_a_failure_inside_is_not_taken_for_one_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), scratch_folder(tmp_path, "load-") as folder:
        (folder / "missing").read_bytes()
    assert not list(tmp_path.iterdir())
    assert issubclass(WarehouseError, UserError)
