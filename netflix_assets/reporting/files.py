"""Files that are there whole or not at all, and what is slow to make kept in them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in place of the one before, readable by all; whoever reads meanwhile finds one or the other.

    Raises:
        OSError: It cannot be written; the one before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner may read.
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def kept(path: Path | None, made_from: str, make: Callable[[], str]) -> str:
    """Return what `make` makes, from the file if it is there, whole, and made from the same.

    Args:
        path: Keeps it, with a first line of what it was made from and a digest; None keeps nothing.
        made_from: Names everything that the text depends on, in one line.
        make: Makes the text.
    """
    if path is None:
        return make()
    with contextlib.suppress(OSError):
        head, _, content = path.read_bytes().partition(b"\n")
        if head == _head(made_from, content):
            return content.decode()
    text = make()
    content = text.encode()
    # A folder that cannot be written costs time only; the report itself then says what is wrong with it.
    with contextlib.suppress(OSError):
        write_whole(path, _head(made_from, content) + b"\n" + content)
    return text


def _head(made_from: str, content: bytes) -> bytes:
    return f"{made_from} {hashlib.sha256(content).hexdigest()}".encode()
