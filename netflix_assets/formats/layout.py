"""Where the columns of a raw file stand in one file: as the catalogue has them, or found by their names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from netflix_assets.catalog import RawFile
from netflix_assets.formats.text import legible

CONTROLS_IN_EXTRA = "".join(chr(code) for code in range(1, 0x20) if chr(code) not in "\t\n\r")
"""Characters that are replaced in what unknown columns hold: escaping each would make Snowflake's SQL too deep."""
_REPLACED = str.maketrans(dict.fromkeys(CONTROLS_IN_EXTRA, "\N{REPLACEMENT CHARACTER}"))


@dataclass(frozen=True)
class Layout:
    """The columns of one file.

    Attributes:
        positions: Where each column of the catalogue stands, from 0; None for one that is not there.
        unknown: Name and position of each column that the catalogue does not know, in the order of the file.
    """

    positions: tuple[int | None, ...]
    unknown: tuple[tuple[str, int], ...] = ()

    @property
    def width(self) -> int:
        """How many columns the file has."""
        return sum(position is not None for position in self.positions) + len(self.unknown)

    @property
    def is_plain(self) -> bool:
        """Whether the file has the catalogue's columns in their order, and no others."""
        return not self.unknown and self.positions == tuple(range(len(self.positions)))

    def known_fields(self, fields: Sequence[str]) -> list[str]:
        """Return the fields of a row in the order of the catalogue; a column that is not there is empty."""
        return ["" if position is None else fields[position] for position in self.positions]

    def extra(self, fields: Sequence[str]) -> str:
        """Return the fields of unknown columns as a JSON object, by name, in the order of the file; empty is null."""
        values = {name: fields[position].translate(_REPLACED) or None for name, position in self.unknown}
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))

    def drift(self, file: RawFile) -> str | None:
        """Say which columns are unknown or missing; None if none is."""
        missing = [name for name, position in zip(file.header, self.positions, strict=True) if position is None]
        unknown = [name for name, _ in self.unknown]
        said = [f"{what} {', '.join(names)}" for what, names in (("unknown:", unknown), ("missing:", missing)) if names]
        return legible("; ".join(said)) or None


def plain_layout(file: RawFile) -> Layout:
    """The layout of a file that is as the catalogue has it."""
    return Layout(tuple(range(len(file.columns))))
