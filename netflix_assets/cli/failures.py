"""What a command says of failures that are neither its own nor a bug: of the disk, the user's rights, and SQLite."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from netflix_assets.errors import SettingsError, UserError
from netflix_assets.settings import Settings

_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EBADF}
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


class _Terminated(KeyboardInterrupt):
    """SIGTERM came; whatever handles an interrupt handles it in the same way."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C in the block.

    Raises:
        SystemExit: One of them came; the code is the one that shells use for it.
    """
    came: list[int] = []

    def terminate(_number: int, _frame: FrameType | None) -> None:
        came.append(TERMINATED)
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except BaseException as error:
        if not isinstance(error, UserError) and any(is_interrupt(one) for one in _chain(error)):
            raise SystemExit(came[0] if came else INTERRUPTED) from error
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def is_interrupt(error: BaseException) -> bool:
    """Return whether an error is an interrupt, Dagster's included."""
    return isinstance(error, KeyboardInterrupt) or type(error).__name__ == "DagsterExecutionInterruptedError"


def sentence_for(error: BaseException) -> str | None:
    """Return what to do about an error of the system, or None for any other."""
    for one in _chain(error):
        text = str(getattr(one, "orig", None) or one)
        if isinstance(one, OSError):
            found = _of_system(one)
        elif isinstance(one, sqlite3.Error):
            found = _of_sqlite(text)
        else:
            found = None
        if found is not None:
            return found
    return None


def _of_system(error: OSError) -> str | None:
    where = error.filename or _home()
    if error.errno in _FULL:
        return _full(where)
    if error.errno in _REFUSED:
        return _refused(f"{where} cannot be used ({error.strerror})")
    if error.errno in _NO_LOCKS:
        return (
            f"files in {where} cannot be locked ({error.strerror}), as on some network file systems; "
            "set NETFLIX_HOME to a folder on a disk of this machine"
        )
    return None


def _of_sqlite(text: str) -> str:
    history = f"{_home()}/dagster"
    if "locked" in text:
        return (
            f"Dagster's history in {history} is held by another process ({text}); wait until that has finished, or "
            "end it, then try again"
        )
    if "full" in text:
        return _full(history)
    if "readonly" in text or "unable to open" in text:
        return _refused(f"Dagster's history in {history} cannot be written ({text})")
    return (
        f"Dagster's history in {history} cannot be used ({text}); if it is damaged, move that folder away: "
        "the tables stay, and Dagster's record of them is made anew"
    )


def _full(where: str) -> str:
    return (
        f"the disk of {where} is full; make room, or set NETFLIX_HOME to a folder on another, then try again: "
        "what was being written is taken back"
    )


def _refused(what: str) -> str:
    return (
        f"{what}; it may belong to another user, as after a `sudo`: make it yours "
        f"(`sudo chown -R {os.environ.get('USER') or os.getuid()} {_home()}`), or set NETFLIX_HOME to a folder of yours"
    )


def _home() -> str:
    try:
        return str(Settings.from_environment().home)
    except SettingsError:
        return "NETFLIX_HOME"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it, SQLAlchemy's own word for an error of SQLite included."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        original = getattr(one, "orig", None)
        if isinstance(original, BaseException):
            yield original
        one = one.__cause__ or one.__context__
