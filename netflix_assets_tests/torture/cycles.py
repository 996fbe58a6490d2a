"""Cycles of torture: copies of a home, each disturbed once, and compared with one that was not.

A cycle copies a built home, changes its bucket, disturbs the command that loads the changes, runs the command again,
and compares all that the home has come to with a home that was not disturbed.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from netflix_assets.transform import project
from netflix_assets_tests.torture.commands import adopt_orphans, end_children, in_a_child
from netflix_assets_tests.torture.disturbances import KINDS, Cycle, kind_of
from netflix_assets_tests.torture.homes import CHANGED, base, finish, prepared, put
from netflix_assets_tests.torture.state import Counts, State, state_of
from netflix_assets_tests.warm import is_warm, warm_environment

_DISK_MEGABYTES = 64


@dataclass(frozen=True)
class Plan:
    """What a cycle does.

    Attributes:
        number: Of the cycle; with the seed it decides all that is left to chance.
        kind: Name of the disturbance, or of several with `+` between: each then meets what those before it have left.
        fresh: The command makes a first load.
    """

    number: int
    kind: str
    fresh: bool

    @property
    def kinds(self) -> list[str]:
        """Names of the disturbances, in their order."""
        return self.kind.split("+")


def plans(numbers: range, kinds: tuple[str, ...]) -> list[Plan]:
    """Return what cycles do: in turn the kinds asked for, else all; every seventh is a first load, if it can be one."""
    named = [(number, kind_of(number, kinds)) for number in numbers]
    return [Plan(number, kind, number % 7 == 6 and "upload_killed" not in kind) for number, kind in named]


class Undisturbed:
    """A built home, what it comes to when nothing disturbs it, and how long that takes."""

    def __init__(self, root: Path, built: Path | None, *, first_loads: bool) -> None:
        """Build it, or copy one that is built."""
        self.settings = base(root / "base", built)
        self.states: dict[bool, State] = {}
        self.seconds: dict[bool, float] = {}
        for fresh in (False, True) if first_loads else (False,):
            folder = root / f"undisturbed-{fresh}"
            home = prepared(self.settings, folder, fresh=fresh)
            put(home, CHANGED)
            started = time.monotonic()
            failed = finish(home)
            assert failed is None, failed
            self.seconds[fresh] = time.monotonic() - started
            self.states[fresh] = in_a_child(state_of, home, folder=folder)
            tell(f"undisturbed{', a first load' if fresh else ''}: {self.seconds[fresh]:.1f} s")


def tortured(undisturbed: Undisturbed, plan: Plan, seed: int, root: Path) -> Counts:
    """Run one cycle."""
    with tempfile.TemporaryDirectory(dir=root, prefix=f"cycle-{plan.number}-") as name, ExitStack() as ending:
        folder = Path(name)
        if "disk_full" in plan.kinds and not ending.enter_context(small_disk(folder)):
            return Counts(notes=["skipped: only root can make a small disk"])
        ending.callback(end_children)
        home = prepared(undisturbed.settings, folder, fresh=plan.fresh)
        if "upload_killed" not in plan.kinds:
            put(home, CHANGED)
        cycle = Cycle(home, random.Random(f"{seed}-{plan.number}"), undisturbed.seconds[plan.fresh])
        for kind in plan.kinds:
            KINDS[kind](cycle)
        failed = finish(home)
        if failed is not None:
            cycle.counts.stuck += 1
            cycle.counts.notes.append(f"the same command again: {failed}")
        else:
            cycle.counts.compare(in_a_child(state_of, home, folder=folder), undisturbed.states[plan.fresh])
        return cycle.counts


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a small disk there; says False where that is not allowed."""
    if os.geteuid() != 0:
        yield False
        return
    size = f"size={_DISK_MEGABYTES}m"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], capture_output=True, check=False)
    try:
        yield done.returncode == 0
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


@contextmanager
def dbt_forked_too(folder: Path) -> Iterator[None]:
    """Have the dbt of all commands start from a process that has imported it."""
    if is_warm():
        yield
        return
    cold = project.dbt_executable
    with warm_environment(folder / "environment") as programs:
        for name, module in list(sys.modules.items()):
            if name.startswith("netflix_assets") and getattr(module, "dbt_executable", None) is cold:
                vars(module)["dbt_executable"] = lambda: str(programs / "dbt")
        yield


def _one(undisturbed: Undisturbed, plan: Plan, seed: int, root: Path) -> tuple[Plan, Counts]:
    """Run one cycle in a process of the pool."""
    adopt_orphans()
    try:
        return plan, tortured(undisturbed, plan, seed, root)
    except Exception:  # noqa: BLE001 (a fault of the harness is one of its findings)
        return plan, Counts(stuck=1, notes=[f"the harness failed: {traceback.format_exc()}"])


def torture(cycles: Sequence[Plan], seed: int, root: Path, *, built: Path | None = None, at_once: int = 2) -> Counts:
    """Run cycles, some at once; return what came of all."""
    total = Counts()
    undisturbed = Undisturbed(root, built, first_loads=any(plan.fresh for plan in cycles))
    one = partial(_one, undisturbed, seed=seed, root=root)
    # A process of the pool forks commands, so it must not have threads. Whoever ends this ends the pool first: it would
    # wait for ever for processes that `end_children` has ended.
    with ExitStack() as ending, multiprocessing.get_context("fork").Pool(at_once) as pool:
        ending.callback(end_children)
        for done, (plan, counts) in enumerate(pool.imap_unordered(one, cycles), 1):
            total.add(counts)
            first = ", a first load" if plan.fresh else ""
            tell(f"{done} of {len(cycles)}: number {plan.number}, {plan.kind}{first}{'; '.join(['', *counts.notes])}")
    return total


def tell(text: str) -> None:
    """Say how far it is."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201
