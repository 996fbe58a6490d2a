"""The environment becomes settings, or one sentence that names every bad variable."""

import re
from pathlib import Path

import pytest
import yaml

from netflix_assets.catalog import RAW_FILES
from netflix_assets.errors import SettingsError
from netflix_assets.settings import PROJECT_ROOT, Duty, InfraSettings, Settings, Target


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


@pytest.mark.parametrize(
    ("given", "by_name"),
    [
        ("", set()),
        ("refuse", set()),
        ("by_name", {file.name for file in RAW_FILES}),
        ("ratings=by_name, movies = by_name", {"ratings", "movies"}),
        ("by_name,ratings=refuse", {file.name for file in RAW_FILES} - {"ratings"}),
    ],
)
def test_header_drift_is_a_choice_for_all_files_or_for_some(given: str, by_name: set[str]) -> None:
    assert Settings.from_environment({"NETFLIX_HEADER_DRIFT": given}).by_name == by_name


@pytest.mark.parametrize("given", ["byname", "rating=by_name", "ratings=", "=by_name", "ratings:by_name"])
def test_a_choice_or_a_file_that_is_not_known_is_named(given: str) -> None:
    with pytest.raises(
        SettingsError, match=r"NETFLIX_HEADER_DRIFT has .*; it must be refuse or by_name, for all files"
    ):
        Settings.from_environment({"NETFLIX_HEADER_DRIFT": given})


def test_the_secret_is_not_shown() -> None:
    assert "hush" not in repr(Settings.from_environment({"NETFLIX_S3_SECRET_KEY": "hush"}))


SNOWFLAKE = {
    "NETFLIX_TARGET": "snowflake",
    "NETFLIX_S3_BUCKET": "acme-movielens",
    "NETFLIX_SNOWFLAKE_ACCOUNT": "acme-prod",
}
INFRA = {
    **SNOWFLAKE,
    "NETFLIX_SNOWFLAKE_STORAGE_ROLE_ARN": "arn:aws:iam::123456789012:role/snowflake-movielens",
    "NETFLIX_SNOWFLAKE_REPORTER_NETWORKS": "203.0.113.0/24, 198.51.100.7/32",
}


def test_snowflake_needs_an_account_and_a_bucket_only() -> None:
    settings = Settings.from_environment(SNOWFLAKE)
    assert settings.s3_endpoint == "https://s3.us-east-1.amazonaws.com"
    assert (settings.s3_access_key, settings.s3_secret_key) == ("", "")
    assert settings.snowflake is not None
    loader = settings.snowflake.users[Duty.LOADER]
    assert (loader.user, loader.role, loader.warehouse) == (
        "MOVIELENS_LOADER",
        "MOVIELENS_LOADER",
        "MOVIELENS_LOADING",
    )


def test_what_snowflake_misses_and_what_is_malformed_is_named_at_once() -> None:
    bad = {
        "NETFLIX_SNOWFLAKE_DATABASE": "movie lens",
        "NETFLIX_SNOWFLAKE_PORT": "https",
        "NETFLIX_SNOWFLAKE_LOADER_ROLE": "a; drop role b",
    }
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"NETFLIX_TARGET": "snowflake", **bad})
    assert all(
        name in str(caught.value) for name in [*bad, "NETFLIX_SNOWFLAKE_ACCOUNT is not set", "NETFLIX_S3_BUCKET is not"]
    )


def test_setting_up_the_account_needs_no_target() -> None:
    infra = InfraSettings.from_environment({name: value for name, value in INFRA.items() if name != "NETFLIX_TARGET"})
    assert infra.reporter_networks == ("203.0.113.0/24", "198.51.100.7/32")
    assert infra.monthly_credits == 20


