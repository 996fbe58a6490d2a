"""Put a release of ratings (a folder, a zip, an address on the web, one file) into the bucket.

Files without months are put as they are, byte for byte. A monthly file is cut into one object a month, and what is
written in a dialect becomes the catalogue's own objects. What the bucket holds already is not put again, so an
upload can be interrupted and repeated at any time.

What an upload replaces: the files that the source holds and, of a monthly file, the months that it holds; other
months stay, and are told. In a month only the object that an upload writes (`ratings.csv`) is replaced: objects of
other names were put there by someone else and stay. With `replace`, nothing stays that the source does not hold.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from dataclasses import replace as replaced
from pathlib import Path, PurePosixPath
from typing import IO, cast

from netflix_assets import catalog
from netflix_assets.catalog import PREFIX, RAW_FILES, RawFile, read_by_name, source_lines_key
from netflix_assets.errors import UserError
from netflix_assets.formats.lines import whole_lines
from netflix_assets.formats.releases import Release, find_release
from netflix_assets.formats.source_lines import SourceLines, StreamLines
from netflix_assets.formats.split import runs_of, split_by_month
from netflix_assets.landing import last_upload
from netflix_assets.landing.bucket import Contents, LandingBucket, ObjectVersion
from netflix_assets.landing.conversion import converted
from netflix_assets.landing.data_version import data_version
from netflix_assets.landing.recognition import LeftOut, Part, Recognised, recognise
from netflix_assets.landing.sources import (
    ChunkReader,
    Progress,
    Source,
    SourceFile,
    is_gzip,
    on_disk,
    opened_source,
    reading,
    text_of,
)
from netflix_assets.partitions import load_name
from netflix_assets.scratch import scratch_folder

_CHUNK = 1 << 20
_PARALLEL_PUTS = 8

Confirm = Callable[[Sequence[ObjectVersion]], bool]
"""Told which objects would be removed, before anything is put; False ends the upload."""


@dataclass(frozen=True)
class UploadedFile:
    """What became of one raw file of the source.

    Attributes:
        name: Name of the raw file.
        sources: The files of the source that it was read from, in order.
        dialect: What they are written in, or None for that of the catalogue.
        objects: Objects that it makes in the bucket.
        put: Those of them that were written; the others held the same bytes.
        bytes: Size of all of them.
        rows: Rows that were read.
        published: Rows that the release has, as published, or None where no release is known.
        months: The months it holds, oldest first; empty for a file without months.
        not_kept: What of it the catalogue has no place for, in words; may be empty.
    """

    name: str
    sources: tuple[str, ...]
    dialect: str | None
    objects: int
    put: int
    bytes: int
    rows: int
    published: int | None
    months: tuple[str, ...] = ()
    not_kept: str = ""


@dataclass(frozen=True)
class Remaining:
    """What stays in the bucket of one raw file, and is not in the source.

    Attributes:
        name: Name of the raw file, or None for objects that no raw file accounts for.
        keys: The objects.
        months: Their months, oldest first.
        bytes: Their size.
    """

    name: str | None
    keys: tuple[str, ...]
    months: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class UploadReport:
    """What an upload did.

    Attributes:
        source: As it was given.
        uploaded: Keys that were written.
        unchanged: Keys that held the same bytes already.
        removed: Keys that held a file of the source under another spelling or, with `replace`, all that the source
            does not hold.
        bytes_uploaded: Size of the objects that were written.
        checksum_verified: True if a download matched the MD5 that is published beside it, False if none is
            published, None if nothing was downloaded.
        release: The release that the source is, or None.
        files: One entry a raw file, in the order of the catalogue.
        left_out: Files of the source that were not put.
        remaining: What stays in the bucket that the source does not hold, by raw file.
    """

    source: str
    uploaded: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    bytes_uploaded: int
    checksum_verified: bool | None
    release: Release | None
    files: tuple[UploadedFile, ...]
    left_out: tuple[LeftOut, ...]
    remaining: tuple[Remaining, ...]


def upload(
    source: str,
    bucket: LandingBucket,
    *,
    scratch: Path,
    skip: Sequence[str] = (),
    replace: bool = False,
    confirm: Confirm | None = None,
    called: str | None = None,
    by_name: Collection[str] = read_by_name(),
    progress: Progress | None = None,
) -> UploadReport:
    """Put the raw files of a source into the bucket.

    Args:
        source: A folder, a .zip file, another file, or the http(s) address of one.
        bucket: Where to put them.
        scratch: Folder for the download and for files while they are cut; what is put there is removed.
        skip: Files of the source to leave out.
        replace: Make the bucket hold exactly the source: remove all else, after everything is put.
        confirm: Asked before anything is put, if objects are to be removed with `replace`.
        called: What the record of the upload calls the source; else its own name.
        by_name: The raw files whose columns are found by their names.
        progress: Told how the download, the cutting and the upload get on.

    Raises:
        UserError: The source is not there, damaged, or holds what cannot be taken, or `confirm` said no; nothing was
            put.
        BucketError: The bucket cannot be reached or refuses; what was put so far is whole, and the same upload
            completes it.
    """
    tell = progress or (lambda *_: None)
    try:
        with (
            scratch_folder(scratch, "upload-") as work,
            opened_source(source, work, tell) as opened,
        ):
            opened = replaced(opened, called=called)
            known = recognise(opened, skip, by_name)
            _refuse_if_too_large(known, work)
            pieces = _prepare(known, work, opened, by_name, tell)
            there = {version.key: version for version in bucket.versions()}
            removed = _to_remove(pieces, there, everything=replace)
            if replace and removed and confirm is not None and not confirm([there[key] for key in removed]):
                raise UserError("nothing was changed")
            return _put_all(pieces, removed, there, bucket, opened, known, tell, called=called, replace=replace)
    except OSError as error:
        raise UserError(f"cannot use {error.filename or scratch} for an upload ({error.strerror or error})") from error


@dataclass(frozen=True)
class _Piece:
    """One object to be.

    Attributes:
        file: What it holds.
        month: Its month, if it has one.
        key: Where it is to be.
        content: Its bytes.
        rows: Rows in it.
        stream: The lines of the source that it was cut from or converted from, if it was.
        runs_folder: Where is written which of them are its own, if it was cut.
    """

    file: RawFile
    month: str | None
    key: str
    content: Path
    rows: int
    stream: StreamLines | None = None
    runs_folder: Path | None = None

    def source_lines(self) -> SourceLines | None:
        """Which lines of the source its rows are; None where it is a file of the source as it is."""
        if self.stream is None:
            return None
        if self.runs_folder is None or self.month is None:
            return SourceLines(self.stream)
        return SourceLines(self.stream, runs_of(self.runs_folder, self.month))


def _refuse_if_too_large(known: Recognised, work: Path) -> None:
    """Refuse a source of which the pieces, written beside the bucket's own copy, would fill the disk."""
    needed = sum(
        part.source.size
        for file, parts in known.whole.items()
        for part in parts
        if file.month_column is not None or part.shape is not None or part.source.on_disk is None
    )
    needed += sum(one.size for one in known.months.values() if one.on_disk is None)
    free = shutil.disk_usage(work).free
    if needed > free:
        raise UserError(
            f"the upload needs {needed / 1e9:.1f} GB in {work.parent}, where {free / 1e9:.1f} GB are free; make room "
            "or set NETFLIX_HOME to a folder on another disk"
        )


