"""Makes whole files of odd shapes, and holds every way in to one verdict on each.

A file is loaded into each warehouse; if it comes by month, it is cut as a whole export as well; and the check that an
upload makes of it is asked. What a warehouse refuses, the others refuse in the same words.
"""

from __future__ import annotations

import gzip
import io
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import IO, Any, cast

from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.errors import LoadError, UserError
from netflix_assets.formats.compression import decompressed
from netflix_assets.formats.months import time_window
from netflix_assets.formats.rows import CONFLICT, BadRow, RowReader, key_of
from netflix_assets.formats.split import split_by_month
from netflix_assets.formats.text import CONTROLS
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.recognition import recognise
from netflix_assets.landing.sources import ChunkReader, opened_source
from netflix_assets.loading.csv_object import land
from netflix_assets.loading.warehouse import RefusedLoad, Warehouse

MONTHS = tuple(f"{year}-{month:02}" for year in range(1998, 2024) for month in range(1, 13))
_BOM = "\ufeff".encode()
_MARKERS = (b"<<<<<<< HEAD", b"=======", b">>>>>>> theirs")
_BYTES = (b"\0", b"\xff", b"\xe9", b'"', b"\r", b",", b"\n", b"\x1a", _BOM, b"\xc2")
_UNKNOWN = (
    *(b"", b"x", b"7", b" ", b'""', b'"a,b"', b'"a ""b"" c"', b"a\\b", b"\\", b"a\tb", b"\x01", b"\x7f", b"null"),
    *(b'"', b'a"b', "é天🎬".encode(), "\u2028\x85".encode(), b"1425168000", b"/'", b"\xe9", b"\x1f\x1e"),
)
_DELIMITERS = (b";", b"\t", b"|", b"::", b", ")


@dataclass(frozen=True)
class OddFile:
    """A file as it lies in a bucket.

    Attributes:
        file: What it should hold.
        month: Its month, if it is of one.
        body: Its bytes.
        ending: Of its name.
    """

    file: RawFile
    month: str | None
    body: bytes
    ending: str

    def __str__(self) -> str:
        """Its key and its bytes."""
        return f"{self.key} {self.body!r}"

    @property
    def key(self) -> str:
        """Where it lies."""
        return self.file.object_key(self.month, ending=self.ending)


def odd_file(rng: random.Random, file: RawFile, month: str | None, pool: Sequence[bytes], *, by_name: bool) -> OddFile:
    """One file; `pool` are lines of which some of its own are taken."""
    lines = [rng.choice(pool) if rng.random() < 0.3 else _good_line(rng, file, month) for _ in range(rng.randint(0, 8))]
    header = _header(rng, file)
    if by_name and rng.random() < 0.7:
        header, lines = _moved(rng, file, lines)
    lines = [header, *lines] if rng.random() < 0.97 else lines
    if rng.random() < 0.05:
        lines.insert(rng.randint(0, len(lines)), rng.choice(_MARKERS))
    if rng.random() < 0.08:
        delimiter = rng.choice(_DELIMITERS)
        lines = [line.replace(b",", delimiter) for line in lines]
    while rng.random() < 0.3:
        lines.insert(
            rng.randint(0, len(lines)),
            rng.choice(
                (b"", b" ", b"\t", b"\x0b ", b"\xc2\xa0", b'""', b",,,", b'1,2,"two\nlines",9', b"\xef\xbb\xbf")
            ),
        )
    ends = rng.choice(((b"\n",), (b"\n",), (b"\r\n",), (b"\n", b"\r\n"), (b"\r",), (b"\n", b"\r\r\n", b"\r")))
    body = b"".join(line + rng.choice(ends) for line in lines)
    if rng.random() < 0.3:
        body = body.rstrip(b"\r\n")
    body += rng.choice((b"", b"", b"", b"\n\n", b"\r\n \r\n", b"\r", b"\x1a", b"\0"))
    if rng.random() < 0.15:
        body = _BOM * rng.choice((1, 1, 1, 2)) + body
    while rng.random() < 0.2:
        at = rng.randint(0, len(body))
        body = body[:at] + rng.choice(_BYTES) + body[at:]
    if rng.random() < 0.03:
        body = body.decode("utf-8", errors="replace").encode(rng.choice(("utf-16", "utf-16-le", "utf-32")))
    if rng.random() < 0.03:
        body = body[: rng.choice((0, rng.randint(0, len(body))))]
    ending, body = _packed(rng, body) if rng.random() < 0.3 else (".csv", body)
    return OddFile(file, month, body, ending)


