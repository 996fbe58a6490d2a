"""Makes lines of raw files from the catalogue's rules and from hostile values, and holds every reader to one verdict.

`make fuzz N=10000` runs this module: so many lines go through DuckDB's scan, each in a file of its own, then in objects
through the loads into DuckDB and the emulated Snowflake, and what they accept through a whole `dbt build`. A tenth as
many files of odd shapes (`fuzz_files`) are loaded, cut and checked as well. Its last line is JSON.
"""

from __future__ import annotations

import io
import json
import random
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import hypothesis
from hypothesis import strategies as st

from netflix_assets.catalog import BLANKS, RAW_FILES, Column, ColumnType, RawFile, raw_file
from netflix_assets.errors import LoadError
from netflix_assets.formats.months import time_window
from netflix_assets.formats.rows import BadRow, RowReader
from netflix_assets.formats.rules import INVISIBLE, end_of_tomorrow
from netflix_assets.landing import local_s3
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading import duckdb_sql as sql
from netflix_assets.loading.csv_object import land
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.loading.snowflake_warehouse import SnowflakeWarehouse
from netflix_assets.loading.warehouse import Warehouse
from netflix_assets.settings import RejectLimit, Settings, SnowflakeSettings
from netflix_assets_tests.conftest import isolated_settings
from netflix_assets_tests.fuzz_files import clear, empty, files_that_disagree, plain
from netflix_assets_tests.hostile_data import dbt_build

MONTHS = ("1996-02", "2020-01")
LINES_AN_OBJECT = 120
ANYTHING = RejectLimit(1, 0)

_ODD_NUMBERS = (
    *("", " ", "\t", "0", "-0", "-1", "+1", "007", "1.0", "1.", ".5", "1.5", "1e2", "1E2", "1e", "e1", "1e-1", "0x10"),
    *(
        "1_0",
        "+-1",
        "--1",
        "1,5",
        "1 2",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "NULL",
        "\\N",
        "true",
        "½",
        "٣",
        "\uff11",
        "1f",
    ),
    *("2147483647", "2147483648", "-2147483648", "9007199254740993", "9" * 25, "9" * 400, "1e99", "1e300", "1e-400"),
    *("3.7", "3.75", "0.5000000000001", "0.4", "5.1", "5.5", "4.50", "0.30000000000000004", "1.0000000000000002"),
    *(
        "+5",
        "5.",
        "+.5",
        "-0.0",
        "00",
        "0005",
        "1_000",
        "0b1",
        "0o7",
        "1e+2",
        "1e0",
        "5e-1",
        ".5e1",
        "\u0663\u0664",
        "\u096b",
        "1\u066b5",
    ),
    *(
        "\u20035",
        "5\u00a0",
        "\ufeff5",
        "5\u200b",
        "5.0000000000000001",
        "1'000",
        "1 000",
        "1\u202f000",
        "5L",
        "5d",
        "#5",
    ),
    *('"1"', '"1', '1"', "'1'", '"1"x', "1\r", "1\0", "1\x1b[2J", "1\x85", "\u00a01", "1;2", "1|2", "$1", "1%", "(1)"),
)
_ODD_TIMES = (
    *("2014-05-13 16:53:20", "2014-05-13", "13/05/2014", "2014-05-13T16:53:20Z", "13.5.2014", "2014-05", "16:53:20"),
    *("1455307200000", "1455307200000000", "1455307200000000000", "1.26076E+09", "1425168000.0", "1425168000.5"),
    *("+1425168000", "01425168000", "1425168000.", "1425168000.0000001", "1_425_168_000", "-1425168000", "-0", "0.0"),
    *("1.425168e9", "14251680e2", "1425168000Z", "0x54F25500", "1425168000000000000000", "0001425168000", "\u0660"),
    *("99999999999", "4102444800", "0", "1", "-1", "253402300799"),
)
_ODD_TEXTS = (
    *("", " ", "  \t ", "\u00a0", "\u2003\u3000", "\u200b", "\ufeff", "\u2800", '""', '" "', '"\u00a0"', "|", "||"),
    *("Untitled (0000)", "Up (9999)", "(1999)", "Heat (1995) ", "Heat (1995)\u00a0", "Toy Story (1995"),
    *("Animation||Drama|", "|Drama", " Drama | Action ", "(no genres listed)", "Drama|drama|DRAMA", "Drama|Drama"),
    *('"American President, The (1995)"', '"a ""b"", c"', '"a"b', '"a', "a,b", 'a" ,b', ' "a"', '"a" ', '5" Disk'),
    *("tt0114709", "0114709", "114709.0", "unknown", "\\N", "NULL", "é天🎬", "e\u0301", "\u0130I \u0131i", "a\x1fb"),
    *("x" * 300, "\u202eabc", "a\u2028b", "a\x85b", "a\\", "'; drop table x"),
    *("%s", "{example}", "e", "E+5", "-"),
)
_CAST = re.compile(r"""("\w+"|case when "\w+" >= '!' then "\w+" else [^"]*"\w+"[^"]* end)::DOUBLE""")
_BYTES = (b"\xe9", b"\xff\xfe", b"\xc3", b"\0", b"\r", b'"', b",", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b" ")


