"""What can happen to a program: each disturbs a command that works on a home, and ends what it started.

Each is given the home, a source of chance, and how long an undisturbed command takes; it returns what it counted.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field

import duckdb

from netflix_assets.landing import local_s3
from netflix_assets.settings import Settings
from netflix_assets_tests.conftest import isolated_settings
from netflix_assets_tests.torture.commands import Forked, command, descendants, kill
from netflix_assets_tests.torture.homes import source_of_the_same, told_as_ended
from netflix_assets_tests.torture.state import Counts

STARTERS = 20
_LOOK_SECONDS = 0.1
_ENDS_WITHIN = 900
_RUN_WORKER = "dagster api execute_run"


@dataclass
class Cycle:
    """One disturbance of one home."""

    home: Settings
    random: random.Random
    seconds: float
    counts: Counts = field(default_factory=Counts)

    def start(self, *arguments: str) -> Forked:
        """Start `materialize` on what has changed, or another command."""
        return command(self.home, *(arguments or ("materialize",)))

    def some_time(self, process: Forked, share: float = 0.9) -> bool:
        """Let it work for a while; return whether it is still at it."""
        return not process.wait(self.random.uniform(0, share * self.seconds))

    def end(self, process: Forked) -> None:
        """Wait for its end."""
        if not process.wait(_ENDS_WITHIN):
            self.counts.stuck += 1
            self.counts.notes.append(f"it does not end: {process.said()[-1500:]}")
            process.send(signal.SIGKILL)
            process.wait(_ENDS_WITHIN)
        # Dagster's own servers, whose output `dev` shows, end with one.
        if "Traceback" in process.said() and not process.output.name.startswith("dev-"):
            said = process.said()
            self.counts.note(f"traceback: {said[max(0, said.index('Traceback') - 500) :][:2500]}")

    def kill(self, process: Forked) -> None:
        """Kill it."""
        self.counts.kills += process.poll() is None
        process.send(signal.SIGKILL)
        process.wait(_ENDS_WITHIN)


def killed(cycle: Cycle) -> None:
    """Kill the command."""
    process = cycle.start()
    cycle.some_time(process)
    cycle.kill(process)


def dbt_killed(cycle: Cycle) -> None:
    """Kill dbt, at some moment of its work."""
    _kill_what_it_runs(cycle, "/dbt ", cycle.random.uniform(0, cycle.seconds / 2))


def rclone_killed(cycle: Cycle) -> None:
    """Kill the S3 server that the command has started for itself."""
    _kill_what_it_runs(cycle, "/rclone ", cycle.random.uniform(0, cycle.seconds))


def _kill_what_it_runs(cycle: Cycle, name: str, after: float) -> None:
    process = cycle.start()
    while process.poll() is None and not any(name in line for line in descendants(process.pid).values()):
        time.sleep(_LOOK_SECONDS)
    process.wait(after)
    cycle.counts.kills += kill(descendants(process.pid), name) if process.poll() is None else 0
    cycle.end(process)


def s3_away(cycle: Cycle) -> None:
    """Take the S3 server away that several use, and give it back some seconds later."""
    with ExitStack() as server:
        server.enter_context(local_s3.running(cycle.home, at_any_port=False))
        process = cycle.start()
        cycle.some_time(process)
        kill(_servers_of(cycle.home), "/rclone ")
        cycle.counts.outages += 1
    process.wait(cycle.random.uniform(0, 8))
    with local_s3.running(cycle.home, at_any_port=False):
        cycle.end(process)


def _servers_of(home: Settings) -> dict[int, str]:
    return {pid: line for pid, line in descendants(os.getpid()).items() if str(home.home) in line}


def asked_to_end(cycle: Cycle) -> None:
    """Ask the command to end, as Ctrl-C or a service manager does."""
    process = cycle.start()
    cycle.some_time(process)
    _ask(cycle, process)


def _ask(cycle: Cycle, process: Forked) -> None:
    cycle.counts.kills += process.poll() is None
    process.send(cycle.random.choice([signal.SIGINT, signal.SIGTERM]))
    cycle.end(process)
    wrong = told_as_ended(process)
    if wrong is not None:
        cycle.counts.note(wrong)


def warehouse_held(cycle: Cycle) -> None:
    """Hold the warehouse for some seconds while the command runs."""
    process = cycle.start()
    cycle.some_time(process)

    def hold() -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with suppress(duckdb.Error), duckdb.connect(str(cycle.home.warehouse_path)):
                time.sleep(cycle.random.uniform(1, 20))
                return
            time.sleep(0.01)

    _beside(cycle, process, hold)


def history_held(cycle: Cycle) -> None:
    """Hold a file of Dagster's history for some seconds while the command runs."""
    history = cycle.home.dagster_home / "history"
    file = cycle.random.choice([history / "runs.db", history / "runs" / "index.db"])
    process = cycle.start()
    cycle.some_time(process)

    def hold() -> None:
        if not file.exists():
            return
        with closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as connection:
            connection.execute("begin exclusive")
            time.sleep(cycle.random.uniform(1, 40))

    _beside(cycle, process, hold)


