"""What describes a dialect: the files of a release that spells the catalogue's files in its own way."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netflix_assets.catalog import RawFile

Pieces = Iterable[tuple[int, bytes]]
"""Whole lines of a file, ended by LF, each piece with the number of its first line.

A converter gives the same for its rows: within a piece, row n + 1 is from the line after that of row n.
"""

Extras = Mapping[str, bytes]
"""Small files that a converter reads beside its own, by lower-case name."""

Convert = Callable[[Pieces, Extras], Iterator[tuple[int, bytes]]]
"""Turns lines of a dialect into CSV rows in the order of the catalogue's columns, without a header.

What cannot be a row stays one that the load sets aside: nothing is left out, and nothing is put right by guessing.
"""


@dataclass(frozen=True)
class Shape:
    """How a dialect writes one raw file.

    Attributes:
        file: What it becomes.
        names: Names that the release gives it, without `.gz`; a hint, which decides where content alone cannot.
        likeness: Share (0..1) of the first lines of a file (not blank, decoded) that are of this shape.
        convert: Makes CSV rows of it.
        only_named: Content alone does not tell it from a file of the catalogue under another name.
        many: A release may have it in several parts.
        first_row: Line of the first row: 2 where there is a header.
        not_kept: What is in it that the catalogue has no column for, or what was made of it; may be empty.
    """

    file: RawFile
    names: re.Pattern[str]
    likeness: Callable[[Sequence[str]], float]
    convert: Convert
    only_named: bool = False
    many: bool = False
    first_row: int = 1
    not_kept: str = ""


@dataclass(frozen=True)
class NotKept:
    """A file of a release that is not taken, and why."""

    names: re.Pattern[str]
    why: str


@dataclass(frozen=True)
class Dialect:
    """The files of one release, or of several that are written alike.

    Attributes:
        name: For output.
        shapes: What is taken.
        not_kept: What is not.
        extras: Names of the small files that its converters read.
        releases: Those written so, as `releases.py` spells them.
    """

    name: str
    shapes: tuple[Shape, ...]
    not_kept: tuple[NotKept, ...] = ()
    extras: frozenset[str] = frozenset()
    releases: tuple[str, ...] = ()


def named(pattern: str) -> re.Pattern[str]:
    """A pattern of file names, upper or lower case."""
    return re.compile(pattern, re.IGNORECASE)


def like(pattern: str) -> Callable[[Sequence[str]], float]:
    """The share of lines that match."""
    compiled = re.compile(pattern)
    return lambda lines: sum(compiled.fullmatch(line) is not None for line in lines) / max(len(lines), 1)


def text_of(line: bytes) -> str:
    """A line as text: UTF-8, or Latin-1 where it is not that, as the older releases are."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def by_line(row_of: Callable[[str], Sequence[str] | None]) -> Callable[[Pieces], Iterator[tuple[int, bytes]]]:
    """Convert line by line: `row_of` gives the fields; None for a line that is none, which is kept as one field."""

    def convert(pieces: Pieces) -> Iterator[tuple[int, bytes]]:
        for number, piece in pieces:
            rows = io.StringIO()
            write = csv.writer(rows, lineterminator="\n").writerow
            for line in piece.split(b"\n")[:-1]:
                text = text_of(line)
                if text.strip():
                    write(row_of(text) or [text])
                else:
                    rows.write("\n")
            yield number, rows.getvalue().encode()

    return convert


def as_csv(separator: bytes) -> Convert:
    """Convert rows of numbers that another separator parts; a line that holds commas or quotes is no such row."""

    def row_of(text: str) -> list[str]:
        return text.split(separator.decode())

    slow = by_line(row_of)

    def convert(pieces: Pieces, extras: Extras) -> Iterator[tuple[int, bytes]]:
        for number, piece in pieces:
            if b"," in piece or b'"' in piece:
                yield from slow([(number, piece)])
            else:
                yield number, piece.replace(separator, b",")

    return convert