def _whole(least: int, most: int) -> st.SearchStrategy[str]:
    spelt = st.sampled_from(["{}", "{}", "{}", "{}", "{}.0", " {}", "{} ", "0{}", "+{}", '"{}"'])
    return st.builds(lambda form, number: form.format(number), spelt, st.integers(least, most))


def _good(column: Column, month: str | None) -> st.SearchStrategy[str]:
    if column.is_time:
        start, end = time_window(month) if month else (0, end_of_tomorrow())
        return _whole(start, min(start + 40, end) if month else end - 1)
    if column.type is ColumnType.STARS:
        return st.sampled_from([str(i / 2) for i in range(1, 11)] + ["4", "3.50", " 2.0", "5e0"])
    if column.type is ColumnType.DOUBLE:
        return st.floats(0, 1).map(repr) | st.sampled_from(["0", "1", "5E-05", ".25", "1."])
    if column.type is ColumnType.TEXT:
        words = st.text(st.characters(exclude_characters='\n\r\0"\ufffd', exclude_categories=["Cs", "Cc"]), min_size=1)
        return (words.map(lambda text: f"x{text}") | st.sampled_from(["Drama", "noir", "Heat (1995)"])).map(_quoted)
    return st.one_of(_whole(1, 30), _whole(1, 2**31 - 1))


def _quoted(text: str) -> str:
    return f'"{text}"' if "," in text or text.startswith(" ") else text


def _hostile(column: Column) -> st.SearchStrategy[str]:
    odd = st.sampled_from(_ODD_TEXTS if column.type is ColumnType.TEXT else _ODD_NUMBERS)
    if column.is_time:
        odd |= st.sampled_from(_ODD_TIMES)
    blanks = st.text(st.sampled_from(INVISIBLE + BLANKS), max_size=3).map(lambda text: text.replace("\n", ""))
    anything = st.text(st.characters(exclude_characters="\n\ufffd", exclude_categories=["Cs"]), max_size=6)
    return st.one_of(odd, odd, blanks, anything)


@st.composite
def line_of(draw: st.DrawFn, file: RawFile, month: str | None) -> bytes:
    """One line of a file: three of four are good, the others odd in a field or two, or as a line."""
    fields = [draw(_good(column, month)) for column in file.columns]
    kind = draw(st.integers(0, 11))
    if kind >= 9:
        return ",".join(fields).encode()
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(fields) - 1))
        fields[at] = draw(_hostile(file.columns[at]))
    if kind == 0:
        fields.pop(draw(st.integers(0, len(fields) - 1)))
    elif kind == 1:
        fields.insert(draw(st.integers(0, len(fields))), draw(st.sampled_from(["", "x", '""', " "])))
    line = ",".join(fields).encode()
    if kind == 2:
        at = draw(st.integers(0, len(line)))
        line = line[:at] + draw(st.sampled_from(_BYTES)) + line[at:]
    return line


def verdict(file: RawFile, month: str | None, line: bytes, latest: int) -> tuple[Any, ...]:
    """What the line reader makes of a line: its values, or the column and the reason."""
    try:
        return ("good", *RowReader(file, month, latest).read(line))
    except BadRow as error:
        return ("bad", error.column, error.reason)


def scans_that_disagree(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    file: RawFile,
    month: str | None,
    lines: Sequence[bytes],
    latest: int,
) -> list[str]:
    """Say how the scan of a line differs from the line reader, each line being scanned in a file of its own.

    Lines of which the landing says that they must be read one by one are passed over, for none of them is scanned.
    """
    header = ",".join(file.header).encode()
    paths: dict[str, bytes] = {}
    for number, line in enumerate(lines):
        path = folder / sql.landed_name(number, month)
        landed = land(file, "x.csv", [header + b"\n" + line + b"\n"], path)
        if landed.suspicious is None and line.strip():
            paths[str(path)] = line
    if not paths:
        return []
    # A line at fault ends a scan, so the first one of all passes over it: what that accepts is more, never less.
    query = sql.select_good(file, list(map(Path, paths)), latest)
    query = query.replace("select ", "select filename, ", 1).replace(
        "filename = true", "filename = true, ignore_errors = true"
    )
    query = _CAST.sub(r"try_cast(\1 as double)", query)
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for name, *row in connection.execute(query).fetchall():
        found[name].append(tuple(map(plain, row)))
    faults = []
    for name, line in paths.items():
        wanted = verdict(file, month, line.removesuffix(b"\r"), latest)
        expected = [tuple(map(plain, wanted[1:]))] if wanted[0] == "good" else []
        if found[name] == expected:
            continue
        try:
            alone = connection.execute(sql.select_good(file, [Path(name)], latest)).fetchall()
        except (duckdb.InvalidInputException, duckdb.ConversionException):
            alone = []
        rows = [tuple(map(plain, row)) for row in alone]
        if rows != expected:
            faults.append(f"{file.name} {line!r}: read as {wanted}, scanned as {rows}")
    return faults


