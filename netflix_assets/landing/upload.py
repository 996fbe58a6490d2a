"""Put a MovieLens release (a folder, a zip, or the web address of a zip) into the bucket.

Files without months are put as they are, byte for byte. A monthly file is cut into one object a month. What
the bucket holds already is not put again, so an upload can be interrupted and repeated at any time.

What an upload replaces: the files that the source holds and, of a monthly file, the months that it holds;
other months stay. In a month only the object that an upload writes (`ratings.csv`) is replaced: objects of
other names were put there by someone else and stay.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import IO, TypeVar, cast
from urllib.parse import urlsplit

from netflix_assets import catalog
from netflix_assets.catalog import PREFIX, RAW_FILES, RawFile
from netflix_assets.errors import UserError
from netflix_assets.formats.split import split_by_month
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion

_Key = TypeVar("_Key")

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is (0: not known)."""

_CHUNK = 1 << 20
_PARALLEL_PUTS = 8
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class UploadedFile:
    """What became of one raw file of the source.

    Attributes:
        name: Name of the raw file.
        objects: Objects that it makes in the bucket.
        bytes: Their size.
        months: The months it holds, oldest first; empty for a file without months.
        rows: Rows that were sorted into months; None for a file that is put as it is.
        other_months: Months of which the bucket holds objects and the source does not; left alone.
    """

    name: str
    objects: int
    bytes: int
    months: tuple[str, ...] = ()
    rows: int | None = None
    other_months: tuple[str, ...] = ()


@dataclass(frozen=True)
class UploadReport:
    """What an upload did.

    Attributes:
        source: As it was given.
        uploaded: Keys that were written.
        unchanged: Keys that held the same bytes already.
        removed: Keys that held a file of the source under another spelling.
        bytes_uploaded: Size of the objects that were written.
        checksum_verified: True if a download matched the MD5 that is published beside it, False if none is
            published, None if nothing was downloaded.
        files: One entry a raw file, in the order of the catalogue.
    """

    source: str
    uploaded: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    bytes_uploaded: int
    checksum_verified: bool | None
    files: tuple[UploadedFile, ...]


def upload(source: str, bucket: LandingBucket, *, scratch: Path, progress: Progress | None = None) -> UploadReport:
    """Put the raw files of a source into the bucket.

    Args:
        source: A folder, a .zip file, or the http(s) address of one.
        bucket: Where to put them.
        scratch: Folder for the download and for files while they are cut; what is put there is removed.
        progress: Told how the download, the cutting and the upload get on.

    Raises:
        UserError: The source is not there, damaged, or holds no raw file; nothing was put.
        BucketError: The bucket cannot be reached or refuses; what was put so far is whole.
    """
    tell = progress or (lambda *_: None)
    verified: bool | None = None
    with ExitStack() as stack:
        work = stack.enter_context(_work_folder(scratch))
        if source.startswith(("http://", "https://")):
            archive = work / "download.zip"
            verified = _download(source, archive, tell)
            found = stack.enter_context(_opened_zip(archive, source))
        else:
            path = Path(source).expanduser()
            if path.is_dir():
                found = _files_in(path)
            elif path.is_file():
                found = stack.enter_context(_opened_zip(path, source))
            else:
                raise UserError(f"there is no {source}; give a folder, a .zip file or the http(s) address of a .zip")
        pieces = _prepare(_sort(found, source), work, source, tell)
        return _put_all(pieces, bucket, source, verified, tell)


@dataclass(frozen=True)
class _Found:
    """A file of the source.

    Attributes:
        path: Relative to the source, for recognising and naming it.
        open: Opens its bytes.
        size: Of those bytes.
        on_disk: The file itself, if it is one.
    """

    path: PurePosixPath
    open: Callable[[], IO[bytes]]
    size: int
    on_disk: Path | None = None


@dataclass(frozen=True)
class _Piece:
    """One object to be."""

    file: RawFile
    month: str | None
    key: str
    content: Path
    rows: int | None = None


