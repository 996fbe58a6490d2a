"""First load, one new month, and nothing new, in interleaved pairs.

    python -m benchmarks.load --scale 0.1 --pairs 3

The first load goes in turns with the hand-written baseline, one month with the same month at a tenth of the scale, so
that a slow moment of the machine falls on both. The data is generated and uploaded once a scale and kept under
`.netflix/bench`. Ratios and seconds are medians over the pairs; `spread` has the lowest and the highest. The last line
is JSON.
"""

from __future__ import annotations

import argparse
import calendar
import json
import os
import shutil
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Cost, measured

ROOT = Path(__file__).resolve().parent.parent
YEAR = 2025
RATINGS_A_MONTH = 20_000
MOST_PAIRS = 12


@dataclass(frozen=True)
class Bench:
    """The data of one scale, uploaded, and a home to load it in.

    Attributes:
        scale: 1 is 32 million ratings.
        folder: Holds all of it.
    """

    scale: float
    folder: Path

    @property
    def csvs(self) -> Path:
        """The files that were uploaded."""
        return self.folder / "csv"

    @property
    def home(self) -> Path:
        """State of the pipeline."""
        return self.folder / "home"

    def run(self, command: Sequence[str]) -> Cost:
        """Run a command in this home; the S3 server has a port of its own, not that of `make dev`."""
        environment = {**os.environ, "NETFLIX_HOME": str(self.home), "NETFLIX_S3_ENDPOINT": "http://127.0.0.1:9877"}
        return measured(command, env=environment, log=self.folder / "output.log")

    def pipeline(self, *arguments: str) -> Cost:
        """Run the command line."""
        return self.run([sys.executable, "-m", "netflix_assets.cli", *arguments])

    def baseline(self) -> Cost:
        """Run the hand-written job."""
        database = self.folder / "baseline.duckdb"
        database.unlink(missing_ok=True)
        return self.run([sys.executable, str(ROOT / "benchmarks" / "baseline.py"), str(self.csvs), str(database)])

    def first_load(self) -> Cost:
        """Load everything into an empty home, the months that were put after the upload left out."""
        for month in self.home.glob(f"s3/movielens/raw/ratings/month={YEAR}-*"):
            shutil.rmtree(month)
        shutil.rmtree(self.home / "dagster", ignore_errors=True)
        (self.home / "warehouse.duckdb").unlink(missing_ok=True)
        return self.pipeline("materialize")

    def one_month(self, number: int) -> Cost:
        """Put a month after all of the sample, and load it."""
        month = self.home / "s3" / "movielens" / "raw" / "ratings" / f"month={YEAR}-{number:02}"
        month.mkdir(parents=True)
        start = calendar.timegm((YEAR, number, 1, 0, 0, 0))
        ratings = "".join(f"{user},1,4.0,{start + user}\n" for user in range(1, RATINGS_A_MONTH + 1))
        (month / "ratings.csv").write_text(f"userId,movieId,rating,timestamp\n{ratings}")
        return self.pipeline("materialize")


def prepared(scale: float) -> Bench:
    """Return the data of a scale, made if it is not there."""
    bench = Bench(scale, ROOT / ".netflix" / "bench" / f"scale-{scale:g}")
    if not (bench.folder / "uploaded").exists():
        bench.folder.mkdir(parents=True, exist_ok=True)
        bench.pipeline("sample", str(bench.csvs), "--scale", str(scale))
        bench.pipeline("upload", str(bench.csvs))
        (bench.folder / "uploaded").touch()
    return bench


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="1 is 32 million ratings")
    parser.add_argument(
        "--pairs",
        type=int,
        default=3,
        choices=range(1, MOST_PAIRS + 1),
        metavar="1-12",
        help="interleaved runs of each",
    )
    arguments = parser.parse_args()
    bench, tenth = prepared(arguments.scale), prepared(arguments.scale / 10)

    baseline, first = zip(*[(bench.baseline(), bench.first_load()) for _ in range(arguments.pairs)], strict=True)
    tenth.first_load()
    months, small_months, nothing = zip(
        *[
            (bench.one_month(number), tenth.one_month(number), bench.pipeline("materialize"))
            for number in range(1, arguments.pairs + 1)
        ],
        strict=True,
    )
    imported = [bench.run([sys.executable, "-c", "import netflix_assets.definitions"]) for _ in range(3)]
    figures = {
        "cpu_ratio": _ratios(first, baseline, "cpu_s"),
        "wall_ratio": _ratios(first, baseline, "wall_s"),
        "baseline_wall_s": [cost.wall_s for cost in baseline],
        "first_load_wall_s": [cost.wall_s for cost in first],
        "baseline_cpu_s": [cost.cpu_s for cost in baseline],
        "first_load_cpu_s": [cost.cpu_s for cost in first],
        "one_month_wall_s": [cost.wall_s for cost in months],
        "one_month_cpu_s": [cost.cpu_s for cost in months],
        "one_month_ratio": _ratios(months, small_months, "cpu_s"),
        "nothing_new_wall_s": [cost.wall_s for cost in nothing],
        "nothing_new_cpu_s": [cost.cpu_s for cost in nothing],
        "import_wall_s": [cost.wall_s for cost in imported],
    }
    peaks = {
        "peak_mb": round(max(cost.peak_mb for cost in [*first, *months])),
        "baseline_peak_mb": round(max(cost.peak_mb for cost in baseline)),
    }
    table = Table("what", "median", "lowest", "highest", box=None)
    for name, values in figures.items():
        table.add_row(name, *(f"{value:.2f}" for value in (statistics.median(values), min(values), max(values))))
    for name, value in peaks.items():
        table.add_row(name, str(value))
    Console().print(table)
    print(
        json.dumps(
            {
                "scale": arguments.scale,
                "pairs": arguments.pairs,
                **{name: round(statistics.median(values), 2) for name, values in figures.items()},
                **peaks,
                "spread": {name: [round(min(values), 2), round(max(values), 2)] for name, values in figures.items()},
            }
        )
    )


def _ratios(ours: Iterable[Cost], others: Iterable[Cost], what: str) -> list[float]:
    return [getattr(one, what) / getattr(other, what) for one, other in zip(ours, others, strict=True)]


if __name__ == "__main__":
    main()
