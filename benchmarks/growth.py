"""First load, one month, nothing new and memory as the data grows, drawn.

    python -m benchmarks.growth --millions 1 3.2 10 32 100

Sample data, one run each; a month is 20,000 ratings at every size. Each size is a line of JSON in `--figures` once
it is measured, and is not measured again while it is there. The last line is JSON: the largest size, and the slopes
(1 is linear, 0 does not depend on the size).
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.load import ROOT, Bench, prepared

RATINGS_AT_SCALE_1 = 32_000_000
NAMES = {"first_load_cpu_s": "first load", "one_month_cpu_s": "one month", "nothing_new_cpu_s": "nothing new"}


@dataclass(frozen=True)
class Size:
    """What one size took, in seconds of processor and MB of memory.

    Attributes:
        ratings: How many there are.
        first_load_cpu_s: Everything into an empty home.
        one_month_cpu_s: A month of 20,000 ratings more.
        nothing_new_cpu_s: Nothing changed.
        peak_mb: The largest of the first load and the month.
    """

    ratings: int
    first_load_cpu_s: float
    one_month_cpu_s: float
    nothing_new_cpu_s: float
    peak_mb: int


def measure(bench: Bench, ratings: int) -> Size:
    """Load, add a month, add nothing."""
    first, month, nothing = bench.first_load(), bench.one_month(1), bench.pipeline("materialize")
    return Size(
        ratings,
        round(first.cpu_s, 1),
        round(month.cpu_s, 1),
        round(nothing.cpu_s, 2),
        round(max(first.peak_mb, month.peak_mb)),
    )


def slopes(sizes: Sequence[Size]) -> dict[str, float]:
    """By how much the logarithm of each figure grows with that of the ratings, from the smallest to the largest."""
    first, last = sizes[0], sizes[-1]
    grown = math.log(last.ratings / first.ratings)
    return {
        name: round(math.log(getattr(last, name) / getattr(first, name)) / grown, 2) for name in (*NAMES, "peak_mb")
    }


def draw(sizes: Sequence[Size], path: Path) -> None:
    """Draw the seconds over the ratings, both in powers of ten."""
    import altair as alt

    found = slopes(sizes) if len(sizes) > 1 else dict.fromkeys(NAMES, 0.0)
    rows = [
        {"ratings": size.ratings, "seconds": getattr(size, name), "of": f"{label} (slope {found[name]:g})"}
        for size in sizes
        for name, label in NAMES.items()
    ]
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(point=True)
        .encode(
            x=alt.X("ratings:Q", title="ratings", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s")),
            y=alt.Y("seconds:Q", title="seconds of processor", scale=alt.Scale(type="log")),
            color=alt.Color("of:N", title=None, legend=alt.Legend(orient="top")),
        )
        .properties(width=560, height=300)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.save(str(path))


def kept(path: Path) -> dict[int, Size]:
    """The sizes that were measured before, by ratings."""
    lines = path.read_text().splitlines() if path.exists() else []
    found: list[Mapping[str, float]] = [json.loads(line) for line in lines]
    return {int(one["ratings"]): Size(**one) for one in found}  # type: ignore[arg-type]


def main() -> None:
    """Measure what is not measured yet, and draw."""
    bench_folder = ROOT / ".netflix" / "bench"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 3.2, 10, 32, 100], help="of ratings")
    parser.add_argument("--figures", type=Path, default=bench_folder / "growth.jsonl", help="one line for each size")
    parser.add_argument("--chart", type=Path, default=bench_folder / "growth.svg", help="SVG to draw")
    arguments = parser.parse_args()
    sizes = kept(arguments.figures)
    for millions in sorted(arguments.millions):
        ratings = round(millions * 1_000_000)
        if ratings in sizes:
            continue
        bench = prepared(ratings / RATINGS_AT_SCALE_1)
        sizes[ratings] = measure(bench, ratings)
        # Up to 10 GB of files and tables.
        shutil.rmtree(bench.folder)
        arguments.figures.parent.mkdir(parents=True, exist_ok=True)
        with arguments.figures.open("a") as figures:
            print(json.dumps(asdict(sizes[ratings])), file=figures)
        print(json.dumps(asdict(sizes[ratings])), flush=True)
    found = [sizes[ratings] for ratings in sorted(sizes)]
    draw(found, arguments.chart)
    print(json.dumps({**asdict(found[-1]), "slopes": slopes(found) if len(found) > 1 else {}}))


if __name__ == "__main__":
    main()