def test_what_setting_up_the_account_misses_and_what_is_malformed_is_named_at_once() -> None:
    bad = {
        "NETFLIX_S3_BUCKET": "it's mine",
        "NETFLIX_SNOWFLAKE_DATABASE": "movie lens",
        "NETFLIX_SNOWFLAKE_STORAGE_ROLE_ARN": "role/snowflake",
        "NETFLIX_SNOWFLAKE_REPORTER_NETWORKS": "203.0.113.1/24",
        "NETFLIX_SNOWFLAKE_MONTHLY_CREDITS": "many",
    }
    with pytest.raises(SettingsError) as caught:
        InfraSettings.from_environment(bad)
    assert all(name in str(caught.value) for name in [*bad, "NETFLIX_SNOWFLAKE_ACCOUNT is not set"])
    with pytest.raises(SettingsError) as caught:
        InfraSettings.from_environment({})
    assert {word for word in str(caught.value).split() if word.startswith("NETFLIX_")} == set(INFRA) - {
        "NETFLIX_TARGET"
    }


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        ("NETFLIX_SNOWFLAKE_REPORTER_ROLE", "MOVIELENS_LOADER", "two of NETFLIX_SNOWFLAKE_<DUTY>_ROLE are"),
        ("NETFLIX_SNOWFLAKE_REPORTER_USER", "MOVIELENS_LOADER", "two of NETFLIX_SNOWFLAKE_<DUTY>_USER are"),
        ("NETFLIX_SNOWFLAKE_LOADER_ROLE", "SYSADMIN", "NETFLIX_SNOWFLAKE_LOADER_ROLE is 'SYSADMIN'"),
        ("NETFLIX_SNOWFLAKE_REPORTER_NETWORKS", "0.0.0.0/0", "which is everywhere"),
    ],
)
def test_an_account_without_separate_duties_is_not_set_up(setting: str, value: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(problem)):
        InfraSettings.from_environment({**INFRA, setting: value})


def test_a_passphrase_is_not_shown() -> None:
    settings = Settings.from_environment({**SNOWFLAKE, "NETFLIX_SNOWFLAKE_LOADER_PRIVATE_KEY_PASSPHRASE": "hush"})
    assert "hush" not in repr(settings) + repr(settings.snowflake)


def test_the_example_file_names_every_setting_with_its_default() -> None:
    lines = (PROJECT_ROOT / ".env.example").read_text().splitlines()
    shown = dict(line.removeprefix("# ").split("=", 1) for line in lines if re.match(r"(# )?NETFLIX_\w+=", line))
    local = {name: value for name, value in shown.items() if not name.startswith("NETFLIX_SNOWFLAKE_")}
    assert Settings.from_environment(local) == Settings.from_environment({})
    snowflake = {name: value for name, value in shown.items() if name.startswith("NETFLIX_SNOWFLAKE_")}
    given = {**SNOWFLAKE, **snowflake, "NETFLIX_SNOWFLAKE_ACCOUNT": SNOWFLAKE["NETFLIX_SNOWFLAKE_ACCOUNT"]}
    assert Settings.from_environment(given) == Settings.from_environment(SNOWFLAKE)
    own = {name: shown[name] for name in INFRA if name not in SNOWFLAKE} | {
        "NETFLIX_SNOWFLAKE_MONTHLY_CREDITS": shown["NETFLIX_SNOWFLAKE_MONTHLY_CREDITS"]
    }
    assert InfraSettings.from_environment({**SNOWFLAKE, **own}) == InfraSettings.from_environment(INFRA)
    read: set[str] = set()

    class Recording(dict[str, str]):
        def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
            read.add(name)
            return super().get(name, default)

    Settings.from_environment(Recording(SNOWFLAKE))
    InfraSettings.from_environment(Recording(INFRA))
    # Dagster+ sets this one; nobody else does.
    assert read - {"DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT"} == set(shown)
    # And so does `dg list envs`.
    listed = yaml.safe_load((PROJECT_ROOT / "netflix_assets" / "settings" / "defs.yaml").read_text())
    assert listed["requirements"]["env"] == list(shown)


def test_dbt_is_told_everything_that_its_profile_reads_of_the_target() -> None:
    profile = (PROJECT_ROOT / "dbt_project" / "profiles.yml").read_text()
    read = {"local": profile.partition("    snowflake:")[0], "snowflake": profile.partition("    snowflake:")[2]}
    for target, environment in (("local", {}), ("snowflake", SNOWFLAKE)):
        told = Settings.from_environment(environment).dbt_environment()
        # Read only where dbt is started by hand. Nothing of a run is: dbt parses all again where its profile changes.
        assert set(re.findall(r"env_var\('(\w+)'", read[target])) - {"NETFLIX_HOME", "HOME"} <= set(told)
        assert told["NETFLIX_TARGET"] == target
    assert told["NETFLIX_SNOWFLAKE_TRANSFORMER_USER"] == "MOVIELENS_TRANSFORMER"
    assert told["NETFLIX_SNOWFLAKE_HOST"] == ""
