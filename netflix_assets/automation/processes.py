"""Processes, told apart beyond their numbers: the system gives a number again once a process has ended."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HOST_TAG = "netflix/host"
NAMESPACE_TAG = "netflix/pid_namespace"
BOOT_TAG = "netflix/boot"
PID_TAG = "netflix/pid"
STARTED_TAG = "netflix/process_start"
# Counted from the one after the name; proc(5) calls it the 22nd of all.
_STARTED_FIELD = 19


@dataclass(frozen=True)
class Process:
    """A process as the tags of a run name it.

    Attributes:
        host: Name of its machine or container.
        namespace: Of the numbers of processes: a container may share its host's name, but not its numbers. Empty where
            the system has none.
        boot: Of the system, or empty.
        pid: Its number.
        started: When it started, as the system counts, or empty.
    """

    host: str
    namespace: str
    boot: str
    pid: int
    started: str

    @classmethod
    def current(cls) -> Process:
        """Return this process."""
        return cls(socket.gethostname(), _namespace(), _boot(), os.getpid(), _started(os.getpid()))

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Process | None:
        """Return the process that tags name, or None."""
        pid = tags.get(PID_TAG, "")
        if HOST_TAG not in tags or not pid.isdigit():
            return None
        return cls(
            tags[HOST_TAG], tags.get(NAMESPACE_TAG, ""), tags.get(BOOT_TAG, ""), int(pid), tags.get(STARTED_TAG, "")
        )

    def to_tags(self) -> dict[str, str]:
        """Return the tags that name it."""
        return {
            HOST_TAG: self.host,
            NAMESPACE_TAG: self.namespace,
            BOOT_TAG: self.boot,
            PID_TAG: str(self.pid),
            STARTED_TAG: self.started,
        }

    def is_here(self) -> bool:
        """Return whether its number is one of the numbers that this process sees."""
        return self.host == socket.gethostname() and self.namespace in ("", _namespace())

    def is_alive(self) -> bool | None:
        """Return whether it still runs, or None if that cannot be told from here."""
        if not self.is_here():
            return None
        if self.boot and self.boot != _boot():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            # It is somebody else's.
            pass
        started = _started(self.pid)
        return started == self.started if self.started and started else None


@cache
def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _said("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")


def _started(pid: int) -> str:
    """Return when a process started: in ticks since the boot, or where there is no /proc as `ps` writes it."""
    try:
        # The name of the program, in brackets, may hold spaces and brackets itself.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _said("/bin/ps", "-o", "lstart=", "-p", str(pid))
    # Of a process that has ended and that its parent has not asked after, only the entry is left.
    return "ended" if fields[0] in "ZX" else fields[_STARTED_FIELD]


def _said(*command: str) -> str:
    """Return what a program of the system prints, or nothing."""
    try:
        done = subprocess.run(command, env={"LC_ALL": "C", "TZ": "UTC"}, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
