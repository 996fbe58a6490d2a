"""One command at a time on one home: those that come meanwhile wait for their turn and are told for whom."""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_LOOK_SECONDS = 0.5


@contextmanager
def turn(path: Path, tell: Callable[[str], None]) -> Iterator[bool]:
    """Hold a file for the block, which whoever holds it before us gives free however it ends.

    Args:
        path: The file; made if it is missing. Where it cannot be made or locked, nobody waits.
        tell: Told for whom we wait.

    Yields:
        Whether we had to wait.
    """
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("a+"))
            waited = False
            while not _is_ours(file.fileno()):
                waited = True
                file.seek(0)
                tell(f"waiting for another command on {path.parent}: {file.read()}; to end it, `kill` that process")
                time.sleep(_LOOK_SECONDS)
            file.truncate(0)
            file.write(f"process {os.getpid()}, since {dt.datetime.now(dt.timezone.utc):%Y-%m-%d %H:%M} UTC")
            file.flush()
        except OSError:
            waited = False
        yield waited


def _is_ours(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
