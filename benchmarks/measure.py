"""Runs a command and measures all of it: wall time, processor time and peak memory of its whole process tree."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6
_EVERY_SECONDS = 0.05


@dataclass(frozen=True)
class Cost:
    """What a command took.

    Attributes:
        wall_s: Seconds from start to end.
        cpu_s: Processor seconds of the command and everything it started and waited for.
        peak_mb: Largest sum of resident memory over its process tree, sampled every 50 ms (Linux).
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


def measured(command: Sequence[str], *, env: Mapping[str, str], log: Path) -> Cost:
    """Run a command to its end; its output goes to `log`.

    Raises:
        SystemExit: The command failed.
    """
    before = os.times()
    started = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(command, env=dict(env), stdout=output, stderr=subprocess.STDOUT)
        peak = [0.0]
        watcher = threading.Thread(target=_watch, args=(process, peak))
        watcher.start()
        process.wait()
        watcher.join()
    after = os.times()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{log.read_text()[-3000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(time.monotonic() - started, cpu, peak[0])


def _watch(process: subprocess.Popen[bytes], peak: list[float]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], sum(_resident_mb(pid) for pid in _tree(process.pid)))
        time.sleep(_EVERY_SECONDS)


def _tree(pid: int) -> list[int]:
    """The process and its descendants; those that end meanwhile are left out."""
    try:
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return [pid]
    return [pid, *(descendant for child in children for descendant in _tree(child))]


def _resident_mb(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_MB
    except (OSError, IndexError):
        return 0.0