@contextmanager
def _work_folder(scratch: Path) -> Iterator[Path]:
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch, prefix="upload-") as work:
            yield Path(work)
    except OSError as error:
        raise UserError(f"cannot use {error.filename or scratch} for an upload ({error.strerror or error})") from error


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _files_in(folder: Path) -> list[_Found]:
    found = []
    for path in sorted(folder.rglob("*")):
        relative = PurePosixPath(path.relative_to(folder).as_posix())
        if path.is_file() and not any(part.startswith(".") for part in relative.parts):
            found.append(_Found(relative, partial(_open, path), path.stat().st_size, path))
    return found


@contextmanager
def _opened_zip(path: Path, source: str) -> Iterator[list[_Found]]:
    # Members are only read, and written under names of our own: a path inside the archive leads nowhere.
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise UserError(f"{source} is not a zip that can be read ({error}); get it again") from error
    with archive:
        yield [
            _Found(PurePosixPath(info.filename), partial(archive.open, info), info.file_size)
            for info in archive.infolist()
            if not info.is_dir()
        ]


def _download(url: str, target: Path, tell: Progress) -> bool:
    """Fetch a file; True if it matches its published MD5, False if none is published."""
    digest = hashlib.md5(usedforsecurity=False)
    received = expected = 0
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response, target.open("wb") as file:
            expected = int(response.headers.get("Content-Length") or 0)
            while chunk := response.read(_CHUNK):
                received += len(chunk)
                digest.update(chunk)
                file.write(chunk)
                tell("download", received, expected)
    except urllib.error.HTTPError as error:
        raise UserError(f"{url} answered {error.code} ({error.reason}); is the address right?") from error
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(f"{url} cannot be downloaded ({reason}); check the address and the network") from error
    if expected and received != expected:
        raise UserError(f"{url}: received {received} of {expected} bytes; download it again")
    published = _publishedmd5_of(url)
    if published is not None and published != digest.hexdigest():
        raise UserError(
            f"{url}: the download has MD5 {digest.hexdigest()}, but {published} is published; download it again"
        )
    return published is not None


def _publishedmd5_of(url: str) -> str | None:
    """What `<url>.md5` says, as `MD5 (ml-25m.zip) = <digest>` or `<digest>  ml-25m.zip`."""
    parts = urlsplit(url)
    address = parts._replace(path=f"{parts.path}.md5").geturl()
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_SECONDS) as response:
            lines = response.read(1 << 16).decode("utf-8", errors="replace").splitlines()
    except urllib.error.HTTPError as error:
        if error.code < 500:
            return None
        raise UserError(f"{address} answered {error.code} ({error.reason}); try again later") from error
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        raise UserError(f"{address} cannot be downloaded ({error}); try again") from error
    name = PurePosixPath(parts.path).name
    digests = {line: match[0].lower() for line in lines if (match := re.search(r"\b[0-9a-fA-F]{32}\b", line))}
    named = [digest for line, digest in digests.items() if name in line]
    return next(iter(named or digests.values()), None)


@dataclass(frozen=True)
class _Sorted:
    """The files of a source that the catalogue knows: whole ones by raw file, and months by object key."""

    whole: Mapping[RawFile, _Found]
    months: Mapping[str, _Found]


def _sort(found: Sequence[_Found], source: str) -> _Sorted:
    whole: dict[RawFile, _Found] = {}
    months: dict[str, _Found] = {}
    for one in found:
        key = PREFIX + "/".join(one.path.parts[-3:])
        place = catalog.place_of(key)
        if place is not None and place.month is not None:
            _once(months, key, one, source)
            continue
        file = catalog.file_named(one.path.name)
        if file is not None:
            _once(whole, file, one, source)
    if not whole and not months:
        names = ", ".join(f"{file.name}.csv" for file in RAW_FILES)
        raise UserError(f"{source} holds no file of a MovieLens release; looked for {names} (or .csv.gz)")
    for file in whole:
        by_month = [one.path for key, one in months.items() if key.startswith(f"{PREFIX}{file.name}/")]
        if by_month:
            raise UserError(
                f"{source} holds {file.name} twice, whole ({whole[file].path}) and by month ({by_month[0]}); remove one"
            )
    return _Sorted(whole, months)


def _once(known: dict[_Key, _Found], key: _Key, one: _Found, source: str) -> None:
    if key in known:
        raise UserError(f"{source} holds the same file twice, as {known[key].path} and {one.path}; remove one")
    known[key] = one


