"""`make torture N=200`: disturb the program N times at random; the last line is JSON, all zeros if nothing was lost."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from netflix_assets.settings import Settings
from netflix_assets_tests.conftest import isolated_settings
from netflix_assets_tests.torture.cycle import (
    Counts,
    State,
    base,
    descendants,
    finish,
    kill_at_random,
    prepared,
    start,
    state_of,
)

STARTERS = 20
_HOLD = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print(flush=True); time.sleep(float(sys.argv[2]))"
_DISK = "12m"


class Torture:
    """The disturbances, each of a copy of one home."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.counts = Counts()
        # How long an undisturbed command takes on this machine.
        self.seconds = 10.0

    def killed(self, home: Settings, victim: str) -> None:
        """Kill the command, or a program that it runs."""
        process = start(home, "materialize")
        kill_at_random(process, victim, self.random.uniform(0, self.seconds))
        process.communicate()
        self.counts.kills += 1

    def command(self, home: Settings) -> None:
        """Kill the command."""
        self.killed(home, "command")

    def dbt(self, home: Settings) -> None:
        """Kill dbt."""
        self.killed(home, "dbt")

    def s3(self, home: Settings) -> None:
        """Take S3 away; the next command gives it back."""
        self.killed(home, "rclone")
        self.counts.outages += 1

    def ended(self, home: Settings) -> None:
        """Ask the command to end, as Ctrl-C or a service manager does."""
        process = start(home, "materialize")
        number = self.random.choice([signal.SIGINT, signal.SIGTERM])
        with suppress(subprocess.TimeoutExpired):
            process.wait(self.random.uniform(0.5, self.seconds))
        process.send_signal(number)
        said, _ = process.communicate()
        self.counts.kills += 1
        if "Traceback" in said:
            self.counts.differences += 1
            self.counts.notes.append(f"ended: {number.name} gave a traceback: {said[-1500:]}")

    def warehouse(self, home: Settings) -> None:
        """Hold the warehouse for some seconds while the command runs."""
        process = start(home, "materialize")
        with suppress(subprocess.TimeoutExpired):
            process.wait(self.random.uniform(0, self.seconds))
        with subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(home.warehouse_path), str(self.random.uniform(1, 5))],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ):
            process.communicate()
        self.counts.outages += 1

    def starters(self, home: Settings) -> None:
        """Start many at once; one works, and the others wait and find nothing to do."""
        processes = [start(home, "materialize") for _ in range(STARTERS)]
        for process in processes:
            said, _ = process.communicate()
            if process.returncode:
                self.counts.differences += 1
                self.counts.notes.append(f"starters: one ended with {process.returncode}: {said[-1000:]}")

    def daemon(self, home: Settings) -> None:
        """Kill `dev` and all that it runs, two of which were started, after some time."""
        ports = [isolated_settings(home.home).s3_endpoint.rpartition(":")[2] for _ in range(2)]
        processes = [start(home, "dev", "--port", port) for port in ports]
        time.sleep(self.random.uniform(5, 4 * self.seconds))
        hit = [pid for process in processes for pid in (process.pid, *descendants(process.pid))]
        for pid in hit:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in processes:
            process.communicate()
        self.counts.kills += 1

    def disk(self, home: Settings) -> None:
        """Fill the disk, then make room."""
        filler = home.home / "filler"
        with filler.open("wb") as file, suppress(OSError):
            for _ in range(self.random.randrange(1, 400)):
                file.write(bytes(1 << 15))
        process = start(home, "materialize")
        said, _ = process.communicate()
        if "Traceback" in said:
            self.counts.differences += 1
            self.counts.notes.append(f"disk: a full disk gave a traceback: {said[-1500:]}")
        filler.unlink()
        self.counts.outages += 1

    def cycle(self, what: str, settings: Settings, folder: Path, undisturbed: State, *, fresh: bool) -> None:
        """Disturb a copy of a home, repeat the command, and compare."""
        disturb: Callable[[Settings], None] = getattr(self, what)
        home = prepared(settings, folder, fresh=fresh)
        # Another process of ours may take the address of an earlier cycle.
        home = home.with_s3_endpoint(isolated_settings(folder).s3_endpoint)
        disturb(home)
        failed = finish(home)
        if failed is not None:
            self.counts.stuck += 1
            self.counts.notes.append(f"{what}: the same command again failed: {failed}")
        self.counts.compare(f"{what}, {'first load' if fresh else 'changes'}", state_of(home), undisturbed)


KINDS = ("command", "command", "dbt", "s3", "ended", "warehouse", "command", "dbt", "disk", "daemon", "starters")


def torture(cycles: int, seed: int, root: Path, kinds: tuple[str, ...] = KINDS) -> Counts:
    """Disturb as many times, in turn in each way; return what came of it."""
    one = Torture(seed)
    settings = base(isolated_settings(root / "base"))
    undisturbed: dict[bool, State] = {}
    for fresh in (False, True):
        home = prepared(settings, root / f"undisturbed-{fresh}", fresh=fresh)
        started = time.monotonic()
        failed = finish(home)
        assert failed is None, failed
        one.seconds = time.monotonic() - started
        undisturbed[fresh] = state_of(home)
    for number in range(cycles):
        what = kinds[number % len(kinds)]
        fresh = one.random.random() < 0.5
        with tempfile.TemporaryDirectory(dir=root, prefix="cycle-") as folder:
            place = Path(folder)
            if what == "disk" and not mounted(place):
                one.counts.notes.append("disk: skipped, only root can make a small disk")
                continue
            try:
                one.cycle(what, settings, place, undisturbed[fresh], fresh=fresh)
            finally:
                if what == "disk":
                    subprocess.run(["umount", "--lazy", folder], check=False)
        print(f"{number + 1} of {cycles}: {what}", file=sys.stderr, flush=True)  # noqa: T201
    return one.counts


def mounted(place: Path) -> bool:
    """Mount a small disk; False where that is not allowed."""
    if os.geteuid() != 0:
        return False
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(place)], capture_output=True, check=False
    )
    return done.returncode == 0


def main() -> None:
    """Read the arguments, torture, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cycles", type=int)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kinds", default=",".join(KINDS))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", file=sys.stderr)  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="netflix-torture-") as folder:
        counts = torture(arguments.cycles, arguments.seed, Path(folder), tuple(arguments.kinds.split(",")))
    for note in counts.notes:
        print(note, file=sys.stderr)  # noqa: T201
    totals = {name: value for name, value in asdict(counts).items() if name != "notes"}
    print(json.dumps(totals))  # noqa: T201
    bad = [name for name in ("lost_rows", "doubled_rows", "stuck", "differences") if totals[name]]
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
