"""Fetching a source from the web, and comparing it with the MD5 that is published beside it."""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from netflix_assets.errors import UserError

_CHUNK = 1 << 20
_TIMEOUT_SECONDS = 60
# `MD5 (ml-25m.zip) = <digest>`, `<digest>  ml-25m.zip`, `<digest> *ml-25m.zip` or the digest alone; a page that
# answers in its place is none of these.
_PUBLISHED = re.compile(r"(?:MD5 ?\((?P<name>.+)\) ?= ?)?(?P<digest>[0-9a-fA-F]{32})(?:\s+\*?(?P<file>\S.*))?")


def download(url: str, target: Path, progress: Callable[[str, int, int], None]) -> bool:
    """Fetch a file.

    Args:
        url: An http or https address.
        target: Where it goes.
        progress: Told how it gets on.

    Returns:
        True if it matches its published MD5, False if none is published.

    Raises:
        UserError: It cannot be had, arrives incomplete, or has another MD5.
    """
    digest = hashlib.md5(usedforsecurity=False)
    received = expected = 0
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response, target.open("wb") as file:
            expected = int(response.headers.get("Content-Length") or 0)
            while chunk := response.read(_CHUNK):
                received += len(chunk)
                digest.update(chunk)
                file.write(chunk)
                progress("download", received, expected)
    except urllib.error.HTTPError as error:
        raise UserError(f"{url} answered {error.code} ({error.reason}); is the address right?") from error
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(f"{url} cannot be downloaded ({reason}); check the address and the network") from error
    if expected and received != expected:
        raise UserError(f"{url}: received {received} of {expected} bytes; download it again")
    published = _published_md5(url)
    if published is not None and published != digest.hexdigest():
        raise UserError(
            f"{url}: the download has MD5 {digest.hexdigest()}, but {published} is published; download it again"
        )
    return published is not None


def _published_md5(url: str) -> str | None:
    """Read `<url>.md5`; None where there is none, or where it holds no line of such a file."""
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
    digests = [(match["name"] or match["file"], match["digest"].lower()) for match in map(_line, lines) if match]
    named = [digest for given, digest in digests if given and PurePosixPath(given).name == name]
    alone = [digest for given, digest in digests if not given]
    return next(iter(named or alone), None)


def _line(line: str) -> re.Match[str] | None:
    return _PUBLISHED.fullmatch(line.strip())
