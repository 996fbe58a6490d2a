"""The data version of objects: what tells that the bytes of a file or of one of its months changed.

Dagster on the concept: https://docs.dagster.io/guides/build/assets/asset-versioning-and-caching
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from netflix_assets.landing.bucket import ObjectVersion


def data_version(versions: Iterable[ObjectVersion]) -> str:
    """The data version of a set of objects: equal when keys, ETags and sizes are.

    LastModified is left out: writing the same bytes again is not a change.
    """
    return version_of(sum(data_digest(version.key, version.etag, version.size) for version in versions))


def data_digest(key: str, etag: str, size: int) -> int:
    """One object's share of a data version, which is the sum of them: the lower half of an MD5, as SQL has it too."""
    digest = hashlib.md5(f"{key}\t{etag}\t{size}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "big")


def version_of(total: int) -> str:
    """The data version that a sum of `data_digest` is."""
    return f"{total % (1 << 64):016x}"