def _prepare(known: Recognised, work: Path, source: Source, by_name: Collection[str], tell: Progress) -> list[_Piece]:
    """All objects to be, as files, so that nothing is put from a source that turns out to be damaged."""
    pieces = []
    for file, parts in known.whole.items():
        if file.month_column is not None:
            folder, runs = work / file.name, work / f"{file.name}-lines"
            folder.mkdir()
            runs.mkdir()
            stream = StreamLines()
            rows = _cut(file, parts, known, folder, source, tell, stream, runs, by_name=file.name in by_name)
            pieces += [
                _Piece(file, month, file.object_key(month), folder / f"{month}.csv", count, stream, runs)
                for month, count in rows.items()
            ]
        elif parts[0].shape is not None:
            path = work / f"{file.name}.csv"
            stream = StreamLines()
            with path.open("wb") as target:
                target.writelines(converted(file, parts, known.extras, source, stream))
            count = _rows_of_file(path, str(parts[0].source.path))
            pieces.append(_Piece(file, None, file.object_key(), path, count, stream))
        else:
            one = parts[0].source
            ending = ".csv.gz" if is_gzip(one) else ".csv"
            content, count = _as_it_is(one, work, source)
            pieces.append(_Piece(file, None, file.object_key(ending=ending), content, count))
    for key, one in known.months.items():
        place = catalog.place_of(key)
        assert place is not None
        content, count = _as_it_is(one, work, source)
        pieces.append(_Piece(place.file, place.month, key, content, count))
    return pieces


