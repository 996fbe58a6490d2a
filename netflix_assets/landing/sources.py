"""Where an upload takes files from: a folder, a zip, an address on the web, or one file."""

from __future__ import annotations

import gzip
import io
import os
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

from netflix_assets.catalog import is_system_file
from netflix_assets.errors import UserError
from netflix_assets.formats.compression import decompressed
from netflix_assets.landing.download import download

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is (0: not known)."""

_CHUNK = 1 << 20
_ZIP = b"PK"
# What text ever compresses to: MovieLens files give 4 to 10. Small files may do as they like.
_BOMB_RATIO = 100
_BOMB_BYTES = 64 << 20


@dataclass(frozen=True)
class SourceFile:
    """A file of the source.

    Attributes:
        path: Relative to the source, for recognising and naming it.
        size: Bytes, as they are opened.
        open: Opens them.
        on_disk: The file itself, if it is one.
        fault: Why it is no file that can be read (a link that leads nowhere, a pipe), else empty.
    """

    path: PurePosixPath
    size: int
    open: Callable[[], IO[bytes]]
    on_disk: Path | None = None
    fault: str = ""


@dataclass(frozen=True)
class Source:
    """What was given to an upload.

    Attributes:
        name: As it was given.
        files: Its files, in the order of their paths.
        checksum_verified: True if a download matched the MD5 that is published beside it, False if none is
            published, None if nothing was downloaded.
        called: What it is called where others read it; else its name without where it was.
    """

    name: str
    files: tuple[SourceFile, ...]
    checksum_verified: bool | None = None
    called: str | None = None

    def label(self, one: SourceFile) -> str:
        """What a file is called in a sentence."""
        alone = len(self.files) == 1 and self.name.endswith(str(one.path))
        return self.name if alone else f"{one.path} of {self.name}"

    def told(self, one: SourceFile) -> str:
        """What a file is called where others read it: without where the source was, and without secrets."""
        path, name = str(one.path), self.called or without_secrets(self.name)
        return name if len(self.files) == 1 and name.endswith(path) else f"{path} of {name}"


def without_secrets(source: str) -> str:
    """An address without user, password and query, or the name of a folder or file without where it is."""
    if source.startswith(("http://", "https://")):
        parts = urlsplit(source)
        host = parts.hostname or ""
        return parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host, query="", fragment="").geturl()
    return PurePosixPath(source.rstrip("/")).name or source


@contextmanager
def opened_source(name: str, work: Path, progress: Progress) -> Iterator[Source]:
    """Find the files of a source.

    Args:
        name: A folder, a .zip file, any other file, or the http(s) address of a file.
        work: A folder for the download.
        progress: Told how the download gets on.

    Raises:
        UserError: There is no such source, or it cannot be read.
    """
    if name.startswith(("http://", "https://")):
        target = work / "download"
        verified = download(name, target, progress)
        called = PurePosixPath(urlsplit(name).path).name or "download"
        with _opened_file(target, name, called) as files:
            yield Source(name, files, verified)
        return
    path = Path(name).expanduser()
    if path.is_dir():
        yield Source(name, tuple(_files_in(path)))
    elif path.is_file():
        with _opened_file(path, name, path.name) as files:
            yield Source(name, files)
    elif path.exists():
        raise UserError(f"{name} is neither a file nor a folder; give a folder, a .zip file or a file of a release")
    else:
        raise UserError(f"there is no {name}; give a folder, a .zip file or the http(s) address of a .zip")


@contextmanager
def _opened_file(path: Path, source: str, called: str) -> Iterator[tuple[SourceFile, ...]]:
    """The members of a zip, or the one file itself."""
    if called.lower().endswith(".zip") or (not PurePosixPath(called).suffix and _starts_like_a_zip(path, source)):
        with _opened_zip(path, source) as files:
            yield files
    else:
        yield (on_disk(path, PurePosixPath(called)),)


def _starts_like_a_zip(path: Path, source: str) -> bool:
    try:
        with path.open("rb") as start:
            return start.read(len(_ZIP)) == _ZIP
    except OSError as error:
        raise UserError(f"{source} cannot be read ({error.strerror}); let this user read it") from error


def on_disk(path: Path, called: PurePosixPath) -> SourceFile:
    """A file that is there to be read, under the name that it has in its source."""
    return SourceFile(called, path.stat().st_size, partial(_open_bytes, path), path)


def _open_bytes(path: Path) -> IO[bytes]:
    return path.open("rb")


def _files_in(folder: Path) -> list[SourceFile]:
    """Every file below a folder, through links as well; each folder once, so that links in a circle end."""
    found: list[SourceFile] = []
    walked: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename} cannot be read ({error.strerror}); let this user read it") from error

    for here, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        status = Path(here).stat()
        if (status.st_dev, status.st_ino) in walked:
            folders.clear()
            continue
        walked.add((status.st_dev, status.st_ino))
        # What is hidden is named, but not walked through: a checkout has more files below `.git` than a release.
        hidden = [name for name in folders if is_system_file(name)]
        folders[:] = sorted(set(folders) - set(hidden))
        for name in (*names, *hidden):
            path = Path(here, name)
            found.append(_found(path, PurePosixPath(path.relative_to(folder).as_posix())))
    return sorted(found, key=lambda one: one.path)


def _found(path: Path, called: PurePosixPath) -> SourceFile:
    if path.is_file():
        return on_disk(path, called)
    fault = ""
    if path.is_symlink() and not path.exists():
        fault = f"is a link to {path.readlink()}, which is not there"
    elif not path.is_dir():
        fault = "is no regular file"
    return SourceFile(called, 0, io.BytesIO, None, fault)


@contextmanager
def _opened_zip(path: Path, source: str) -> Iterator[tuple[SourceFile, ...]]:
    # Members are only read, and written under names of our own: a path inside the archive leads nowhere.
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise UserError(f"{source} is not a zip that can be read ({error}); get it again") from error
    with archive:
        members = [info for info in archive.infolist() if not info.is_dir() and not info.filename.endswith("\\")]
        _refuse_bomb(source, path.stat().st_size, members)
        files = [
            SourceFile(_member_path(info.filename), info.file_size, partial(_open_member, archive, info, source))
            for info in members
        ]
        yield tuple(sorted(files, key=lambda one: one.path))


def _member_path(name: str) -> PurePosixPath:
    """Where a member is in its archive, also one that was packed on Windows or wants to climb out."""
    name = re.sub(r"^[A-Za-z]:", "", name.replace("\\", "/"))
    return PurePosixPath(posixpath.normpath(f"/{name.lstrip('/')}")).relative_to("/")


def _open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, source: str) -> IO[bytes]:
    if info.flag_bits & 1:
        raise UserError(
            f"{info.filename} of {source} is encrypted; unpack the zip with its password and give the folder"
        )
    return archive.open(info)


def _refuse_bomb(source: str, packed: int, members: list[zipfile.ZipInfo]) -> None:
    pairs = [(info.filename, info.file_size, info.compress_size) for info in members]
    pairs.append(("it", sum(info.file_size for info in members), packed))
    for name, size, compressed in pairs:
        if size > _BOMB_BYTES and size > _BOMB_RATIO * compressed:
            what = "it" if name == "it" else f"{name} in it"
            raise UserError(
                f"{source} is not unpacked: {what} would grow from {compressed:,} to {size:,} bytes, as no data does; "
                "if you trust it, unpack it yourself and give the folder"
            )


@contextmanager
def reading(one: SourceFile, source: Source) -> Iterator[IO[bytes]]:
    """Open a file of the source; what can be wrong with its bytes becomes one sentence.

    Raises:
        UserError: It cannot be read.
    """
    try:
        with one.open() as content:
            yield content
    # RuntimeError is how zipfile says that a password is needed.
    except (
        zipfile.BadZipFile,
        gzip.BadGzipFile,
        zlib.error,
        LZMAError,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise UserError(f"{source.label(one)} cannot be read ({error}); get it again") from error
    except PermissionError as error:
        raise UserError(f"{source.label(one)} cannot be read ({error.strerror}); let this user read it") from error


def is_gzip(one: SourceFile) -> bool:
    """Whether a file is compressed, by its name."""
    return one.path.suffix == ".gz"


def text_of(one: SourceFile, content: IO[bytes], source: Source) -> Iterator[bytes]:
    """The bytes of an opened file, unpacked if they are compressed, a megabyte at a time.

    Raises:
        UserError: The compressed data is damaged, or grows as no data does.
    """
    received = 0
    for chunk in decompressed(str(one.path), _chunks(content)):
        received += len(chunk)
        if is_gzip(one) and received > _BOMB_BYTES and received > _BOMB_RATIO * content.tell():
            raise UserError(
                f"{source.label(one)} is not unpacked: {content.tell():,} bytes of it have grown to more than "
                f"{received:,}, as no data does; if you trust it, unpack it yourself"
            )
        yield chunk


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    while chunk := content.read(_CHUNK):
        yield chunk


class ChunkReader(io.RawIOBase):
    """Chunks of bytes, as a file that can be read once."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with what is next; 0 at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