@contextmanager
def _reading(one: _Found, source: str) -> Iterator[IO[bytes]]:
    """The bytes of a file of the source; what can be wrong with them becomes one sentence."""
    try:
        with one.open() as content:
            yield content
    # RuntimeError is how zipfile says that a password is needed.
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{one.path} of {source} cannot be read ({error}); get it again") from error


def _prepare(known: _Sorted, work: Path, source: str, tell: Progress) -> list[_Piece]:
    """All objects to be, as files, so that nothing is put from a source that turns out to be damaged."""
    pieces = []
    for file, one in known.whole.items():
        if file.month_column is None:
            ending = "".join(one.path.suffixes[-2:]) if one.path.suffix == ".gz" else one.path.suffix
            pieces.append(_Piece(file, None, file.object_key(ending=ending), _on_disk(one, work, source)))
            continue
        folder = work / file.name
        folder.mkdir()
        rows = _cut(file, one, folder, source, tell)
        pieces += [
            _Piece(file, month, file.object_key(month), folder / f"{month}.csv", count) for month, count in rows.items()
        ]
    for key, one in known.months.items():
        place = catalog.place_of(key)
        assert place is not None
        pieces.append(_Piece(place.file, place.month, key, _on_disk(one, work, source)))
    return pieces


def _on_disk(one: _Found, work: Path, source: str) -> Path:
    if one.on_disk is not None:
        return one.on_disk
    with _reading(one, source) as content, tempfile.NamedTemporaryFile(dir=work, delete=False) as file:
        shutil.copyfileobj(content, file, _CHUNK)
    return Path(file.name)


def _cut(file: RawFile, one: _Found, folder: Path, source: str, tell: Progress) -> dict[str, int]:
    with _reading(one, source) as content:

        def so_far() -> None:
            tell(f"split {one.path.name}", content.tell(), one.size)

        with gzip.open(content) if one.path.suffix == ".gz" else nullcontext(content) as plain:
            return split_by_month(file, cast(IO[bytes], plain), folder, name=f"{one.path} of {source}", progress=so_far)


def _put_all(
    pieces: Sequence[_Piece], bucket: LandingBucket, source: str, verified: bool | None, tell: Progress
) -> UploadReport:
    there = {version.key: version for version in bucket.versions()}
    uploaded: list[str] = []
    unchanged: list[str] = []
    size = 0
    tell("upload", 0, len(pieces))
    pool = ThreadPoolExecutor(_PARALLEL_PUTS)
    try:
        puts = {pool.submit(_put, piece, there.get(piece.key), bucket): piece for piece in pieces}
        for done, put in enumerate(as_completed(puts), 1):
            piece = puts[put]
            if put.result():
                uploaded.append(piece.key)
                size += piece.content.stat().st_size
            else:
                unchanged.append(piece.key)
            tell("upload", done, len(pieces))
    finally:
        pool.shutdown(cancel_futures=True)
    removed = sorted(_other_spellings(pieces, there))
    for key in removed:
        bucket.delete(key)
    return UploadReport(
        source=source,
        uploaded=tuple(sorted(uploaded)),
        unchanged=tuple(sorted(unchanged)),
        removed=tuple(removed),
        bytes_uploaded=size,
        checksum_verified=verified,
        files=tuple(_summary(file, pieces, there) for file in RAW_FILES if any(p.file == file for p in pieces)),
    )


def _put(piece: _Piece, there: ObjectVersion | None, bucket: LandingBucket) -> bool:
    """Write one object, unless it holds these bytes already."""
    if there is not None and there.size == piece.content.stat().st_size and there.etag == md5_of(piece.content):
        return False
    bucket.put_file(piece.key, piece.content)
    return True


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


def _summary(file: RawFile, pieces: Sequence[_Piece], there: Iterable[str]) -> UploadedFile:
    own = [piece for piece in pieces if piece.file == file]
    months = sorted({piece.month for piece in own if piece.month is not None})
    places = [place for key in there if (place := catalog.place_of(key)) is not None and place.file == file]
    counted = [piece.rows for piece in own if piece.rows is not None]
    return UploadedFile(
        name=file.name,
        objects=len(own),
        bytes=sum(piece.content.stat().st_size for piece in own),
        months=tuple(months),
        rows=sum(counted) if counted else None,
        other_months=tuple(sorted({place.month for place in places if place.month is not None} - set(months))),
    )
