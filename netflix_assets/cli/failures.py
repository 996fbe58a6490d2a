"""What a command says of failures that are neither its own nor a bug: of the disk, the user's rights, and SQLite."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from netflix_assets.errors import SettingsError, UserError
from netflix_assets.settings import Settings
from netflix_assets.signals import INTERRUPTS

_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_HARDLY_ANY_ROOM = 1 << 20
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EBADF}
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


@contextmanager
def interruptible() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C in the block.

    Raises:
        SystemExit: One of them came, and the block did not end well; the code is the one that shells use for it.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _signals() as came:
        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        except BaseException as error:
            # What is in the way of an interrupt may turn it into anything.
            ended_well = isinstance(error, SystemExit) and not error.code
            if isinstance(error, UserError) or ended_well:
                raise
            if not came() and not any(is_interrupt(one) for one in _chain(error)):
                raise
            raise SystemExit(TERMINATED if signal.SIGTERM in came() else INTERRUPTED) from error
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _signals() -> Iterator[Callable[[], set[int]]]:
    """Yield a function that tells which interrupts came, whoever handled them: Dagster puts handlers of its own."""
    reading, writing = socket.socketpair()
    came: set[int] = set()

    def tell() -> set[int]:
        with suppress(BlockingIOError):
            came.update({*reading.recv(1024)} & {signal.SIGINT, signal.SIGTERM})
        return came

    with reading, writing:
        for end in (reading, writing):
            end.setblocking(False)
        before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        try:
            yield tell
        finally:
            signal.set_wakeup_fd(before)


def is_interrupt(error: BaseException) -> bool:
    """Return whether an error is an interrupt, Dagster's included."""
    return isinstance(error, KeyboardInterrupt) or type(error).__name__ in INTERRUPTS


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
    if "full" in text or ("I/O error" in text and shutil.disk_usage(_home()).free < _HARDLY_ANY_ROOM):
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
