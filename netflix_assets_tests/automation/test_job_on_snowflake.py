"""The whole job on the emulated Snowflake: bucket, loads, dbt, checks; and every table equal to DuckDB's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.settings import Settings
from netflix_assets_tests.pipeline import MOVIES, TAGS, Pipeline, ratings_csv

if TYPE_CHECKING:
    from netflix_assets_tests.emulator.account import Account

pytestmark = pytest.mark.xdist_group("dbt on snowflake")


def test_job(snowflake_account: Account, built_small: Pipeline, s3_server: Settings, tmp_path) -> None:
    import time
    t = time.time()
    duck = built_small.copy(tmp_path / "duck")
    print("duck", time.time() - t); t = time.time()
    with snowflake_account.database(duck.settings, "JOB") as settings:
        pipeline = Pipeline(replace(settings, home=tmp_path / "home"))
        out = pipeline.materialize()
        print(out.errors)
        print("first", time.time() - t, len(snowflake_account.emulator.statements)); t = time.time()
        assert out.success, out.errors
        w = pipeline.warehouse
        print(w.row_counts())
        st = pipeline.status()
        print([x for x in st.tables if not x.fresh or x.checks_failed])
