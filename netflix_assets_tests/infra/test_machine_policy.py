"""What the machines that run Dagster may do in the bucket is what they do there, no more and no less."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from netflix_assets.catalog import RAW_FILES
from netflix_assets.infra.aws import machine_policy
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.upload import upload
from netflix_assets.landing.whole_export import split
from netflix_assets.reporting.store import BucketStore, FileStore
from netflix_assets.settings import PROJECT_ROOT, Settings
from netflix_assets.targets import duckdb_from
from netflix_assets_tests.pipeline import MOVIES, RATINGS, ratings_csv

ARN = "arn:aws:s3:::{}"
# An operation of S3, and the action that a policy allows it by: https://docs.aws.amazon.com/service-authorization.
ACTIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
}
Asked = set[tuple[str, str]]


@pytest.fixture
def asked(bucket: LandingBucket) -> Iterator[Asked]:
    """Every action that the bucket's client asks for, with the key or prefix that it is asked for."""
    found: Asked = set()

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        found.add((ACTIONS[model.name], params.get("Key") or params["Prefix"]))

    events = bucket._client.meta.events
    events.register("before-parameter-build.s3", note)
    yield found
    events.unregister("before-parameter-build.s3", note)


def test_the_policy_of_the_machines_allows_what_a_life_with_the_bucket_asks_for_and_nothing_else(
    settings: Settings, bucket: LandingBucket, asked: Asked, tmp_path: Path
) -> None:
    live_with(bucket, settings, tmp_path)
    allowed = list(allowances(bucket.name))
    for action, where in asked:
        assert any(action == one and fnmatchcase(where, pattern) for one, pattern in allowed), (action, where)
    for action, pattern in allowed:
        assert any(action == one and fnmatchcase(where, pattern) for one, where in asked), f"{action} on {pattern}"


def live_with(bucket: LandingBucket, settings: Settings, folder: Path) -> None:
    """Upload, replace, cut a whole export, list, load, and write and read the report."""
    release = folder / "release"
    release.mkdir()
    (release / "movies.csv").write_text(MOVIES)
    (release / "ratings.csv").write_text(ratings_csv(RATINGS["2015-03"]))
    upload(str(release), bucket, scratch=folder / "tmp")
    (release / "ratings.csv").write_text(ratings_csv(RATINGS["2015-05"]))
    upload(str(release), bucket, scratch=folder / "tmp", replace=True)
    whole = next(file for file in RAW_FILES if file.month_column)
    for lines in (RATINGS["1996-03"], RATINGS["2015-03"]):
        text = folder / "ratings.csv"
        text.write_text(ratings_csv(lines))
        bucket.put_file("raw/ratings.csv", text)
        split(whole, bucket.contents().whole_exports[whole.name], bucket, folder / "tmp")
    contents = bucket.contents()
    movies = next(file for file in RAW_FILES if file.name == "movies")
    duckdb_from(settings).replace(movies, {None: contents.of(movies)}, bucket, run_id="a-run")
    bucket.refuse_if_replaced(contents.of(movies))
    store = BucketStore(bucket, FileStore(folder / "report.html"))
    store.write("<p>report")
    assert store.exists() and store.read()


def allowances(bucket: str) -> Iterator[tuple[str, str]]:
    """Each action of the policy, with a pattern of the keys or prefixes that it is allowed for."""
    for statement in machine_policy(bucket)["Statement"]:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        if statement["Resource"] == ARN.format(bucket):
            patterns = statement["Condition"]["StringLike"]["s3:prefix"]
        else:
            resources = statement["Resource"]
            patterns = [one.removeprefix(f"{ARN.format(bucket)}/") for one in resources]
        for action in actions:
            for pattern in patterns:
                yield action, pattern


def test_the_guide_shows_the_policy_of_the_machines() -> None:
    shown = textwrap.indent(json.dumps(machine_policy("acme-movielens"), indent=2), "   ")
    assert shown in (PROJECT_ROOT / "docs" / "snowflake.md").read_text()


def test_the_guides_name_what_an_encrypted_bucket_needs() -> None:
    guide = (PROJECT_ROOT / "docs" / "snowflake.md").read_text()
    assert "`kms:Decrypt`" in guide and "`kms:GenerateDataKey`" in guide
    assert "the policy of the machines" in (PROJECT_ROOT / "docs" / "production.md").read_text()
