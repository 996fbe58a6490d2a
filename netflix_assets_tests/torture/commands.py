"""Commands of the program as processes that can be killed: forked from this one, which has imported Dagster already.

Importing is most of what a command costs. What is forked is the program's own command line, with an environment, a
session and streams of its own.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import subprocess
import sys
import time
import traceback
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from netflix_assets.cli import main
from netflix_assets.settings import Settings, child_environment
from netflix_assets_tests.warm import end_as_python_does

_ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER
_POLL_SECONDS = 0.02


class Forked:
    """A child of this process.

    Attributes:
        pid: Its number.
        output: File that it writes to.
        returncode: As of `subprocess.Popen`; None while it runs.
    """

    def __init__(self, act: Callable[[], object], environment: Mapping[str, str], output: Path) -> None:
        """Start a child that does something, in a session of its own."""
        self.output = output
        self.returncode: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _be(act, environment, output)

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended; return whether it has."""
        deadline = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return self.returncode is not None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def said(self) -> str:
        """Return what it has written so far."""
        return self.output.read_text(errors="replace")


def _be(act: Callable[[], object], environment: Mapping[str, str], output: Path) -> None:
    """Act as the child. Does not return."""
    code = 1
    try:
        os.setsid()
        # What this process is to remove when it ends is not the child's to remove.
        for inherited in list(weakref.finalize._registry):  # type: ignore[attr-defined]
            inherited.detach()
        # Until the command begins, a signal ends it without a word.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for stream, opened in enumerate((nothing, written, written)):
            os.dup2(opened, stream)
        os.environ.clear()
        os.environ.update(environment)
        act()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 (what ends a process with a traceback)
        traceback.print_exc()
    finally:
        end_as_python_does()
        os._exit(code)


def command(settings: Settings, *arguments: str) -> Forked:
    """Start `netflix-assets`."""
    scratch = settings.home.parent / "tmp"
    scratch.mkdir(exist_ok=True)
    environment = {
        **child_environment(),
        "NETFLIX_HOME": str(settings.home),
        "NETFLIX_S3_ENDPOINT": settings.s3_endpoint,
        "NETFLIX_S3_BUCKET": settings.bucket,
        "TMPDIR": str(scratch),
    }
    output = settings.home.parent / f"{arguments[0]}-{time.monotonic_ns()}.txt"
    return Forked(lambda: main(list(arguments)), environment, output)


def in_a_child(act: Callable[..., Any], *arguments: Any, folder: Path) -> Any:
    """Return what a function returns, called in a child: this process stays one that can be forked."""
    answer = folder / f"answer-{time.monotonic_ns()}"
    child = Forked(lambda: answer.write_bytes(pickle.dumps(act(*arguments))), os.environ, answer.with_suffix(".txt"))
    child.wait(600)
    assert child.returncode == 0, child.said()
    return pickle.loads(answer.read_bytes())


def adopt_orphans() -> None:
    """Become the parent of what killed commands leave running, so that it can be found and ended."""
    ctypes.CDLL(None).prctl(_ADOPT_ORPHANS, 1)


def descendants(pid: int) -> dict[int, str]:
    """Return the command lines of the processes that a process started, and those that these started."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    processes = [line.split(None, 2) for line in listing.splitlines()]
    found: dict[int, str] = {}
    parents = {pid}
    while parents:
        children = {int(one[0]): one[-1] for one in processes if int(one[1]) in parents}
        parents = {*children} - {*found}
        found |= children
    return found


def kill(processes: Mapping[int, str], *names: str) -> bool:
    """Kill those whose command line has one of the names; return whether there was one."""
    hit = [pid for pid, line in processes.items() if any(name in line for name in names)]
    for pid in hit:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(hit)


def end_children() -> None:
    """Kill all that this process started and adopted, and wait for it."""
    while left := [pid for pid, line in descendants(os.getpid()).items() if not line.startswith("ps ")]:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(_POLL_SECONDS)
