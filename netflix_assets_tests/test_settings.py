"""The environment becomes settings, or one sentence that names every bad variable."""

from pathlib import Path

import pytest

from netflix_assets.errors import SettingsError
from netflix_assets.settings import Settings, Target


def test_an_empty_environment_is_the_local_target() -> None:
    settings = Settings.from_environment({})
    assert settings.target is Target.LOCAL
    assert settings.home.name == ".netflix"
    assert settings.warehouse_path == settings.home / "warehouse.duckdb"


def test_home_moves_all_state(tmp_path: Path) -> None:
    settings = Settings.from_environment({"NETFLIX_HOME": str(tmp_path)})
    assert {settings.s3_root.parent, settings.dagster_home.parent, settings.warehouse_path.parent} == {tmp_path}


def test_all_bad_settings_are_named_at_once() -> None:
    bad = {
        "NETFLIX_TARGET": "bigquery",
        "NETFLIX_MAX_REJECTED_FRACTION": "1%",
        "NETFLIX_S3_ENDPOINT": "localhost",
        "NETFLIX_SCHEMA_PREFIX": "a-b",
    }
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(bad)
    assert all(name in str(caught.value) for name in bad)


def test_the_secret_is_not_shown() -> None:
    assert "hush" not in repr(Settings.from_environment({"NETFLIX_S3_SECRET_KEY": "hush"}))
