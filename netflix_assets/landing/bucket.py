"""The bucket with the raw files: list it, read it, write it, and say what version it holds.

Knows S3 and the catalogue; knows nothing of Dagster assets or of the warehouse.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from netflix_assets import catalog
from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.errors import BucketError
from netflix_assets.settings import Settings

LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "::1", "0.0.0.0"}


@dataclass(frozen=True, order=True)
class ObjectVersion:
    """One object as it was when the bucket was listed.

    Attributes:
        key: Object key, `raw/...`.
        etag: ETag without its quotes.
        size: Bytes.
        last_modified: When the store last wrote it, UTC.
    """

    key: str
    etag: str
    size: int
    last_modified: dt.datetime = field(compare=False)


ListingCheck = Callable[[Settings, str, Callable[[], Sequence[ObjectVersion]]], Sequence[ObjectVersion]]
"""Given where the server is, a prefix and what lists it, returns a listing that can be trusted."""


@dataclass(frozen=True)
class Contents:
    """A listing of the bucket, sorted into the catalogue.

    Attributes:
        files: Objects by raw file and month (None for files that have no months). A file or month
            without objects is not in it.
        whole_exports: Undivided exports of monthly files (`raw/ratings.csv`), by raw file name.
        unknown: Objects under `raw/` that match no entry of the catalogue.
        superseded: Months cut from a whole export that are left aside, because somebody put objects of their
            own into the month: its rows would count twice.
    """

    files: Mapping[str, Mapping[str | None, tuple[ObjectVersion, ...]]]
    whole_exports: Mapping[str, tuple[ObjectVersion, ...]]
    unknown: tuple[ObjectVersion, ...]
    superseded: tuple[ObjectVersion, ...] = ()

    def of(self, file: RawFile, month: str | None = None) -> tuple[ObjectVersion, ...]:
        """The objects of a file, or of one month of it; empty if there are none."""
        return self.files.get(file.name, {}).get(month, ())

    def months(self, file: RawFile) -> list[str]:
        """The months of which there are objects, oldest first."""
        return sorted(month for month in self.files.get(file.name, {}) if month is not None)

    def all_of(self, file: RawFile) -> tuple[ObjectVersion, ...]:
        """The objects of a file, over all its months."""
        return tuple(version for versions in self.files.get(file.name, {}).values() for version in versions)


def sort_into_catalog(versions: Iterable[ObjectVersion], files: Sequence[RawFile] = RAW_FILES) -> Contents:
    """Place every listed object; only files of systems, which are never data, are left out."""
    placed: dict[str, dict[str | None, list[ObjectVersion]]] = {}
    whole: dict[str, list[ObjectVersion]] = {}
    unknown: list[ObjectVersion] = []
    for version in versions:
        place = catalog.place_of(version.key, files)
        if place is None:
            if not catalog.is_system_file(version.key):
                unknown.append(version)
        elif place.month is None and place.file.month_column is not None:
            whole.setdefault(place.file.name, []).append(version)
        else:
            placed.setdefault(place.file.name, {}).setdefault(place.month, []).append(version)
    superseded = [version for file in files for version in _take_superseded(file, placed.get(file.name, {}))]
    return Contents(
        files={
            name: {month: tuple(sorted(found)) for month, found in by_month.items()}
            for name, by_month in placed.items()
        },
        whole_exports={name: tuple(sorted(found)) for name, found in whole.items()},
        unknown=tuple(sorted(unknown)),
        superseded=tuple(sorted(superseded)),
    )


def _take_superseded(file: RawFile, by_month: dict[str | None, list[ObjectVersion]]) -> Iterator[ObjectVersion]:
    """Take out of each month what was cut from a whole export, if the month has other objects too."""
    for month, found in by_month.items():
        own = [version for version in found if not file.is_split_object(version.key)]
        if own and len(own) < len(found):
            yield from (version for version in found if version not in own)
            by_month[month] = own


def _is_amazon(endpoint: str) -> bool:
    """Whether buckets have host names of their own; a server of one's own rarely has them."""
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


@cache
def isolated_session() -> Any:
    """Return a session for clients whose keys are given: no variable, profile or file of the user's reaches it.

    It is shared, because a client takes 0.1 s to make in a new session and 3 ms after that.
    """
    import boto3
    import botocore.session

    variables = {
        name: (in_file, None, default, convert)
        for name, (in_file, _, default, convert) in botocore.session.Session.SESSION_VARIABLES.items()
    }
    nothing = (None, None, os.devnull, None)
    variables |= {"config_file": nothing, "credentials_file": nothing}
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=variables))


def direct_to(endpoint: str) -> dict[str, Any]:
    """Return what a client's configuration needs so that a server on this machine is reached without a proxy."""
    return {"proxies": {}} if urlsplit(endpoint).hostname in LOOPBACK_HOSTS else {}


def _common_start(keys: Sequence[str]) -> str:
    """What all keys begin with."""
    first, last = min(keys, default=""), max(keys, default="")
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same]