def _beside(cycle: Cycle, process: Forked, hold: Callable[[], None]) -> None:
    cycle.counts.outages += 1
    holder = Forked(hold, os.environ, process.output.with_suffix(".holder"))
    cycle.end(process)
    holder.wait(_ENDS_WITHIN)
    if holder.returncode:
        cycle.counts.note(f"the holder failed: {holder.said()}")


def disk_full(cycle: Cycle) -> None:
    """Leave little or no room on the disk, and make room when the command has ended, or before."""
    filler = cycle.home.home / "filler"
    block = bytes(1 << 16)
    with filler.open("wb", buffering=0) as file:
        with suppress(OSError):
            while file.write(block) == len(block):
                pass
        room = cycle.random.choice([0, cycle.random.randrange(1 << 22)])
        file.truncate(max(0, file.tell() - room))
    cycle.counts.outages += 1
    process = cycle.start()
    if cycle.random.random() < 0.3:
        cycle.some_time(process)
        filler.unlink()
    cycle.end(process)
    filler.unlink(missing_ok=True)


def starters(cycle: Cycle) -> None:
    """Start many at once; one works, and the others wait and find nothing to do."""
    processes = [cycle.start() for _ in range(STARTERS)]
    for process in processes:
        cycle.end(process)
        if process.returncode:
            cycle.counts.note(f"one ended with {process.returncode}: {process.said()[-1500:]}")


def dev_killed(cycle: Cycle) -> None:
    """Start `dev` twice; kill a process of it, then, some time later, all of it."""
    processes = [cycle.start("dev", "--port", _free_port(cycle.home)) for _ in range(2)]
    victims = {
        "run worker": (_RUN_WORKER,),
        "daemon": ("dagster._daemon", "dagster-daemon"),
        "code server": ("dagster api grpc", "dagster code-server"),
        "rclone": ("/rclone ",),
    }
    name = cycle.random.choice(sorted(victims))
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        running = {pid: line for one in processes for pid, line in descendants(one.pid).items()}
        if any(_RUN_WORKER in line for line in running.values()):
            time.sleep(cycle.random.uniform(0, cycle.seconds))
            running = {pid: line for one in processes for pid, line in descendants(one.pid).items()}
            cycle.counts.kills += kill(running, *victims[name])
            break
        time.sleep(5 * _LOOK_SECONDS)
    time.sleep(cycle.random.uniform(0, cycle.seconds))
    refused = [one for one in processes if "already runs on" in one.said()]
    if len(refused) != 1 or refused[0].poll() != 1:
        cycle.counts.note(f"two dev: {[one.said()[-1000:] for one in processes]}")
    if cycle.random.random() < 0.5:
        for process in (one for one in processes if one.poll() is None):
            _ask(cycle, process)
        return
    left = {pid for one in processes for pid in descendants(one.pid)}
    for process in processes:
        cycle.kill(process)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _free_port(home: Settings) -> str:
    return isolated_settings(home.home).s3_endpoint.rpartition(":")[2]


def upload_killed(cycle: Cycle) -> None:
    """Kill `upload --replace`, or ask it to end, then repeat it."""
    source = source_of_the_same(cycle.home.home.parent / "source")
    arguments = ("upload", "--replace", "--yes", str(source))
    process = cycle.start(*arguments)
    process.wait(cycle.random.uniform(0, 1.5))
    if cycle.random.random() < 0.5:
        cycle.kill(process)
    else:
        _ask(cycle, process)
    again = cycle.start(*arguments)
    cycle.end(again)
    if again.returncode:
        cycle.counts.note(f"the upload again ended with {again.returncode}: {again.said()[-1500:]}")


KINDS: Mapping[str, Callable[[Cycle], None]] = {
    one.__name__: one
    for one in (
        *(killed, dbt_killed, rclone_killed, s3_away, asked_to_end, warehouse_held, history_held, disk_full),
        *(starters, dev_killed, upload_killed),
    )
}

_COSTLY = ("starters", "dev_killed")
_ROUND = (
    *("killed", "dbt_killed", "asked_to_end", "s3_away", "killed", "warehouse_held", "upload_killed"),
    *("killed", "dbt_killed", "history_held", "disk_full", "asked_to_end", "rclone_killed"),
)


def kind_of(number: int, kinds: tuple[str, ...]) -> str:
    """Return the kind of a cycle: in turn those that were asked for, else all, the costly ones less often."""
    if kinds:
        return kinds[number % len(kinds)]
    place = number % (3 * len(_ROUND) + len(_COSTLY))
    return _COSTLY[place - 3 * len(_ROUND)] if place >= 3 * len(_ROUND) else _ROUND[place % len(_ROUND)]
