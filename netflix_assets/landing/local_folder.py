"""The folder behind the local S3 server, looked at directly: people put files into it that no S3 client would.

Amazon S3 shows an object only once it is whole, and every object can be read. In a folder a file may be half copied, a
link may lead nowhere, and a file or a whole month may not be readable; the server leaves those out of its listing, or
lists half of them, and either would be taken for a change of the data. Here they become one sentence instead.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from netflix_assets.catalog import is_system_file
from netflix_assets.errors import BucketError
from netflix_assets.landing.bucket import ObjectVersion

SERVER_LOOKS_EVERY_SECONDS = 0.1
"""How long the server goes on showing a folder as it was."""

# Its look may have begun just before the change and lasts a while itself.
_STALE_SECONDS = 3 * SERVER_LOOKS_EVERY_SECONDS
_WAIT_SECONDS = 5.0
_RETRY_SECONDS = 0.1
_WRITTEN_LATELY_SECONDS = 10
_SERVER = "rclone"
# The server lists a file whose name holds one of these under another name.
_RENAMED = {*(chr(code) for code in range(32)), "\x7f", "\u201b", "\ufffd"}


def checked_listing(
    folder: Path, prefix: str, listed: Callable[[], Sequence[ObjectVersion]]
) -> Sequence[ObjectVersion]:
    """List objects until the listing holds each file of the folder as it is now; one that is written is waited for.

    Args:
        folder: The bucket's folder.
        prefix: Of the keys that are listed.
        listed: Lists them through the server.

    Raises:
        BucketError: A file or link cannot be read, or is still being written after some seconds.
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    files = _files_under(folder, prefix)
    suspects: set[str] = set()
    while True:
        # So long the server may still show a file as it was before.
        changed = max((status.st_ctime for status in files.values()), default=0.0)
        time.sleep(min(max(changed + _STALE_SECONDS - time.time(), 0), _STALE_SECONDS))
        versions = listed()
        before, files = files, _files_under(folder, prefix)
        problem = (
            _half_written(folder, files) or _changing(before, files) or _missing(folder, files, versions, suspects)
        )
        if problem is None:
            return versions
        if time.monotonic() >= deadline:
            raise BucketError(f"{problem.key} {problem.what}")
        suspects.add(problem.key)
        time.sleep(_RETRY_SECONDS)


def _files_under(folder: Path, prefix: str) -> dict[str, os.stat_result]:
    """Return what the system says of every file that may be data, by key."""
    below, slash, begin = prefix.rpartition("/")
    found = ((f"{below}{slash}{key}", status) for key, status in _files(folder / below, begin))
    return {key: status for key, status in found if not is_system_file(key)}


def _files(
    folder: Path, begin: str = "", above: tuple[tuple[int, int], ...] = ()
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the key below the folder and what the system says of every file whose key begins so; links are followed.

    Args:
        folder: Where to look.
        begin: How the names in it begin.
        above: Device and inode of the folders that it is in.
    """
    try:
        status = folder.stat()
        same = (status.st_dev, status.st_ino)
        if same in above:
            raise BucketError(f"{folder} is a link to a folder that it is in; remove the link")
        with os.scandir(folder) as scanned:
            entries = sorted((entry for entry in scanned if entry.name.startswith(begin)), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise BucketError(f"the folder {folder} cannot be read ({error.strerror}); make it readable") from error
    for entry in entries:
        try:
            status = entry.stat()
        except FileNotFoundError as error:
            if not entry.is_symlink():
                # It was removed between the two looks.
                continue
            raise BucketError(
                f"{entry.path} is a link to {Path(entry.path).readlink()}, which is not there; "
                "put that back, or remove the link"
            ) from error
        except OSError as error:
            raise BucketError(f"{entry.path} cannot be read ({error.strerror}); make it readable") from error
        if stat.S_ISDIR(status.st_mode):
            for key, found in _files(Path(entry.path), above=(*above, same)):
                yield f"{entry.name}/{key}", found
        elif stat.S_ISREG(status.st_mode):
            if not os.access(entry.path, os.R_OK):
                raise BucketError(f"{entry.path} cannot be read by this user; make it readable")
            yield entry.name, status


class _Problem(NamedTuple):
    """Why a listing cannot be trusted: an object, and what is the matter with it."""

    key: str
    what: str


def _changing(before: Mapping[str, os.stat_result], now: Mapping[str, os.stat_result]) -> _Problem | None:
    """Say which file is another one than a moment ago."""
    for key in {**before, **now}:
        old, new = before.get(key), now.get(key)
        if old is None or new is None or (old.st_size, old.st_ctime_ns) != (new.st_size, new.st_ctime_ns):
            return _Problem(key, "keeps changing; wait until nobody writes to the bucket's folder, then try again")
    return None


def _missing(
    folder: Path, files: Mapping[str, os.stat_result], versions: Sequence[ObjectVersion], suspects: Collection[str]
) -> _Problem | None:
    """Say which file the server does not list as it is; the bytes of suspects are compared as well."""
    listed = {version.key: version for version in versions}
    for key, status in files.items():
        if _RENAMED & {*key} or not key.isprintable():
            continue
        version = listed.get(key)
        same = version is not None and version.size == status.st_size
        if same and version is not None and key in suspects:
            # For a moment the server may still know the hash of what was there when it read the file.
            same = _md5(folder / key) == version.etag
        if not same:
            return _Problem(key, "is not shown by the local S3 server as it is in the bucket's folder; start it again")
    return None


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _half_written(folder: Path, files: Mapping[str, os.stat_result]) -> _Problem | None:
    """Say which file a program other than the server has open to write."""
    lately = time.time() - _WRITTEN_LATELY_SECONDS
    candidates = {os.path.realpath(folder / key): key for key, status in files.items() if status.st_mtime > lately}
    if not candidates:
        return None
    for pid, path_written in _open_to_write():
        if path_written in candidates:
            what = f"is still being written by process {pid}; wait until that has finished, then try again"
            return _Problem(candidates[path_written], what)
    return None


def _open_to_write() -> Iterator[tuple[str, str]]:
    """Yield number and file of processes that have a file open to write; none where the system does not tell."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.name == str(os.getpid()) or (process / "comm").read_text().strip() == _SERVER:
                continue
            for descriptor in os.scandir(process / "fd"):
                with suppress(OSError):
                    target = str(Path(descriptor.path).readlink())
                    if target.startswith("/") and _is_writable(process / "fdinfo" / descriptor.name):
                        yield process.name, target


def _is_writable(descriptor: Path) -> bool:
    for line in descriptor.read_text().splitlines():
        if line.startswith("flags:"):
            return bool(int(line.split()[1], 8) & (os.O_WRONLY | os.O_RDWR))
    return False