def _header(rng: random.Random, file: RawFile) -> bytes:
    names = list(file.header)
    kind = rng.randint(0, 16)
    if kind == 0:
        names = [f'"{name}"' for name in names]
    elif kind == 1:
        names = [rng.choice((" {}", "{} ", "\t{}", "{}\u00a0", '"{} "', ' "{}"')).format(name) for name in names]
    elif kind == 2:
        names = [rng.choice((name.upper(), name.lower(), name)) for name in names]
    elif kind == 3:
        names.insert(rng.choice((0, len(names))), rng.choice(("", "Unnamed: 0", "extra", '""')))
    elif kind == 4:
        rng.shuffle(names)
    elif kind == 5:
        names.pop(rng.randrange(len(names)))
    elif kind == 6:
        at = rng.randrange(len(names))
        names[at] = rng.choice((f'"{names[at]}', f'{names[at]}"', f'"{names[at]}"x', "\x1b[2J", "", f"{names[at]}\0"))
    return ",".join(names).encode()


def _moved(rng: random.Random, file: RawFile, lines: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """A header with the columns in another order and among others, and lines that follow it where they can."""
    places: list[int | str] = list(range(len(file.columns)))
    rng.shuffle(places)
    if not file.columns[-1].required and rng.random() < 0.3:
        places.remove(len(file.columns) - 1)
    unknown = rng.sample(("note", '"a ""b"" \\\\"', "", "Unnamed: 0", "it's", '"x,y"', "_extra", "MOVIEID", "\x1f"), 3)
    for name in unknown[: rng.choice((0, 1, 1, 2, 3))]:
        places.insert(rng.randint(0, len(places)), name)
    header = ",".join(place if isinstance(place, str) else file.header[place] for place in places).encode()
    moved = []
    for line in lines:
        fields = line.split(b",")
        if len(fields) == len(file.columns):
            line = b",".join(rng.choice(_UNKNOWN) if isinstance(place, str) else fields[place] for place in places)
        moved.append(line)
    return header, moved


def _good_line(rng: random.Random, file: RawFile, month: str | None) -> bytes:
    start = time_window(month)[0] if month else 10**9
    values = []
    for column in file.columns:
        if column.is_time:
            values.append(str(start + rng.randint(0, 50)))
        elif column.step:
            values.append(str(rng.randint(1, 10) / 2))
        elif column.minimum == 0:
            values.append(str(rng.random()))
        else:
            values.append(str(rng.randint(1, 40)))
    return ",".join(values).encode()


def _packed(rng: random.Random, body: bytes) -> tuple[str, bytes]:
    """The same as gzip, whole or not; the ending need not tell."""
    cut = rng.randint(0, len(body))
    packed = gzip.compress(body, mtime=0)
    kind = rng.randint(0, 9)
    if kind == 0:
        packed = gzip.compress(body[:cut], mtime=0) + gzip.compress(body[cut:], mtime=0)
    elif kind == 1:
        packed += bytes(rng.randint(1, 600))
    elif kind == 2:
        packed = gzip.compress(body[:cut], mtime=0) + bytes(5) + gzip.compress(body[cut:], mtime=0)
    elif kind == 3:
        packed = packed[: rng.randint(0, len(packed) - 1)]
    elif kind == 4:
        packed += b"garbage"
    elif kind == 5:
        at = rng.randrange(len(packed))
        packed = packed[:at] + bytes([packed[at] ^ 0x55]) + packed[at + 1 :]
    elif kind == 6:
        return ".csv.gz", body
    return (".csv" if kind == 7 else ".csv.gz"), packed


@dataclass
class Loaded:
    """What a warehouse made of some files."""

    refused: Mapping[str | None, str]
    rows: list[tuple[Any, ...]]
    rejects: list[tuple[Any, ...]]
    balanced: bool


def load(warehouse: Warehouse, bucket: LandingBucket, files: Sequence[OddFile]) -> Loaded:
    """Load files of one kind: one a month, into an empty table, or one alone."""
    file = files[0].file
    objects = dict(bucket.contents().files.get(file.name, {}))
    if file.month_column:
        empty(warehouse, bucket, file)
    try:
        report = warehouse.replace(file, objects, bucket, run_id="fuzz", accept_shrink=objects)
    except RefusedLoad as error:
        return Loaded(error.refused, [], [], balanced=True)
    names = ", ".join(f'"{name}"' for name in file.header)
    with warehouse.reading():
        rows = [tuple(map(plain, row)) for row in warehouse.query(f"select {names}, _extra from raw.{file.table}")]
        rejects = [(r.object_key, r.line, r.column, r.reason, r.text) for r in warehouse.rejects(file, limit=10**6)]
    return Loaded(report.refused, rows, rejects, balanced=report.rows_read == len(rows) + len(rejects))


def empty(warehouse: Warehouse, bucket: LandingBucket, file: RawFile) -> None:
    """Take all rows of a file out of a warehouse."""
    if held := warehouse.load_states(file):
        warehouse.replace(file, dict.fromkeys(held, ()), bucket, run_id="empty", accept_shrink=held)


def clear(bucket: LandingBucket, file: RawFile) -> None:
    """Remove the objects of a file."""
    for version in bucket.contents().all_of(file):
        bucket.delete(version.key)


def plain(value: Any) -> Any:
    """A value as each warehouse has it: a number as a float."""
    return value if isinstance(value, str) or value is None else float(value)


def files_that_disagree(
    count: int,
    seed: int | None,
    bucket: LandingBucket,
    warehouses: Sequence[Callable[[frozenset[str]], Warehouse]],
    pools: dict[str, list[bytes]],
    latest: int,
) -> Iterator[tuple[int, list[str], int]]:
    """Make so many files and say, load by load, how many there were, what disagreed, and how many did not balance.

    Args:
        count: How many.
        seed: What to begin with.
        bucket: Where they are put.
        warehouses: Each as it is for the names of the files whose columns are found by name.
        pools: Lines of each raw file.
        latest: The first second that is no plausible time.
    """
    rng = random.Random(seed or 0)
    others = [file for file in RAW_FILES if not file.month_column]
    # In turn, files are read by name and refused for other columns.
    policies = cycle((frozenset(file.name for file in RAW_FILES), frozenset[str]()))
    # A load takes a file for each month, and only one of the others.
    for file in [file for file in RAW_FILES if file.month_column]:
        left = count * 4 // 5
        while left > 0:
            chosen = MONTHS[:left]
            left -= len(chosen)
            by_name = next(policies)
            made = [odd_file(rng, file, month, pools[file.name], by_name=bool(by_name)) for month in chosen]
            yield _compared(made, bucket, [warehouse(by_name) for warehouse in warehouses], latest, by_name)
    for number in range(count // 5):
        file = others[number % len(others)]
        by_name = next(policies)
        odd = odd_file(rng, file, None, pools[file.name], by_name=bool(by_name))
        yield _compared([odd], bucket, [warehouse(by_name) for warehouse in warehouses], latest, by_name)


def _compared(
    files: Sequence[OddFile],
    bucket: LandingBucket,
    warehouses: Sequence[Warehouse],
    latest: int,
    by_name: frozenset[str],
) -> tuple[int, list[str], int]:
    file = files[0].file
    clear(bucket, file)
    for one in files:
        bucket.put(one.key, io.BytesIO(one.body))
    loads = [load(warehouse, bucket, files) for warehouse in warehouses]
    first = loads[0]
    by_key = {one.key: one for one in files}
    by_month = {one.month: one for one in files}
    faults = []
    for warehouse, other in zip(warehouses[1:], loads[1:], strict=True):
        name = type(warehouse).__name__
        for month in sorted(set(first.refused) | set(other.refused), key=str):
            here, there = first.refused.get(month), other.refused.get(month)
            if here != there:
                faults.append(f"{by_month[month]}: {here!r}, {name}: {there!r}")
        if (drift := warehouses[0].column_drift(file)) != (other_drift := warehouse.column_drift(file)):
            faults.append(f"{file.name}: {drift}, {name}: {other_drift}")
        for has, lacks, by in ((first, other, "not by"), (other, first, "only by")):
            for row in sorted(set(has.rows) - set(lacks.rows), key=repr):
                faults.append(f"{file.name} {row} is loaded {by} {name}")
            for reject in sorted(set(has.rejects) - set(lacks.rejects), key=repr):
                faults.append(f"{by_key[reject[0]]}: {reject} is rejected {by} {name}")
        if sorted(map(repr, first.rows)) != sorted(map(repr, other.rows)):
            faults.append(f"{file.name}: {len(first.rows)} rows, {name}: {len(other.rows)}")
    for sentence in first.refused.values():
        if set(sentence) & {*CONTROLS, "\0"}:
            faults.append(f"not printable: {sentence!r}")
    for one in files:
        refusal = first.refused.get(one.month)
        faults += [
            f"{one}: {fault}"
            for fault in (_upload_fault(one, refusal, by_name), _split_fault(one, first, latest, by_name))
            if fault
        ]
    return len(files), faults, sum(not loaded.balanced for loaded in loads)


def _upload_fault(one: OddFile, refusal: str | None, by_name: frozenset[str]) -> str | None:
    """Say how the check of an upload differs from that of a load; None if it does not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{one.file.name}{one.ending}").write_bytes(one.body)
        with opened_source(folder, Path(folder), lambda *_: None) as source:
            try:
                known = recognise(source, by_name=by_name)
            except UserError as error:
                said = str(error)
            else:
                # Another dialect is converted, and conflicts are found by the load.
                if known.dialects or refusal is None or CONFLICT in refusal:
                    return None
                return f"upload takes it, and the load says {refusal!r}"
    if refusal is None:
        return f"upload says {said!r}, and the load takes it"
    fault = refusal.removeprefix(one.key).lstrip(":, ").partition("; ")[0]
    # Of a file that is damaged and has another header, an upload, which reads more of it, may tell the damage.
    return None if fault in said or "gzip data" in said else f"upload says {said!r}, and the load {refusal!r}"


def _split_fault(one: OddFile, loaded: Loaded, latest: int, by_name: frozenset[str]) -> str | None:
    """Say how what comes through the cut by month differs from what a load takes; None if it does not."""
    if one.month is None:
        return None
    refusal = loaded.refused.get(one.month)
    start, end = time_window(one.month)
    at = one.file.header.index(str(one.file.month_column))
    wanted = sorted(map(repr, (row for row in loaded.rows if start <= row[at] < end)))
    with tempfile.TemporaryDirectory() as folder:
        content = cast(IO[bytes], ChunkReader(decompressed(one.key, iter((one.body,)))))
        try:
            split_by_month(one.file, content, Path(folder), name=one.key, by_name=bool(by_name))
        except (LoadError, UserError) as error:
            if str(error) == refusal or (refusal is None and not wanted and "can be placed" in str(error)):
                return None
            if refusal and CONFLICT in refusal and "can be placed" in str(error):
                return None
            return f"the cut says {str(error)!r}, and the load {refusal!r}"
        rows: dict[Any, str] = {}
        conflict = False
        for piece in sorted(Path(folder).glob("*.csv")):
            landed = land(
                one.file, piece.name, [piece.read_bytes()], piece.with_suffix(".landed"), by_name=bool(by_name)
            )
            reader = RowReader(one.file, piece.stem, latest, landed.layout)
            for line in landed.path.read_bytes().split(b"\n")[1:]:
                if not line.strip():
                    continue
                try:
                    values = reader.read(line)
                except BadRow as error:
                    conflict = conflict or error.reason == CONFLICT
                    continue
                if piece.stem == one.month:
                    shown = (*map(plain, values), *([] if landed.layout.unknown else [None]))
                    rows.setdefault(key_of(one.file, values), repr(shown))
    if refusal is not None:
        return None if conflict and CONFLICT in refusal else f"the cut takes it, and the load says {refusal!r}"
    found = sorted(rows.values())
    return None if found == wanted else f"the cut gives {found}, and the load {wanted}"