class LandingBucket:
    """The bucket, through a boto3 S3 client that is made when it is first needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        reach: Callable[[Settings], Settings] | None = None,
        checked: ListingCheck | None = None,
    ) -> None:
        """Name the bucket; nothing is connected yet.

        Args:
            settings: Where the S3 server is, its keys, and the bucket's name.
            reach: Called before the first request; may start a server and return where it is.
            checked: Lists, and sees to it that the listing is what the bucket holds.
        """
        self._settings = settings
        self._reach = reach
        self._checked = checked
        self.name = settings.bucket

    @property
    def address(self) -> str:
        """Where the S3 server is, for error texts."""
        return self._settings.s3_endpoint

    @cached_property
    def _client(self) -> Any:
        # Imported here: 0.4 s that a process which only shows the assets need not spend.
        import boto3
        from botocore.config import Config

        if self._reach is not None:
            self._settings = self._reach(self._settings)
        settings = self._settings
        # A session keeps the credentials that it found first, so where it has to find some it is a new one.
        session = isolated_session() if settings.s3_access_key else boto3.Session()
        return session.client(
            "s3",
            endpoint_url=settings.s3_endpoint,
            # Without keys boto looks for those that the machine is given: role, profile, container.
            aws_access_key_id=settings.s3_access_key or None,
            aws_secret_access_key=settings.s3_secret_key or None,
            region_name=settings.s3_region,
            config=Config(
                s3={"addressing_style": "virtual" if _is_amazon(settings.s3_endpoint) else "path"},
                retries={"max_attempts": 3, "mode": "standard"},
                connect_timeout=5,
                read_timeout=60,
                response_checksum_validation="when_required",
                request_checksum_calculation="when_required",
                max_pool_connections=16,
                **direct_to(settings.s3_endpoint),
            ),
        )

    @contextmanager
    def _reporting(self, what: str) -> Iterator[None]:
        """Turn boto's errors into one sentence that names the bucket, the object and the remedy."""
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            ConfigNotFound,
            ConfigParseError,
            CredentialRetrievalError,
            NoCredentialsError,
            PartialCredentialsError,
            ProfileNotFound,
            SSOError,
        )

        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403", "Forbidden"}:
                raise BucketError(
                    f"{self.address} refused the access key ({code}) when asked to {what}; {self._key_remedy}"
                ) from error
            if code == "NoSuchBucket":
                raise BucketError(
                    f"there is no bucket {self.name!r} at {self.address}; "
                    "create it or set NETFLIX_S3_BUCKET to the right one"
                ) from error
            if code in {"NoSuchKey", "404"}:
                raise BucketError(
                    f"could not {what}: the object is gone from {self.name!r}; observe the bucket and load again"
                ) from error
            raise BucketError(f"{self.address} answered {code or error} when asked to {what}") from error
        except NoCredentialsError as error:
            raise BucketError(
                f"there are no AWS credentials to {what} with; give this machine a role that may read the bucket, or "
                "set NETFLIX_S3_ACCESS_KEY and NETFLIX_S3_SECRET_KEY"
            ) from error
        except ProfileNotFound as error:
            raise BucketError(
                f"there is no AWS profile {error.kwargs['profile']!r} to {what} with; correct or unset AWS_PROFILE, or "
                "set NETFLIX_S3_ACCESS_KEY and NETFLIX_S3_SECRET_KEY"
            ) from error
        except (
            *(ConfigNotFound, ConfigParseError),
            *(CredentialRetrievalError, PartialCredentialsError, SSOError),
        ) as error:
            raise BucketError(
                f"the AWS credentials to {what} with cannot be had ({' '.join(str(error).split())}); put the AWS "
                "configuration of this user right, or set NETFLIX_S3_ACCESS_KEY and NETFLIX_S3_SECRET_KEY"
            ) from error
        except BotoCoreError as error:
            raise BucketError(
                f"S3 at {self.address} cannot be reached to {what} ({type(error).__name__}); {self._reach_remedy}"
            ) from error

    @property
    def _key_remedy(self) -> str:
        if self._settings.s3_access_key:
            return "set NETFLIX_S3_ACCESS_KEY and NETFLIX_S3_SECRET_KEY to the server's keys"
        return "let the role of this machine do what the policy of the machines in docs/snowflake.md lists"

    @property
    def _reach_remedy(self) -> str:
        if _is_amazon(self.address):
            return "check the network, NETFLIX_S3_REGION and NETFLIX_S3_ENDPOINT"
        return "is it running (`netflix-assets s3 serve`), and is NETFLIX_S3_ENDPOINT right?"

    def versions(self, prefix: str = catalog.PREFIX, *, after: str = "") -> Iterator[ObjectVersion]:
        """Every object under a prefix, in key order, as the store lists it now; without the files of systems.

        Args:
            prefix: What the keys begin with.
            after: Only objects whose keys come after this one.

        Raises:
            BucketError: The store cannot be reached or refuses.
        """
        if self._checked is None:
            yield from self._listed(prefix, after)
            return
        with self._reporting(f"list {prefix} of bucket {self.name!r}"):
            # Where the server is, is known once there is a client.
            assert self._client
        listing = self._checked(self._settings, prefix, lambda: list(self._listed(prefix)))
        yield from (version for version in listing if version.key > after)

    def source_lines(self) -> dict[str, str]:
        """ETag of every object that says which lines the rows of another are, by its key.

        Raises:
            BucketError: The store cannot be reached or refuses.
        """
        return {found.key: found.etag for found in self._listed(catalog.SOURCE_LINES)}

    def _listed(self, prefix: str, after: str = "") -> Iterator[ObjectVersion]:
        with self._reporting(f"list {prefix} of bucket {self.name!r}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=prefix, **({"StartAfter": after} if after else {})
            )
            for page in pages:
                for entry in page.get("Contents", ()):
                    if catalog.is_system_file(entry["Key"]) and prefix != catalog.SOURCE_LINES:
                        continue
                    yield ObjectVersion(
                        key=entry["Key"],
                        etag=entry["ETag"].strip('"'),
                        size=entry["Size"],
                        last_modified=entry["LastModified"],
                    )

    def contents(self, file: RawFile | None = None) -> Contents:
        """List `raw/` and sort it into the catalogue.

        Args:
            file: List only what begins like this file's keys.
        """
        if file is None:
            return sort_into_catalog(self.versions())
        # Up to where a name may be spelt otherwise: `genome_scores` also as `genome-scores`.
        return sort_into_catalog(self.versions(f"{catalog.PREFIX}{file.name.partition('_')[0]}"))

    def download(self, version: ObjectVersion) -> Iterator[bytes]:
        """The bytes of exactly this version, in chunks.

        Raises:
            BucketError: The object is gone, was replaced since it was observed, or arrives incomplete.
        """
        with self._reporting(f"read {version.key}"):
            response = self._client.get_object(Bucket=self.name, Key=version.key)
            self._refuse_other_version(version, response["ETag"])
            received = 0
            for chunk in response["Body"].iter_chunks(1 << 20):
                received += len(chunk)
                yield chunk
        if received != version.size:
            raise BucketError(f"{version.key}: received {received} of {version.size} bytes; load again")

    def first_bytes(self, version: ObjectVersion, limit: int) -> bytes:
        """At most the first `limit` bytes of exactly this version.

        Raises:
            BucketError: The object is gone or was replaced since it was observed.
        """
        with self._reporting(f"read {version.key}"):
            # Of an empty object no range can be asked for.
            span = {"Range": f"bytes=0-{limit - 1}"} if version.size else {}
            response = self._client.get_object(Bucket=self.name, Key=version.key, **span)
            self._refuse_other_version(version, response["ETag"])
            start = bytes(response["Body"].read())
        total = int(response.get("ContentRange", f"/{len(start)}").rpartition("/")[2])
        if total != version.size:
            raise BucketError(f"{version.key}: received {total} of {version.size} bytes; load again")
        return start

    def read_if_there(self, key: str) -> bytes | None:
        """A small object of our own, or None where there is none.

        Raises:
            BucketError: The store cannot be reached or refuses.
        """
        from botocore.exceptions import ClientError

        with self._reporting(f"read {key}"):
            try:
                return bytes(self._client.get_object(Bucket=self.name, Key=key)["Body"].read())
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in {"NoSuchKey", "404"}:
                    return None
                raise

    def refuse_if_replaced(self, versions: Sequence[ObjectVersion]) -> None:
        """Compare object versions with what the bucket lists now, in one request per thousand objects.

        Raises:
            BucketError: One of them is gone or was replaced since it was observed.
        """
        now = {found.key: found for found in self.versions(_common_start([version.key for version in versions]))}
        for version in versions:
            if version.key not in now:
                raise BucketError(
                    f"could not read {version.key}: the object is gone from {self.name!r}; "
                    "observe the bucket and load again"
                )
            self._refuse_other_version(version, now[version.key].etag)

    def _refuse_other_version(self, version: ObjectVersion, etag: str) -> None:
        if etag.strip('"') != version.etag:
            raise BucketError(
                f"{version.key} was replaced after it was observed "
                f"(ETag {version.etag}, now {etag.strip(chr(34))}); observe the bucket and load again"
            )

    def put(self, key: str, body: BinaryIO, *, content_type: str = "binary/octet-stream") -> str:
        """Write one object, visible only once it is complete; returns its ETag."""
        with self._reporting(f"write {key}"):
            answer = self._client.put_object(Bucket=self.name, Key=key, Body=body, ContentType=content_type)
        return str(answer["ETag"]).strip('"')

    def put_file(self, key: str, path: Path) -> str:
        """Write one object from a file; returns its ETag."""
        with path.open("rb") as body:
            return self.put(key, body)

    def delete(self, key: str) -> None:
        """Remove one object; removing one that is not there is no error."""
        with self._reporting(f"delete {key}"):
            self._client.delete_object(Bucket=self.name, Key=key)

    def ensure_exists(self) -> None:
        """Create the bucket if it is not there; for the local server."""
        with self._reporting(f"create bucket {self.name!r}"):
            names = [bucket["Name"] for bucket in self._client.list_buckets()["Buckets"]]
            if self.name not in names:
                self._client.create_bucket(Bucket=self.name)
