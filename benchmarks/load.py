"""First load, one new month, and nothing new, against the hand-written baseline.

    python -m benchmarks.load --scale 0.1 --pairs 3

The data is generated and uploaded once a scale and kept under `.netflix/bench`. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Cost, measured

ROOT = Path(__file__).resolve().parent.parent
NEW_MONTH = "2024-06"
NEW_MONTH_START = 1717200000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="1 is 32 million ratings")
    parser.add_argument("--pairs", type=int, default=3, help="interleaved runs of baseline and pipeline")
    arguments = parser.parse_args()

    folder = ROOT / ".netflix" / "bench" / f"scale-{arguments.scale:g}"
    home = folder / "home"
    csvs = folder / "csv"
    # A port of its own, so that a server of `make dev` is not taken for the bench's.
    environment = {**os.environ, "NETFLIX_HOME": str(home), "NETFLIX_S3_ENDPOINT": "http://127.0.0.1:9877"}
    cli = [sys.executable, "-m", "netflix_assets.cli"]
    log = folder / "output.log"
    if not (folder / "uploaded").exists():
        folder.mkdir(parents=True, exist_ok=True)
        measured([*cli, "sample", str(csvs), "--scale", str(arguments.scale)], env=environment, log=log)
        measured([*cli, "upload", str(csvs)], env=environment, log=log)
        (folder / "uploaded").touch()
    new_month = home / "s3" / "movielens" / "raw" / "ratings" / f"month={NEW_MONTH}"

    baseline: list[Cost] = []
    pipeline: list[Cost] = []
    for _ in range(arguments.pairs):
        database = folder / "baseline.duckdb"
        database.unlink(missing_ok=True)
        baseline.append(
            measured(
                [sys.executable, str(ROOT / "benchmarks" / "baseline.py"), str(csvs), str(database)],
                env=environment,
                log=log,
            )
        )
        shutil.rmtree(new_month, ignore_errors=True)
        shutil.rmtree(home / "dagster", ignore_errors=True)
        (home / "warehouse.duckdb").unlink(missing_ok=True)
        pipeline.append(measured([*cli, "materialize"], env=environment, log=log))

    new_month.mkdir(parents=True)
    (new_month / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n"
        + "".join(f"{user},1,4.0,{NEW_MONTH_START + user}\n" for user in range(1, 20_001))
    )
    one_month = measured([*cli, "materialize"], env=environment, log=log)
    nothing = [measured([*cli, "materialize"], env=environment, log=log) for _ in range(3)]
    imported = [
        measured([sys.executable, "-c", "import netflix_assets.definitions"], env=environment, log=log)
        for _ in range(3)
    ]
    result = {
        "scale": arguments.scale,
        "cpu_ratio": _median(p.cpu_s / b.cpu_s for b, p in zip(baseline, pipeline, strict=True)),
        "wall_ratio": _median(p.wall_s / b.wall_s for b, p in zip(baseline, pipeline, strict=True)),
        "baseline_wall_s": _median(b.wall_s for b in baseline),
        "first_load_wall_s": _median(p.wall_s for p in pipeline),
        "baseline_cpu_s": _median(b.cpu_s for b in baseline),
        "first_load_cpu_s": _median(p.cpu_s for p in pipeline),
        "baseline_peak_mb": round(max(b.peak_mb for b in baseline)),
        "peak_mb": round(max(p.peak_mb for p in [*pipeline, one_month])),
        "one_month_wall_s": round(one_month.wall_s, 2),
        "nothing_new_wall_s": _median(n.wall_s for n in nothing),
        "import_wall_s": _median(i.wall_s for i in imported),
    }
    table = Table("what", "measured", box=None)
    for name, value in result.items():
        table.add_row(name, str(value))
    Console().print(table)
    print(json.dumps(result))


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 2)


if __name__ == "__main__":
    main()
