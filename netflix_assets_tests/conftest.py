"""What tests share: settings of their own, a real local S3 server, and a fresh bucket on it."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser

from netflix_assets.landing import local_s3
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.upload import upload
from netflix_assets.settings import PROJECT_ROOT, Settings
from netflix_assets_tests import chromium
from netflix_assets_tests.emulator.versions import why_not_here
from netflix_assets_tests.pipeline import SMALL, Pipeline

if TYPE_CHECKING:
    from netflix_assets_tests.emulator.account import Account


def isolated_settings(home: Path) -> Settings:
    """Settings whose state is all under `home`, with an S3 address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Settings.from_environment({"NETFLIX_HOME": str(home), "NETFLIX_S3_ENDPOINT": f"http://127.0.0.1:{port}"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of this test alone; no server runs."""
    return isolated_settings(tmp_path / "home")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One local S3 server for the whole test process."""
    with local_s3.running(isolated_settings(tmp_path_factory.mktemp("s3-server"))) as running:
        yield running


@pytest.fixture
def s3(s3_server: Settings, settings: Settings) -> Settings:
    """Settings of this test alone, with a running S3 server and a new, empty bucket on it."""
    own = replace(settings, s3_endpoint=s3_server.s3_endpoint, bucket=f"test-{uuid.uuid4().hex}")
    LandingBucket(own).ensure_exists()
    return own


@pytest.fixture
def bucket(s3: Settings) -> LandingBucket:
    """A new, empty bucket."""
    return LandingBucket(s3)


@pytest.fixture(scope="session")
def snowflake_account(s3_server: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """One emulated Snowflake account for the whole test process; its stages read from the S3 server."""
    reason = why_not_here()
    if reason is not None:
        pytest.skip(reason)
    # Its base cannot be installed on Python 3.10.
    from netflix_assets_tests.emulator.account import running_account

    with running_account(s3_server, tmp_path_factory.mktemp("snowflake")) as account:
        yield account


@pytest.fixture(scope="session")
def built_small(s3_server: Settings, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A pipeline on four movies and six ratings, materialized once; take a copy before changing it."""
    home = tmp_path_factory.mktemp("small") / "home"
    return built(Pipeline(replace(s3_server, home=home, bucket=f"test-{uuid.uuid4().hex}")), SMALL)


@pytest.fixture
def small(built_small: Pipeline, tmp_path: Path) -> Pipeline:
    """A copy of the small pipeline that the test may change."""
    return built_small.copy(tmp_path / "home")


def built(pipeline: Pipeline, objects: Mapping[str, str]) -> Pipeline:
    """Put the objects into the pipeline's bucket and materialize everything."""
    pipeline.bucket.ensure_exists()
    for key, text in objects.items():
        pipeline.put(key, text)
    outcome = pipeline.materialize()
    assert outcome.success, outcome.errors
    return pipeline


@pytest.fixture(scope="session")
def movielens() -> Path:
    """A folder with the CSVs of ml-latest-small."""
    given = os.environ.get("NETFLIX_TEST_MOVIELENS")
    folder = Path(given) if given else PROJECT_ROOT.parent / "shared" / "data" / "ml-latest-small"
    if not (folder / "ratings.csv").exists():
        pytest.skip(f"there is no ml-latest-small in {folder}; set NETFLIX_TEST_MOVIELENS to its folder")
    return folder


@pytest.fixture(scope="session")
def built_movielens(s3_server: Settings, movielens: Path, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A pipeline on ml-latest-small, uploaded and materialized once; take a copy before changing it."""
    home = tmp_path_factory.mktemp("movielens") / "home"
    made = Pipeline(replace(s3_server, home=home, bucket=f"test-{uuid.uuid4().hex}"))
    made.bucket.ensure_exists()
    upload(str(movielens), made.bucket, scratch=home / "tmp")
    outcome = made.materialize()
    assert outcome.success, outcome.errors
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a file of tests: while it runs, nothing else of this thread can run an event loop."""
    if not chromium.is_there():
        pytest.skip(chromium.MISSING)
    with chromium.browser() as started:
        yield started
