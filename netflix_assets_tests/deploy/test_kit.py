"""What a contributor and a cluster are given says the same as what this machine runs."""

from __future__ import annotations

import re
from typing import Any

import yaml

from netflix_assets.settings import PROJECT_ROOT

WORKFLOW = (PROJECT_ROOT / ".github" / "workflows" / "ci.yml").read_text()
DEPLOY = PROJECT_ROOT / "deploy"


def load(text: str) -> Any:
    return yaml.safe_load(text)


def locked(name: str) -> str:
    (version,) = re.findall(rf"^{name}==(\S+)", (PROJECT_ROOT / "requirements.lock").read_text(), re.M)
    return str(version)


def test_what_a_page_names_as_a_test_is_one() -> None:
    sources = list((PROJECT_ROOT / "netflix_assets_tests").rglob("test_*.py"))
    tests = {name for path in sources for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)}
    # A schedule that runs tests.
    tests |= {"test_every_month_weekly"}
    for page in [*PROJECT_ROOT.glob("*.md"), *(PROJECT_ROOT / "docs").rglob("*.md")]:
        named = set(re.findall(r"`(test_\w+)`", page.read_text()))
        assert named <= tests, page
        files = re.findall(r"`((?:\w+/)*test_\w+\.py)`", page.read_text())
        assert all(any(str(path).endswith(f"/{file}") for path in sources) for file in files), page


def test_a_commit_is_held_to_what_make_lint_checks() -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text()
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.M)
    assert recipe
    # A commit gives the files it changes where the recipe gives the folder.
    lint = {line.strip().replace("$(BIN)/", ".venv/bin/").removesuffix(" .") for line in recipe[1].splitlines()}
    hooks = load((PROJECT_ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert {hook["entry"] for hook in hooks} == lint


def test_the_workflow_runs_pinned_actions_on_every_python_each_week_and_may_only_read() -> None:
    workflow = load(WORKFLOW)
    uses = re.findall(r"uses: (.*)", WORKFLOW)
    assert uses and all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v[\d.]+", use) for use in uses), uses
    minors = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (PROJECT_ROOT / "pyproject.toml").read_text())
    assert minors
    pythons = workflow["jobs"]["lint-and-test"]["strategy"]["matrix"]["python"]
    assert pythons == [f"3.{minor}" for minor in range(int(minors[1]), int(minors[2]))]
    # YAML takes the key `on` for a truth value.
    assert workflow[True]["schedule"]
    permissions = [workflow["permissions"], *(job.get("permissions", {}) for job in workflow["jobs"].values())]
    assert {what for one in permissions for what in one.values()} == {"read"}


def test_every_machine_for_the_tests_is_given_the_same_packages_of_debian() -> None:
    wanted = set(re.findall(r"missing\+=\((\w+)\)", (PROJECT_ROOT / ".ci" / "run").read_text()))
    assert wanted == {"chromium", "postgresql"}
    for text in (WORKFLOW, (PROJECT_ROOT / ".devcontainer" / "Dockerfile").read_text()):
        (given,) = re.findall(r"--no-install-recommends ([\w ]+\w)", text)
        assert set(given.split()) == wanted


def test_a_cluster_has_the_limits_of_the_instance_and_the_packages_of_the_lock() -> None:
    text = (DEPLOY / "helm-values.yaml").read_text()
    values, instance = load(text), load((DEPLOY / "dagster.yaml").read_text())
    chart, ours = values["concurrency"], instance["concurrency"]
    assert chart["enabled"] is True
    assert chart["pools"] == {
        "defaultLimit": ours["pools"]["default_limit"],
        "granularity": ours["pools"]["granularity"],
    }
    assert chart["runs"] == {
        "maxConcurrentRuns": ours["runs"]["max_concurrent_runs"],
        "tagConcurrencyLimits": ours["runs"]["tag_concurrency_limits"],
    }
    assert values["postgresql"]["postgresqlScheme"] == instance["storage"]["postgres"]["postgres_db"]["scheme"]
    monitoring = values["dagsterDaemon"]["runMonitoring"]
    assert monitoring["startTimeoutSeconds"] == instance["run_monitoring"]["start_timeout_seconds"]
    assert f"dagster-k8s=={locked('dagster-aws')}" in text
    # No password of the chart's own.
    assert values["generatePostgresqlPasswordSecret"] is False and values["global"]["postgresqlSecretName"]
