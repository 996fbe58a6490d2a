"""Is this object the file that the catalogue says it is? Decided from its first bytes.

A renamed or swapped column would load silently by position, so nothing is loaded from an object
whose header is not exactly the catalogue's.
"""

from __future__ import annotations

import csv

from netflix_assets.catalog import RawFile
from netflix_assets.errors import LoadError
from netflix_assets.formats.lines import BOM

_GZIP_MAGIC = b"\x1f\x8b"
_LFS_POINTER = b"version https://git-lfs"


def check_header(file: RawFile, key: str, first_line: bytes) -> None:
    """Accept the header line of a file, or say in one sentence what is wrong with it.

    Args:
        file: What the object should hold.
        key: The object, for the message.
        first_line: The first line, decompressed, with or without its line end and byte-order mark.

    Raises:
        LoadError: The line is not the header of the file.
    """
    expected = list(file.header)
    wanted = ",".join(expected)
    if not first_line.strip():
        raise LoadError(f"{key}, line 1: the file is empty; upload it again with the header {wanted}")
    if first_line.startswith(_LFS_POINTER):
        raise LoadError(
            f"{key}, line 1: this is a Git-LFS pointer, not the data; run `git lfs pull` and upload the real file"
        )
    if first_line.startswith(_GZIP_MAGIC):
        raise LoadError(f"{key}, line 1: the content is gzip; name the object .csv.gz or upload it uncompressed")
    if b"\0" in first_line:
        raise LoadError(
            f"{key}, line 1: this is not UTF-8 text (UTF-16, perhaps); save it as UTF-8 and upload it again"
        )
    text = first_line.removeprefix(BOM).rstrip(b"\r\n").decode("utf-8", errors="replace")
    try:
        found = [name.strip() for name in next(csv.reader([text]), [])]
    except csv.Error:  # A carriage return inside the line, or a field without end.
        found = [text[:80]]
    if found == expected:
        return
    raise LoadError(f"{key}, line 1: {_difference(expected, found, text)}; the header must be {wanted}")


def _difference(expected: list[str], found: list[str], text: str) -> str:
    for delimiter, name in ((";", "semicolon"), ("\t", "tab"), ("|", "bar"), ("::", "double colon")):
        if len(found) == 1 and [part.strip().strip('"') for part in text.split(delimiter)] == expected:
            return f"the columns are separated by a {name}, not a comma"
    # Every file starts with an identifier, so a number in its place is a row.
    if len(found) == len(expected) and found[0].isdigit():
        return f"the header is missing (the line reads {text[:80]!r})"
    if sorted(found) == sorted(expected):
        return f"the columns are in another order ({','.join(found)})"
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    if missing and extra and len(found) == len(expected):
        pairs = [f"{old} in place of {new}" for new, old in zip(expected, found, strict=True) if new != old]
        return f"a column has another name ({', '.join(pairs)[:200]})"
    if missing and not extra:
        return f"a column is missing ({', '.join(missing)})"
    if extra and not missing:
        return f"there is a column too many ({', '.join(extra)[:200]})"
    return f"this is not the file's header (the line reads {text[:80]!r})"
