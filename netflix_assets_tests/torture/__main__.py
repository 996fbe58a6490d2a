"""`make torture N=200`: disturb the program N times at random; the last line is JSON, all zeros if nothing was lost."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from netflix_assets.settings import child_environment
from netflix_assets.settings.environment import isolate_process


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> None:
    """Read the arguments, torture, and print."""
    isolate_process()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cycles", type=int)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same seed disturbs at the same moments")
    parser.add_argument(
        "--kinds",
        default="",
        help="only these, with commas between (see disturbances.py); those with a + between disturb one home",
    )
    parser.add_argument("--only", type=int, help="only the cycle of this number")
    parser.add_argument("--built", type=Path, help="a home that holds the small data of the tests")
    parser.add_argument("--at-once", type=int, default=2, help="cycles that run at the same time")
    given = parser.parse_args()
    numbers = range(given.cycles) if given.only is None else range(given.only, given.only + 1)
    kinds = tuple(given.kinds.split(",")) if given.kinds else ()
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory(prefix="netflix-torture-") as name:
        home = Path(name, "base", "home")
        if given.built is not None:
            shutil.copytree(given.built / "dbt", home / "dbt")
        # Definitions are of a home. In a process of its own, because after dbt has parsed a process cannot be forked.
        environment = {**child_environment(), "NETFLIX_HOME": str(home)}
        subprocess.run([sys.executable, "-c", "import netflix_assets.definitions"], env=environment, check=True)
        os.environ["NETFLIX_HOME"] = str(home)
        from netflix_assets_tests.torture import commands, cycles

        owner = os.getpid()
        commands.adopt_orphans()
        cycles.tell(f"seed {given.seed}")
        try:
            with cycles.dbt_forked_too(Path(name)):
                planned = cycles.plans(numbers, kinds)
                counts = cycles.torture(planned, given.seed, Path(name), built=given.built, at_once=given.at_once)
        finally:
            if os.getpid() == owner:
                commands.end_children()
    totals = {key: value for key, value in vars(counts).items() if key != "notes"}
    print(json.dumps({"cycles": len(numbers), **totals}))  # noqa: T201
    sys.exit(1 if any(totals[key] for key in ("lost_rows", "doubled_rows", "stuck", "differences")) else 0)


if __name__ == "__main__":
    main()