@dataclass
class Loaded:
    """What a warehouse made of a file: its rows and its rejects, with nothing of its own in them."""

    rows: list[tuple[Any, ...]]
    rejects: list[tuple[Any, ...]]
    unbalanced: int


def load(warehouse: Warehouse, bucket: LandingBucket, file: RawFile) -> Loaded:
    """Load what the bucket holds of a file."""
    objects = dict(bucket.contents().files.get(file.name, {}))
    report = warehouse.replace(file, objects, bucket, run_id="fuzz")
    names = ", ".join(f'"{name}"' for name in file.header)
    with warehouse.reading():
        rows = warehouse.query(f"select {names} from raw.{file.table}")
        rejects = [(r.object_key, r.line, r.column, r.reason, r.text) for r in warehouse.rejects(file, limit=10**6)]
        read = sum(state.rows_loaded + state.rows_rejected for state in warehouse.load_states(file).values())
    balanced = report.rows_read == len(rows) + len(rejects) == read and not report.refused
    return Loaded(
        sorted((tuple(map(plain, row)) for row in rows), key=repr),
        sorted(rejects, key=repr),
        int(not balanced),
    )


def put(bucket: LandingBucket, file: RawFile, lines: Sequence[bytes], month: str | None, name: str) -> None:
    """Write lines as one object."""
    key = f"raw/{file.name}/month={month}/{name}.csv" if month else file.object_key()
    bucket.put(key, io.BytesIO(b"\n".join([",".join(file.header).encode(), *lines]) + b"\n"))


@dataclass
class Outcome:
    """What a run of the fuzz found."""

    cases: int = 0
    disagreements: list[str] = field(default_factory=list)
    unbalanced: int = 0
    stopped_builds: int = 0

    @property
    def found_something(self) -> bool:
        """Whether anything is not as it should be."""
        return bool(self.disagreements or self.unbalanced or self.stopped_builds)

    def as_json(self) -> str:
        """One line for machines."""
        return json.dumps(
            {
                "cases": self.cases,
                "disagreements": len(self.disagreements),
                "unbalanced": self.unbalanced,
                "stopped_builds": self.stopped_builds,
            }
        )


