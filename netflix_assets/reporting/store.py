"""Where the report is kept: a file on this machine, or an object in S3. Whole or not at all, in either."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Protocol

from netflix_assets.errors import ReportError
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.reporting.files import write_whole
from netflix_assets.settings import Settings, Target

OBJECT_KEY = "reports/report.html"
_BUILD_IT = "run `netflix-assets report build` first"


class ReportStore(Protocol):
    """Keeps the newest report."""

    @property
    def location(self) -> str:
        """Where it is, for people."""
        ...

    def exists(self) -> bool:
        """Whether there is a report."""
        ...

    def write(self, html: str) -> None:
        """Keep this report in place of the one before.

        Raises:
            ReportError: It cannot be written; the one before is still there.
            BucketError: Likewise, in S3.
        """
        ...

    def read(self) -> str:
        """The report.

        Raises:
            ReportError: There is none.
        """
        ...

    def file(self) -> Path:
        """A file that a browser can open.

        Raises:
            ReportError: There is no report.
        """
        ...


class FileStore:
    """A file on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def location(self) -> str:
        """See `ReportStore`."""
        return str(self._path)

    def exists(self) -> bool:
        """See `ReportStore`."""
        return self._path.is_file()

    def write(self, html: str) -> None:
        """See `ReportStore`."""
        try:
            write_whole(self._path, html.encode())
        except OSError as error:
            raise ReportError(
                f"the report {self._path} cannot be written ({error.strerror}); "
                "make its folder writable or set NETFLIX_HOME to one that is"
            ) from error

    def read(self) -> str:
        """See `ReportStore`."""
        return self.file().read_text(encoding="utf-8")

    def file(self) -> Path:
        """See `ReportStore`."""
        if not self.exists():
            raise ReportError(f"there is no report {self._path} yet; {_BUILD_IT}")
        return self._path


class BucketStore:
    """An object in the bucket; `file` brings a copy to this machine."""

    def __init__(self, bucket: LandingBucket, copy: FileStore, key: str = OBJECT_KEY) -> None:
        self._bucket = bucket
        self._copy = copy
        self._key = key

    @property
    def location(self) -> str:
        """See `ReportStore`."""
        return f"s3://{self._bucket.name}/{self._key}"

    def exists(self) -> bool:
        """See `ReportStore`."""
        return any(version.key == self._key for version in self._bucket.versions(self._key))

    def write(self, html: str) -> None:
        """See `ReportStore`."""
        self._bucket.put(self._key, io.BytesIO(html.encode()), content_type="text/html; charset=utf-8")

    def read(self) -> str:
        """See `ReportStore`."""
        for version in self._bucket.versions(self._key):
            if version.key == self._key:
                return b"".join(self._bucket.download(version)).decode()
        raise ReportError(f"there is no report {self.location} yet; {_BUILD_IT}")

    def file(self) -> Path:
        """See `ReportStore`."""
        self._copy.write(self.read())
        return self._copy.file()


def report_store(settings: Settings, bucket: LandingBucket) -> ReportStore:
    """Where this environment keeps its report."""
    local = FileStore(settings.report_path)
    stores: dict[Target, ReportStore] = {Target.LOCAL: local, Target.SNOWFLAKE: BucketStore(bucket, local)}
    return stores[settings.target]
