"""What of the user's shell reaches the programs that we start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netflix_assets.errors import BucketError
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.settings import Settings, child_environment
from netflix_assets.transform.project import dbt_environment


def test_only_what_is_listed_reaches_a_child() -> None:
    given = {
        "PATH": "/bin",
        "NETFLIX_HOME": "/home",
        "DBT_EMPTY": "1",
        "DAGSTER_HOME": "/x",
        "RCLONE_BIND": "x",
        "PYTHONPATH": "/x",
        "AWS_PROFILE": "mine",
        "TZ": "Asia/Tokyo",
        "SOMETHING_NEW": "1",
    }
    child = child_environment(given)
    kept = {"PATH", "NETFLIX_HOME"}
    assert child.keys() == kept | {"TZ", "LANG", "LC_ALL", "PYTHONUTF8", "NO_PROXY", "no_proxy"}
    assert child["TZ"] == "UTC"


def test_the_users_aws_profile_counts_where_the_bucket_is_amazons() -> None:
    on_amazon = {"NETFLIX_TARGET": "snowflake", "AWS_PROFILE": "mine"}
    assert child_environment(on_amazon)["AWS_PROFILE"] == "mine"
    assert "AWS_PROFILE" not in child_environment({**on_amazon, "NETFLIX_TARGET": "local"})


def test_a_proxy_is_kept_and_this_machine_reached_without_it() -> None:
    child = child_environment({"https_proxy": "http://proxy:3128", "no_proxy": "intranet"})
    assert child["https_proxy"] == "http://proxy:3128"
    assert child["no_proxy"] == child["NO_PROXY"] == "intranet,127.0.0.1,localhost,::1"


def test_dbt_gets_the_projects_own_settings_and_the_shell_comes_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_EMPTY", "1")
    monkeypatch.setenv("DBT_PROFILES_DIR", "/theirs")
    before = dict(os.environ)
    with dbt_environment(settings, "a-run"):
        ours = {name for name in os.environ if name.startswith("DBT_")}
        assert ours == {"DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_LOG_LEVEL_FILE"}
        assert Path(os.environ["DBT_PROFILES_DIR"], "profiles.yml").exists()
        assert os.environ["NETFLIX_RUN_ID"] == "a-run"
    assert dict(os.environ) == before


@pytest.mark.parametrize("file", ["[profile broken", None])
def test_a_bucket_whose_keys_are_given_takes_nothing_from_the_users_aws_configuration(
    s3: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str | None
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    if file is None:
        monkeypatch.setenv("AWS_PROFILE", "nowhere")
    else:
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "config").write_text(file)
    assert list(LandingBucket(s3).versions()) == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"AWS_PROFILE": "nowhere"}, "there is no AWS profile 'nowhere' to list raw/"),
        ({"AWS_CONFIG_FILE": "broken"}, "the AWS credentials to list raw/ of bucket 'acme' with cannot be had"),
        ({"AWS_ACCESS_KEY_ID": "half"}, "the AWS credentials to list raw/ of bucket 'acme' with cannot be had"),
    ],
)
def test_what_is_wrong_with_the_users_aws_configuration_on_amazon_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "broken").write_text("[profile broken")
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_environment(
        {"NETFLIX_TARGET": "snowflake", "NETFLIX_S3_BUCKET": "acme", "NETFLIX_SNOWFLAKE_ACCOUNT": "org-account"}
    )
    with pytest.raises(BucketError) as caught:
        list(LandingBucket(settings).versions())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