def _as_it_is(one: SourceFile, work: Path, source: Source) -> tuple[Path, int]:
    """A file of the source on disk, and its rows: read to its end, so that damage is found before the first put."""
    path = one.on_disk
    if path is None:
        with (
            reading(one, source) as content,
            tempfile.NamedTemporaryFile(dir=work, delete=False, suffix=one.path.suffix) as file,
        ):
            shutil.copyfileobj(content, file, _CHUNK)
        path = Path(file.name)
    with reading(on_disk(path, one.path), source) as content:
        return path, _rows_in(text_of(one, content, source), source.label(one))


def _rows_of_file(path: Path, name: str) -> int:
    with path.open("rb") as content:
        return _rows_in(iter(lambda: content.read(_CHUNK), b""), name)


def _rows_in(chunks: Iterator[bytes], name: str) -> int:
    """Lines after the header that are not blank."""
    rows = -1
    for piece in whole_lines(name, chunks):
        rows += piece.count(b"\n")
        if b"\n\n" in piece or b"\n\r\n" in piece or piece.startswith((b"\n", b"\r\n")):
            rows -= sum(not line.strip() for line in piece.split(b"\n")[:-1])
    return max(rows, 0)


def _cut(
    file: RawFile,
    parts: Sequence[Part],
    known: Recognised,
    folder: Path,
    source: Source,
    tell: Progress,
    stream: StreamLines,
    runs_folder: Path,
    *,
    by_name: bool,
) -> dict[str, int]:
    one = parts[0].source
    if parts[0].shape is not None:
        size = sum(part.source.size for part in parts)
        done = 0

        def count(read: int) -> None:
            nonlocal done
            done += read

        lines = converted(file, parts, known.extras, source, stream, count)
        return split_by_month(
            file,
            cast(IO[bytes], ChunkReader(lines)),
            folder,
            name=source.label(one),
            runs_folder=runs_folder,
            progress=lambda: tell(f"split {file.name}", done, size),
        )
    with reading(one, source) as content:
        plain = cast(IO[bytes], ChunkReader(text_of(one, content, source))) if is_gzip(one) else content

        def so_far() -> None:
            tell(f"split {one.path.name}", content.tell(), one.size)

        stream.go_on(1, source.told(one), 1)
        return split_by_month(
            file,
            plain,
            folder,
            name=source.label(one),
            by_name=by_name,
            runs_folder=runs_folder,
            progress=so_far,
        )


def _to_remove(pieces: Sequence[_Piece], there: Iterable[str], *, everything: bool) -> list[str]:
    ours = {piece.key for piece in pieces}
    if everything:
        return sorted(key for key in there if key not in ours)
    return sorted(_other_spellings(pieces, there))


def _put_all(
    pieces: Sequence[_Piece],
    removed: Sequence[str],
    there: Mapping[str, ObjectVersion],
    bucket: LandingBucket,
    source: Source,
    known: Recognised,
    tell: Progress,
    *,
    called: str | None,
    replace: bool,
) -> UploadReport:
    uploaded: set[str] = set()
    tell("upload", 0, len(pieces))
    pool = ThreadPoolExecutor(_PARALLEL_PUTS)
    try:
        noted = bucket.source_lines()
        puts = {pool.submit(_put, piece, there.get(piece.key), bucket, noted): piece for piece in pieces}
        for done, put in enumerate(as_completed(puts), 1):
            if put.result():
                uploaded.add(puts[put].key)
            tell("upload", done, len(pieces))
    finally:
        pool.shutdown(cancel_futures=True)
    for key in removed:
        bucket.delete(key)
    made = {source_lines_key(piece.key) for piece in pieces if piece.stream is not None}
    others = {source_lines_key(key) for key in there if key not in removed} - {
        source_lines_key(piece.key) for piece in pieces
    }
    for key in sorted(noted.keys() - made - others):
        bucket.delete(key)
    remaining = _remaining(pieces, [there[key] for key in there if key not in removed])
    agreed = _data_versions(bucket.contents()) if replace else None
    last_upload.record(bucket, called or source.name, alone=not remaining, agreed=agreed)
    rows = {file.name: sum(piece.rows for piece in pieces if piece.file == file) for file in RAW_FILES}
    rows = {name: count for name, count in rows.items() if any(piece.file.name == name for piece in pieces)}
    release = _release(source, known, rows)
    return UploadReport(
        source=source.name,
        uploaded=tuple(sorted(uploaded)),
        unchanged=tuple(sorted(piece.key for piece in pieces if piece.key not in uploaded)),
        removed=tuple(removed),
        bytes_uploaded=sum(piece.content.stat().st_size for piece in pieces if piece.key in uploaded),
        checksum_verified=source.checksum_verified,
        release=release,
        files=tuple(
            _summary(file, pieces, uploaded, known, rows[file.name], release) for file in RAW_FILES if file.name in rows
        ),
        left_out=known.left_out,
        remaining=remaining,
    )


