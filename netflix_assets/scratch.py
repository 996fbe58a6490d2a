"""Folders for files that live as long as one task: made, locked, and removed, also those of killed processes."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netflix_assets.errors import UserError

_PREFIXES = ("load-", "upload-", "split-", "sample-", "parse-")


@contextmanager
def scratch_folder(root: Path, prefix: str, *, error: type[UserError] = UserError) -> Iterator[Path]:
    """Make a folder for one task, and remove it afterwards; what killed tasks left beside it goes first.

    The lock on a folder dies with its process, so a folder that can be locked has no owner. No folder is unlocked
    while it is young: making and looking are done by one process at a time.

    Args:
        root: Folder that all tasks share; made if missing.
        prefix: Start of the folder's name: one of the prefixes above.
        error: What to raise.

    Raises:
        UserError: The folder cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root):
            _remove_abandoned(root)
            folder = tempfile.TemporaryDirectory(dir=root, prefix=prefix)
            lock = os.open(folder.name, os.O_RDONLY)
            _lock(lock, fcntl.LOCK_EX)
    except OSError as failure:
        raise error(
            f"{root} cannot be written ({failure.strerror or failure}); make it writable or set NETFLIX_HOME to a "
            "folder that is"
        ) from failure
    try:
        with folder:
            yield Path(folder.name)
    finally:
        os.close(lock)


def remove_abandoned(root: Path) -> None:
    """Remove what killed tasks left in the folder that all tasks share; does nothing where there is none."""
    with suppress(OSError), _locked(root):
        _remove_abandoned(root)


def _remove_abandoned(root: Path) -> None:
    for leftover in root.iterdir():
        if not leftover.name.startswith(_PREFIXES):
            continue
        with suppress(OSError):
            lock = os.open(leftover, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(leftover)
            finally:
                os.close(lock)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY)
    try:
        _lock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _lock(descriptor: int, operation: int) -> None:
    # Some network file systems lock no folders: then nothing is taken for abandoned, and nothing is removed.
    with suppress(OSError):
        fcntl.flock(descriptor, operation)
