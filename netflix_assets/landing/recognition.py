"""What each file of a source is: taken, known to be no data, or data that cannot be taken, each with why."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase

from netflix_assets import catalog
from netflix_assets.catalog import PREFIX, RAW_FILES, RawFile
from netflix_assets.errors import LoadError, UserError
from netflix_assets.formats import dialects
from netflix_assets.formats.dialects import Dialect, Extras, Shape
from netflix_assets.formats.header import check_header
from netflix_assets.formats.lines import without_bom
from netflix_assets.landing.sources import Source, SourceFile, reading, text_of

_HEAD_BYTES = 1 << 15
_HEAD_LINES = 100
_NAMED_IN_AN_ERROR = 10

_TABLES = frozenset({".csv", ".tsv", ".tab", ".psv", ".dat", ".data", ".item", ".base", ".test", ".train"})
_OTHER_FORMATS = {
    ".parquet": "Parquet",
    ".feather": "Arrow",
    ".arrow": "Arrow",
    ".orc": "ORC",
    ".avro": "Avro",
    ".xlsx": "an Excel file",
    ".xlsm": "an Excel file",
    ".xls": "an Excel file",
    ".ods": "a spreadsheet",
    ".sqlite": "a database",
    ".sqlite3": "a database",
    ".db": "a database",
    ".duckdb": "a database",
    ".mdb": "a database",
    ".pkl": "a pickle",
    ".pickle": "a pickle",
    ".rds": "a file of R",
    ".rdata": "a file of R",
    ".npz": "a NumPy file",
    ".npy": "a NumPy file",
    ".h5": "HDF5",
    ".jsonl": "JSON",
    ".ndjson": "JSON",
}
_ARCHIVES = frozenset(
    {
        ".zip",
        ".gz",
        ".tgz",
        ".tar",
        ".bz2",
        ".tbz2",
        ".xz",
        ".txz",
        ".7z",
        ".rar",
        ".zst",
        ".lz4",
        ".z",
        ".br",
        ".snappy",
    }
)
_COMPANION = re.compile(
    r"(?:readme|license|licence|changelog|changes|notice|citation|source|authors|copying|checksums?|md5sums?|sha\d+sums?)"
    r"(?:[._-].*)?|dataset-metadata\.json|.*\.(?:md|rst|html?|pdf|docx?|rtf|md5|sha\d*|url|webloc|bib)",
    re.IGNORECASE,
)
# `ratings (1)`, `ratings - Copy`, `Copy of ratings`, `ratings_2`, and what editors and downloads add behind.
_COPY = re.compile(r"copy of |[ _-]*(?:\(\d+\)|copy(?: \(\d+\))?|backup|\d+|old|new|final)$", re.IGNORECASE)
_UNFINISHED = re.compile(
    r"(?:~|\.(?:bak|old|orig|tmp|part|partial|crdownload|download|filepart|swp|save|copy|txt|\d+))+$", re.IGNORECASE
)
_MAGIC = {
    b"PAR1": "Parquet",
    b"SQLite format 3": "a database",
    b"PK\x03\x04": "a zip or an Excel file",
    b"\x1f\x8b": "compressed with gzip",
    b"ARROW1": "Arrow",
    b"Obj\x01": "Avro",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
}


class Left(Enum):
    """Why a file of the source is not put."""

    SYSTEM = "of the system"
    KNOWN = "known, and no data of ours"
    SKIPPED = "skipped"
    DATA = "data that cannot be taken"


@dataclass(frozen=True)
class LeftOut:
    """A file of the source that is not put.

    Attributes:
        path: In the source.
        kind: Which sort of file it is.
        why: In words, with what to do where something can be done.
    """

    path: str
    kind: Left
    why: str


@dataclass(frozen=True)
class Part:
    """A file of the source that holds a raw file, or a part of one; as the catalogue spells it, or in a dialect."""

    source: SourceFile
    dialect: Dialect | None = None
    shape: Shape | None = None


@dataclass(frozen=True)
class Recognised:
    """The files of a source, sorted.

    Attributes:
        whole: Parts by raw file; more than one only where a dialect has it in parts.
        months: Files that are laid out by month already, by object key.
        extras: Small files that converters read beside their own.
        left_out: All others, in the order of their paths.
    """

    whole: Mapping[RawFile, tuple[Part, ...]]
    months: Mapping[str, SourceFile]
    extras: Extras
    left_out: tuple[LeftOut, ...]

    @property
    def dialects(self) -> tuple[Dialect, ...]:
        """The dialects that are in it."""
        found = {part.dialect.name: part.dialect for parts in self.whole.values() for part in parts if part.dialect}
        return tuple(found.values())


def recognise(source: Source, skip: Sequence[str] = (), by_name: Collection[str] = ()) -> Recognised:
    """Sort the files of a source, reading the start of each that may be data.

    Args:
        source: See `opened_source`.
        skip: Files to leave out: names, paths in the source, or patterns of them.
        by_name: The raw files whose columns are found by their names.

    Raises:
        UserError: Something that looks like data cannot be taken, or there is nothing to take.
    """
    _Sorting.refuse_unmatched(source, skip)
    sorting = _Sorting(source, skip, by_name)
    for one in source.files:
        sorting.add(one)
    return sorting.finished()


class _Sorting:
    """The work of `recognise`: files are added one by one, and what they are is settled when all are known."""

    def __init__(self, source: Source, skip: Sequence[str], by_name: Collection[str]) -> None:
        self._source = source
        self._skip = skip
        self._by_name = by_name
        self._parts: list[tuple[RawFile, Part]] = []
        self._months: dict[str, SourceFile] = {}
        self._empty_months: dict[str, SourceFile] = {}
        self._others: list[SourceFile] = []
        self._left: list[LeftOut] = []

    @staticmethod
    def refuse_unmatched(source: Source, skip: Sequence[str]) -> None:
        """Refuse a `--skip` that names nothing: a slip of the pen would put what was to be left out."""
        for pattern in skip:
            if not any(_matches(one, pattern) for one in source.files):
                raise UserError(f"{source.name} holds no file {pattern}; give --skip a name as it is in the source")

    def add(self, one: SourceFile) -> None:
        path = str(one.path)
        if any(_matches(one, pattern) for pattern in self._skip):
            self._leave(one, Left.SKIPPED, "is left out with --skip")
        elif catalog.is_system_file(path):
            self._leave(one, Left.SYSTEM, "is a file of the system")
        elif one.fault:
            data = _may_be_data(one) or catalog.file_named(one.path.name) is not None
            self._leave(one, Left.DATA if data else Left.KNOWN, one.fault)
        elif (key := _month_key(one)) is not None:
            self._add_month(key, one)
        elif catalog.file_named(one.path.name) is not None or _may_be_data(one):
            self._add_whole(one)
        else:
            self._others.append(one)

    def _add_month(self, key: str, one: SourceFile) -> None:
        place = catalog.place_of(key)
        assert place is not None
        if key in self._months:
            self._leave(one, Left.DATA, f"is the same object as {self._months[key].path}; remove one")
            return
        head = self._head(one)
        if not head:
            self._empty_months[key] = one
            return
        self._months[key] = one
        self._check(place.file, one, head)

    def _add_whole(self, one: SourceFile) -> None:
        name = one.path.name
        head = self._head(one)
        lines = _first_lines(head)
        found = dialects.recognise(name.removesuffix(".gz"), lines)
        file = catalog.file_named(name)
        if found is not None:
            self._parts.append((found[1].file, Part(one, *found)))
        elif file is not None:
            if self._check(file, one, head):
                self._parts.append((file, Part(one)))
        else:
            self._others.append(one)

    def _check(self, file: RawFile, one: SourceFile, head: bytes) -> bool:
        first_line = head.partition(b"\n")[0]
        try:
            check_header(file, self._source.label(one), first_line, by_name=file.name in self._by_name)
        except LoadError as error:
            self._leave(one, Left.DATA, str(error))
            return False
        return True

    def _head(self, one: SourceFile) -> bytes:
        head = b""
        with reading(one, self._source) as content:
            for chunk in text_of(one, content, self._source):
                head += chunk
                if len(head) >= _HEAD_BYTES:
                    break
        return head[:_HEAD_BYTES]

    def _leave(self, one: SourceFile, kind: Left, why: str) -> None:
        self._left.append(LeftOut(str(one.path), kind, why))

    def finished(self) -> Recognised:
        """Settle what only the whole source tells."""
        present = {
            part.dialect.name: part.dialect
            for _, part in self._parts
            if part.dialect and dialects.not_kept(part.source.path.name, [part.dialect]) is None
        }
        known = list(present.values())
        whole: dict[RawFile, list[Part]] = {}
        for file, part in self._parts:
            unwanted = dialects.not_kept(part.source.path.name, known)
            if unwanted is None:
                whole.setdefault(file, []).append(part)
            else:
                self._leave(part.source, Left.KNOWN, unwanted.why)
        extras = {}
        for one in self._others:
            name = one.path.name
            if any(name.lower() in dialect.extras for dialect in known):
                extras[name.lower()] = self._head(one)
                self._leave(one, Left.KNOWN, "read for the names in it")
            elif (unwanted := dialects.not_kept(name, known)) is not None:
                self._leave(one, Left.KNOWN, unwanted.why)
            else:
                self._leave(one, *self._why(one))
        self._settle_empty_months()
        settled = {file: tuple(self._once(file, parts)) for file, parts in whole.items()}
        self._refuse_whole_and_months(settled)
        self._refuse_data()
        if not settled and not self._months:
            names = ", ".join(f"{file.name}.csv" for file in RAW_FILES)
            raise UserError(
                f"{self._source.name} holds no file of a MovieLens release; looked for {names} (or .csv.gz)"
            )
        return Recognised(
            {file: settled[file] for file in RAW_FILES if file in settled},
            dict(sorted(self._months.items())),
            extras,
            tuple(sorted(self._left, key=lambda one: one.path)),
        )

    def _settle_empty_months(self) -> None:
        """An empty part beside full ones is no rows; alone it is a mistake."""
        full = {key.rpartition("/")[0] for key in self._months}
        for key, one in self._empty_months.items():
            if key.rpartition("/")[0] in full:
                self._leave(one, Left.KNOWN, "an empty part: no rows")
            else:
                place = catalog.place_of(key)
                assert place is not None
                self._check(place.file, one, b"")

    def _once(self, file: RawFile, parts: Sequence[Part]) -> Iterable[Part]:
        """The parts of a raw file in their order; refuses what is there twice."""
        first = parts[0]
        families = {re.sub(r"\d+", "N", part.source.path.name) for part in parts}
        names = {part.source.path.name for part in parts}
        in_parts = all(part.shape is not None and part.shape.many for part in parts)
        if len(parts) > 1 and not (in_parts and len(families) == 1 and len(names) == len(parts)):
            twice = next((part for part in parts[1:] if part.source.path.name == first.source.path.name), parts[-1])
            self._leave(twice.source, Left.DATA, f"holds {file.name} twice, as {first.source.path} as well; remove one")
        return sorted(parts, key=lambda part: _in_natural_order(part.source.path.name))

    def _refuse_whole_and_months(self, whole: Mapping[RawFile, Sequence[Part]]) -> None:
        for file, parts in whole.items():
            by_month = [one.path for key, one in self._months.items() if key.startswith(f"{PREFIX}{file.name}/")]
            if by_month:
                raise UserError(
                    f"{self._source.name} holds {file.name} twice, whole ({parts[0].source.path}) and by month "
                    f"({by_month[0]}); remove one"
                )

    def _refuse_data(self) -> None:
        faults = [one for one in self._left if one.kind is Left.DATA]
        if not faults:
            return
        told = [self._told(one) for one in faults[:_NAMED_IN_AN_ERROR]]
        if len(faults) > _NAMED_IN_AN_ERROR:
            told.append(f"and {len(faults) - _NAMED_IN_AN_ERROR:,} more")
        skipping = "(--skip NAME leaves a file out)"
        if len(told) == 1:
            raise UserError(f"nothing was put: {told[0]} {skipping}")
        lines = "".join(f"\n  {one}" for one in told)
        raise UserError(f"nothing was put: {len(faults):,} files look like data and cannot be taken {skipping}:{lines}")

    def _told(self, left: LeftOut) -> str:
        # A refused header names its file itself.
        label = next(self._source.label(one) for one in self._source.files if str(one.path) == left.path)
        return left.why if left.why.startswith(label) else f"{label} {left.why}"

    def _why(self, one: SourceFile) -> tuple[Left, str]:
        """What a file is that no raw file and no dialect accounts for."""
        name = one.path.name
        suffix = one.path.suffix.lower()
        wanted = _resembled(name)
        target = f"{wanted.name}.csv" if wanted else "a name of the catalogue, such as movies.csv"
        if _COMPANION.fullmatch(name) and suffix not in _TABLES and suffix not in _ARCHIVES:
            return Left.KNOWN, "text about the data"
        if suffix in _ARCHIVES and not name.lower().endswith((".csv.gz", ".tsv.gz", ".dat.gz")):
            return Left.DATA, "is an archive inside the source; unpack it and give the files in it"
        if suffix in _OTHER_FORMATS:
            return Left.DATA, f"is {_OTHER_FORMATS[suffix]}, not CSV; write it as CSV, named {target}"
        head = self._head(one) if one.size else b""
        magic = next((what for start, what in _MAGIC.items() if head.startswith(start)), None)
        if magic is not None and (wanted or suffix in _TABLES or not suffix):
            return Left.DATA, f"is {magic}, not CSV; write it as CSV, named {target}"
        lines = _first_lines(head)
        spelt = _file_with_header(lines)
        if spelt is not None:
            return Left.DATA, f"has the header of {spelt.name}; rename it to {spelt.name}.csv"
        if wanted is not None:
            return Left.DATA, _why_not_wanted(name, suffix, wanted)
        if suffix in _TABLES or (_is_table(lines) and suffix in ("", ".txt")):
            return Left.DATA, f"is no file of a release that is known; to be taken it must be CSV, named {target}"
        return Left.KNOWN, "no data of ours"


def _matches(one: SourceFile, pattern: str) -> bool:
    path = str(one.path)
    wanted = pattern.rstrip("/")
    return (
        wanted in (path, one.path.name)
        or path.startswith(f"{wanted}/")
        or fnmatchcase(path, wanted)
        or (fnmatchcase(one.path.name, wanted))
    )


def _month_key(one: SourceFile) -> str | None:
    key = PREFIX + "/".join(one.path.parts[-3:])
    place = catalog.place_of(key)
    return key if place is not None and place.month is not None else None


def _may_be_data(one: SourceFile) -> bool:
    """Whether the start of a file is worth reading: its name does not say that it is something else."""
    name = one.path.name.removesuffix(".gz")
    suffix = f".{name.rpartition('.')[2].lower()}" if "." in name else ""
    return not _COMPANION.fullmatch(name) and (suffix in _TABLES or suffix in ("", ".txt"))


def _resembled(name: str) -> RawFile | None:
    """The raw file whose name this nearly is."""
    stem = _UNFINISHED.sub("", name.strip().lower())
    while (shorter := stem.rpartition(".")[0]) and "." in stem:
        stem = shorter
    stem = _COPY.sub("", _COPY.sub("", stem)).strip(" ._-").replace("-", "_").replace(" ", "_")
    for file in RAW_FILES:
        if stem in (file.name, file.name.removesuffix("s"), file.name.replace("_", "")):
            return file
    return None


def _why_not_wanted(name: str, suffix: str, wanted: RawFile) -> str:
    target = f"{wanted.name}.csv"
    if suffix in (".tsv", ".tab"):
        return f"is separated by tabs, not commas; write it as CSV, named {target}"
    if name.lower() in (target, f"{target}.gz"):
        return f"is not spelt as the catalogue spells it; rename it to {name.lower()}"
    if suffix == ".csv":
        return f"looks like a copy of {target}; rename it to that if it is the one to take"
    return f"looks like {target}, under a name that is not read; write it as CSV, named {target}"


def _first_lines(head: bytes) -> list[str]:
    """The whole lines of a file's start that are not blank, decoded so that nothing can fail."""
    lines = without_bom(head).split(b"\n")
    if len(head) >= _HEAD_BYTES:
        lines.pop()
    return [line.rstrip(b"\r").decode("latin-1") for line in lines[:_HEAD_LINES] if line.strip()]


def _file_with_header(lines: Sequence[str]) -> RawFile | None:
    found = [field.strip().strip('"') for field in lines[0].split(",")] if lines else []
    return next((file for file in RAW_FILES if list(file.header) == found), None)


def _is_table(lines: Sequence[str]) -> bool:
    """Whether lines are rows: most have the same number of the same separator, at least two."""
    for separator in (",", "\t", "::", ";", "|"):
        counts = [line.count(separator) for line in lines]
        usual = max(set(counts), key=counts.count, default=0)
        if usual >= 2 and len(lines) > 1 and 10 * counts.count(usual) >= 9 * len(lines):
            return True
    return False


def _in_natural_order(name: str) -> list[tuple[int, str]]:
    return [(int(digits or 0), text) for text, digits in re.findall(r"(\D*)(\d*)", name)]