def _data_versions(contents: Contents) -> dict[str, str]:
    """Return the data version of each file, also of one without objects, and month of the bucket, by name."""
    keys: dict[RawFile, Sequence[str | None]] = {
        file: [None] if file.month_column is None else contents.months(file) for file in RAW_FILES
    }
    return {load_name(file, key): data_version(contents.of(file, key)) for file in RAW_FILES for key in keys[file]}


def _release(source: Source, known: Recognised, rows: Mapping[str, int]) -> Release | None:
    names = {PurePosixPath(source.name.rstrip("/")).name}
    names |= {folder for one in source.files for folder in one.path.parts[:-1]}
    return find_release(names, [name for dialect in known.dialects for name in dialect.releases], rows)


def _put(piece: _Piece, there: ObjectVersion | None, bucket: LandingBucket, noted: Mapping[str, str]) -> bool:
    """Write one object, unless it holds these bytes already, and beside it where its rows are from."""
    same = there is not None and there.size == piece.content.stat().st_size and there.etag == md5_of(piece.content)
    etag = there.etag if there is not None and same else bucket.put_file(piece.key, piece.content)
    lines = piece.source_lines()
    if lines is not None:
        key, body = source_lines_key(piece.key), lines.as_bytes(etag)
        if noted.get(key) != hashlib.md5(body, usedforsecurity=False).hexdigest():
            bucket.put(key, io.BytesIO(body))
    return not same


def md5_of(path: Path) -> str:
    """MD5 of a file, in hexadecimal: what S3 gives as ETag for an object that was put in one piece."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _other_spellings(pieces: Sequence[_Piece], there: Iterable[str]) -> set[str]:
    """Objects that hold what we put under another name (`genome-scores.csv`, `movies.csv.gz`): rows would double."""
    ours = {piece.key for piece in pieces}
    put = {(piece.file, piece.month) for piece in pieces if catalog.file_named(PurePosixPath(piece.key).name)}
    found = set()
    for key in there:
        place = catalog.place_of(key)
        same_name = catalog.file_named(PurePosixPath(key).name)
        if place is not None and same_name == place.file and (place.file, place.month) in put and key not in ours:
            found.add(key)
    return found


def _remaining(pieces: Sequence[_Piece], there: Iterable[ObjectVersion]) -> tuple[Remaining, ...]:
    ours = {piece.key for piece in pieces}
    by_name: dict[str | None, list[tuple[ObjectVersion, str | None]]] = {}
    for version in there:
        if version.key not in ours:
            place = catalog.place_of(version.key)
            name = place.file.name if place else None
            by_name.setdefault(name, []).append((version, place.month if place else None))
    return tuple(
        Remaining(
            name,
            tuple(sorted(version.key for version, _ in by_name[name])),
            tuple(sorted({month for _, month in by_name[name] if month is not None})),
            sum(version.size for version, _ in by_name[name]),
        )
        for name in (*(file.name for file in RAW_FILES), None)
        if name in by_name
    )


def _summary(
    file: RawFile, pieces: Sequence[_Piece], uploaded: set[str], known: Recognised, rows: int, release: Release | None
) -> UploadedFile:
    own = [piece for piece in pieces if piece.file == file]
    parts = known.whole.get(file, ())
    by_month = [str(one.path) for key, one in known.months.items() if key.startswith(f"{PREFIX}{file.name}/")]
    shape, dialect = (parts[0].shape, parts[0].dialect) if parts else (None, None)
    return UploadedFile(
        name=file.name,
        sources=tuple(str(part.source.path) for part in parts) or tuple(by_month),
        dialect=dialect.name if dialect else None,
        objects=len(own),
        put=sum(piece.key in uploaded for piece in own),
        bytes=sum(piece.content.stat().st_size for piece in own),
        rows=rows,
        published=release.rows.get(file.name) if release else None,
        months=tuple(sorted({piece.month for piece in own if piece.month is not None})),
        not_kept=shape.not_kept if shape else "",
    )