def make_lines(count: int, seed: int | None, take: Callable[[RawFile, str | None, bytes], None]) -> None:
    """Have so many lines made, over all files and months."""
    places = [(file, month) for file in RAW_FILES for month in (MONTHS if file.month_column else (None,))]
    settings = hypothesis.settings(
        max_examples=max(1, count // len(places)),
        deadline=None,
        database=None,
        derandomize=seed is None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    for file, month in places:
        taking = settings(hypothesis.given(line_of(file, month))(_taking(take, file, month)))
        (taking if seed is None else hypothesis.seed(seed)(taking))()


def _taking(
    take: Callable[[RawFile, str | None, bytes], None], file: RawFile, month: str | None
) -> Callable[[bytes], None]:
    def take_line(line: bytes) -> None:
        take(file, month, line)

    return take_line


def run(
    count: int,
    settings: Settings,
    warehouses_of: Sequence[Callable[[frozenset[str]], Warehouse]],
    *,
    seed: int | None = None,
    build: bool = True,
) -> Outcome:
    """Make lines, and hold every reader to the verdict of the line reader.

    Args:
        count: Lines.
        settings: A bucket of its own, and the home of the first warehouse.
        warehouses_of: Where to load, each for the names of the files whose columns are found by name; any number of
            rows may be bad. The first one's dbt project is built.
        seed: What to begin with; None for the same lines every time.
        build: Build what was loaded.
    """
    outcome = Outcome()
    warehouses = [warehouse(frozenset()) for warehouse in warehouses_of]
    latest = end_of_tomorrow()
    made: dict[tuple[str, str | None], list[bytes]] = defaultdict(list)

    def take(file: RawFile, month: str | None, line: bytes) -> None:
        outcome.cases += 1
        made[file.name, month].append(line)

    make_lines(count, seed, take)
    with duckdb.connect() as connection:
        for (name, month), lines in made.items():
            with tempfile.TemporaryDirectory() as folder:
                outcome.disagreements += scans_that_disagree(
                    connection, Path(folder), raw_file(name), month, lines, latest
                )
    bucket = LandingBucket(settings)
    pools = {
        file.name: [line for (name, _), lines in made.items() if name == file.name for line in lines]
        for file in RAW_FILES
    }
    for files, faults, unbalanced in files_that_disagree(count // 10, seed, bucket, warehouses_of, pools, latest):
        outcome.cases += files
        outcome.disagreements += faults
        outcome.unbalanced += unbalanced
    for file in RAW_FILES:
        clear(bucket, file)
        for warehouse in warehouses:
            empty(warehouse, bucket, file)
        own = {month: lines for (name, month), lines in made.items() if name == file.name}
        _compare_loads(outcome, file, own, bucket, warehouses, latest)
    if build:
        status = dbt_build(settings, "--exclude-resource-type", "unit_test")
        stopped = sorted(name for name, one in status.items() if one not in ("success", "pass", "warn", "no-op"))
        outcome.stopped_builds = int(bool(stopped))
        outcome.disagreements += [f"dbt: {name} is {status[name]}" for name in stopped]
    return outcome


def _compare_loads(
    outcome: Outcome,
    file: RawFile,
    by_month: dict[str | None, list[bytes]],
    bucket: LandingBucket,
    warehouses: Sequence[Warehouse],
    latest: int,
) -> None:
    for month, lines in by_month.items():
        parts = [lines[at : at + LINES_AN_OBJECT] for at in range(0, len(lines), LINES_AN_OBJECT)]
        for number, part in enumerate(parts if month else [lines]):
            put(bucket, file, part, month, f"part-{number:04}")
    loads: list[Loaded] = []
    for warehouse in warehouses:
        try:
            loads.append(load(warehouse, bucket, file))
        except LoadError as error:
            outcome.disagreements.append(f"{type(warehouse).__name__}: {error}")
            return
    outcome.unbalanced += sum(loaded.unbalanced for loaded in loads)
    first = loads[0]
    rejected = sum(
        verdict(file, month, line.removesuffix(b"\r"), latest)[0] == "bad"
        for month, lines in by_month.items()
        for line in lines
        if line.strip()
    )
    repeats = sum(" is on line" in str(reject[3]) for reject in first.rejects)
    if len(first.rejects) - repeats != rejected:
        outcome.disagreements.append(f"{file.name}: {len(first.rejects)} rejected, {rejected} + {repeats} expected")
    for warehouse, other in zip(warehouses[1:], loads[1:], strict=True):
        outcome.disagreements += _differences(type(warehouse).__name__, first.rejects, other.rejects)
        outcome.disagreements += _differences(type(warehouse).__name__, first.rows, other.rows)


def _differences(name: str, one: Iterable[object], other: Iterable[object]) -> list[str]:
    here, there = set(map(repr, one)), set(map(repr, other))
    return [f"{name} has not: {item}" for item in sorted(here - there)] + [
        f"{name} alone has: {item}" for item in sorted(there - here)
    ]


def warehouses_of(
    settings: Settings, account: SnowflakeSettings
) -> tuple[Callable[[frozenset[str]], Warehouse], Callable[[frozenset[str]], Warehouse]]:
    """Both warehouses, with their raw tables, each for the names of the files whose columns are found by name."""
    everything = frozenset(file.name for file in RAW_FILES)
    DuckDBWarehouse(settings.warehouse_path, by_name=everything).ensure_raw_tables(RAW_FILES)
    SnowflakeWarehouse(account).ensure_raw_tables(RAW_FILES)
    return (
        lambda by_name: DuckDBWarehouse(settings.warehouse_path, limit=ANYTHING, by_name=by_name),
        lambda by_name: SnowflakeWarehouse(account, limit=ANYTHING, by_name=by_name),
    )


def main() -> None:
    """Run on servers of its own: `python -m netflix_assets_tests.fuzz LINES [SEED]`."""
    from netflix_assets_tests.emulator.account import running_account

    count = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32)
    report = sys.stdout.write
    report(f"seed {seed}\n")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "account").mkdir()
        own = isolated_settings(Path(folder, "home"))
        with local_s3.running(own) as server, running_account(server, Path(folder, "account")) as account:
            LandingBucket(server).ensure_exists()
            with account.database(server, "FUZZ") as on_snowflake:
                assert on_snowflake.snowflake is not None
                account.emulator.create_stage("FUZZ.RAW.LANDING", f"s3://{server.bucket}/")
                outcome = run(count, server, warehouses_of(server, on_snowflake.snowflake), seed=seed)
    for disagreement in outcome.disagreements[:50]:
        report(f"{disagreement}\n")
    report(f"{outcome.as_json()}\n")
    sys.exit(outcome.found_something)


if __name__ == "__main__":
    main()
