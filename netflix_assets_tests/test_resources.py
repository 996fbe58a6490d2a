"""The resources are the settings again, name the variables that gave them, and hold no secret."""

from __future__ import annotations

import ast

import dagster as dg
import pytest

from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading.snowflake_warehouse import SnowflakeWarehouse
from netflix_assets.reporting.store import BucketStore, FileStore
from netflix_assets.resources import REPORT_RESOURCES, WAREHOUSE_RESOURCES, resources_from
from netflix_assets.settings import PROJECT_ROOT, Settings, Target

SECRET = "a secret: p%40@ss {{ x }}\nof two lines"
LOCAL = {"NETFLIX_S3_SECRET_KEY": SECRET, "NETFLIX_S3_ACCESS_KEY": "a key", "NETFLIX_S3_BUCKET": "a-bucket"}
ON_SNOWFLAKE = {
    **LOCAL,
    "NETFLIX_TARGET": "snowflake",
    "NETFLIX_SNOWFLAKE_ACCOUNT": "org-account",
    "NETFLIX_SNOWFLAKE_LOADER_PRIVATE_KEY_PATH": "~/loader.p8",
    "NETFLIX_SNOWFLAKE_LOADER_PRIVATE_KEY_PASSPHRASE": SECRET,
}


def test_every_target_has_its_resources() -> None:
    assert set(WAREHOUSE_RESOURCES) == set(REPORT_RESOURCES) == set(Target)


@pytest.mark.parametrize("variables", [LOCAL, ON_SNOWFLAKE])
def test_resources_come_to_what_the_settings_say_and_hold_variables_in_place_of_secrets(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_environment()
    resources = resources_from(settings)
    assert "a secret" not in repr(resources)
    assert resources["bucket"].aws_secret_access_key == dg.EnvVar("NETFLIX_S3_SECRET_KEY")
    assert resources["bucket"].region_name == "us-east-1"
    with dg.build_resources(resources) as opened:
        bucket: LandingBucket = opened.bucket
        assert bucket._settings == settings
        if settings.target is Target.SNOWFLAKE:
            assert isinstance(opened.warehouse, SnowflakeWarehouse)
            assert opened.warehouse._settings == settings.snowflake
            assert isinstance(opened.report_store, BucketStore)
            assert opened.report_store.location == "s3://a-bucket/reports/report.html"
        else:
            assert opened.warehouse.path == settings.warehouse_path
            assert isinstance(opened.report_store, FileStore)


def test_a_secret_that_no_variable_of_this_process_gave_is_in_no_configuration() -> None:
    settings = Settings.from_environment(ON_SNOWFLAKE)
    resources = resources_from(settings)
    assert "a secret" not in repr(resources)
    with dg.build_resources(resources) as opened:
        assert opened.bucket._settings == settings
        assert opened.warehouse._settings == settings.snowflake


def test_no_module_imports_the_libraries_that_cost_seconds_before_they_are_used() -> None:
    for path in (PROJECT_ROOT / "netflix_assets").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            assert not [
                name for name in names if name.startswith(("dagster_aws", "dagster_snowflake", "snowflake."))
            ], path
