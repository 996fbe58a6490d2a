"""The deployment, from the files in `deploy/`: the processes of `compose.yaml` on a real PostgreSQL and the local S3.

What needs a registry, the images, is built by the workflow.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from netflix_assets.definitions import build_defs
from netflix_assets.settings import PROJECT_ROOT, Settings
from netflix_assets.transform.project import prepared_project
from netflix_assets_tests.browser.running import Dev, environment, wait_for
from netflix_assets_tests.deploy import postgres
from netflix_assets_tests.pipeline import SMALL, Pipeline

DEPLOY = PROJECT_ROOT / "deploy"
PREDECESSOR = Path(__file__).with_name("predecessor.sql")
# As `read_only` and `tmpfs` in compose.yaml: only /tmp and the volume with the state can be written.
READ_ONLY_ROOT = """
mount --make-rprivate /
for folder in /tmp "$NETFLIX_HOME" "$DAGSTER_HOME"; do mount --bind "$folder" "$folder"; done
for folder in "$DAGSTER_HOME" /; do mount -o remount,bind,ro "$folder"; done
exec "$@"
"""
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
STARTED = ("code-location", "webserver", "daemon")


def in_a_container(environment: dict[str, str]) -> list[str]:
    """What to put before a command, so that its root is read-only; nothing where this machine does not let us."""
    prefix = ["unshare", "--mount", "sh", "-ec", READ_ONLY_ROOT, "sh"]
    if shutil.which("unshare") is None:
        return []
    writes = [*prefix, "touch", f"{environment['DAGSTER_HOME']}/written"]
    tried = subprocess.run(writes, env=environment, capture_output=True, text=True, check=False)
    return prefix if "Read-only file system" in tried.stderr and "mount:" not in tried.stderr else []


def filled_in(text: str, variables: dict[str, str]) -> str:
    """Replace `${NAME:-default}` and `${NAME:?message}` as Compose does."""

    def value(match: re.Match[str]) -> str:
        name, _, default = match.group(1).partition(":")
        assert name in variables or default.startswith("-"), f"{name} has no default"
        return variables.get(name) or default.removeprefix("-")

    return re.sub(r"\$\{([^}]+)\}", value, text)


@dataclass
class Deployment:
    """The services of `compose.yaml` as processes of this machine."""

    home: Path
    variables: dict[str, str]
    base: dict[str, str]
    prefix: list[str]
    python: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def command(self, service: str) -> tuple[list[str], dict[str, str]]:
        """The command and environment of a service; what it runs is in our own environment."""
        definition = COMPOSE["services"][service]
        program, *arguments = [filled_in(part, self.variables) for part in definition["command"]]
        # Containers have networks of their own; here it is this machine's, which must not serve others.
        arguments = ["127.0.0.1" if part == "0.0.0.0" else part for part in arguments]
        given = {name: filled_in(str(value), self.variables) for name, value in definition["environment"].items()}
        # Folders of the image.
        given |= {name: self.base[name] for name in ("DAGSTER_HOME", "NETFLIX_HOME")}
        return [*self.prefix, str(self.python.with_name(program)), *arguments], {**self.base, **given}

    def start(self, service: str) -> None:
        command, given = self.command(service)
        with (self.home / f"{service}.log").open("ab") as log:
            self.processes[service] = subprocess.Popen(command, cwd=self.home, env=given, stdout=log, stderr=log)

    def run(self, service: str) -> None:
        command, given = self.command(service)
        done = subprocess.run(command, cwd=self.home, env=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def replace(self, service: str) -> None:
        """Kill a process, as a supervisor would find it, and start it again."""
        self.processes[service].kill()
        self.processes[service].wait()
        self.start(service)

    def code_location_is_up(self) -> bool:
        """What the image's health check asks."""
        port = int(self.variables["DAGSTER_CODE_LOCATION_PORT"])
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(service="DagsterApi"), timeout=5
                )
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()

    def logs(self) -> str:
        return "\n".join(f"{path.name}\n{path.read_text()[-2000:]}" for path in self.home.glob("*.log"))


@pytest.fixture(scope="module")
def database() -> Iterator[postgres.Server]:
    programs = postgres.programs()
    if programs is None:
        pytest.skip("there is no PostgreSQL on this machine; on Debian: apt-get install postgresql")
    with postgres.running(programs) as server:
        yield server


@pytest.fixture
def deployment(database: postgres.Server, s3: Settings, python: Path, tmp_path: Path) -> Iterator[Deployment]:
    home = tmp_path / "dagster"
    # As the image has it.
    for folder in ("logs", ".logs_queue"):
        (home / folder).mkdir(parents=True)
    s3.home.mkdir(exist_ok=True)
    for name in ("dagster.yaml", "workspace.yaml"):
        (home / name).write_bytes((DEPLOY / name).read_bytes())
    variables = {
        "DAGSTER_POSTGRES_HOST": "127.0.0.1",
        "DAGSTER_POSTGRES_PORT": str(database.port),
        "DAGSTER_POSTGRES_USER": postgres.USER,
        "DAGSTER_POSTGRES_PASSWORD": postgres.PASSWORD,
        "DAGSTER_POSTGRES_DB": "dagster",
        "DAGSTER_CODE_LOCATION_HOST": "127.0.0.1",
        "DAGSTER_CODE_LOCATION_PORT": str(postgres.free_port()),
        "DAGSTER_WEBSERVER_PORT": str(postgres.free_port()),
        "NETFLIX_TARGET": "local",
        "NETFLIX_S3_BUCKET": s3.bucket,
        "NETFLIX_S3_ENDPOINT": s3.s3_endpoint,
    }
    given = {**environment(s3), "DAGSTER_HOME": str(home)}
    # As in the image, the dbt project is parsed.
    prepared_project(s3)
    one = Deployment(home, variables, given, in_a_container(given), python)
    try:
        yield one
    finally:
        one.stop()


def automations(settings: Settings) -> set[str]:
    """Names of the sensors and schedules that are on from the start."""
    defs = build_defs(settings)
    return {
        one.name for one in [*(defs.sensors or ()), *(defs.schedules or ())] if "RUNNING" in str(one.default_status)
    }


def known(database: postgres.Server) -> set[str]:
    """Names of those that the daemon has written of."""
    bodies = database.sql("select instigator_body from instigators", database="dagster")
    return set(re.findall(r'"(?:instigator_name|job_name)": "([^"]+)"', bodies))


def test_objects_become_marts_although_each_process_was_killed_on_a_database_of_the_release_before(
    deployment: Deployment, database: postgres.Server, s3: Settings
) -> None:
    ui = Dev(s3, f"http://127.0.0.1:{deployment.variables['DAGSTER_WEBSERVER_PORT']}")
    database.sql("create database dagster")
    database.sql(PREDECESSOR.read_text(), database="dagster")
    (old,) = database.sql("select run_id from runs", database="dagster").splitlines()
    with ExitStack() as on_failure:
        on_failure.callback(lambda: sys.stdout.write(deployment.logs()))
        deployment.run("migrate")
        assert database.sql("select using_default_limit from concurrency_limits", database="dagster") == "f"
        deployment.start("code-location")
        # As `depends_on` has it: before that, the others only complain.
        wait_for("the code location", deployment.code_location_is_up)
        for service in ("webserver", "daemon"):
            deployment.start(service)
        wait_for("the UI", ui.is_up)
        # Dagster writes of a sensor in two places, one after the other, and never mends the first without the second.
        wait_for("sensors and schedules", lambda: automations(s3) <= known(database))
        database.kill()
        database.start()
        for service in STARTED:
            deployment.replace(service)
        wait_for("the code location once more", deployment.code_location_is_up)
        wait_for("the UI once more", ui.is_up)
        pipeline = Pipeline(s3)
        for key, text in SMALL.items():
            pipeline.put(key, text)
        runs = wait_for("the run", lambda: ui.finished_runs(after={old}))
        assert {run["status"] for run in runs} == {"SUCCESS"}
        assert old in {run["runId"] for run in ui.runs()}
        on_failure.pop_all()
    assert pipeline.one("select count(*) from mart.movie_scores") > 0
    # What the steps printed is in the bucket, and none of it under raw/.
    assert any(runs[0]["runId"] in version.key for version in pipeline.bucket.versions("dagster-logs/"))
    assert postgres.PASSWORD not in deployment.logs()


def test_compose_starts_what_the_image_has() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"postgres", "migrate", *STARTED, "s3"}
    ours = {name: service for name, service in services.items() if name != "postgres"}
    for name, service in ours.items():
        assert service["read_only"] is True, name
        assert Path(sys.executable).with_name(service["command"][0]).exists(), name
        assert set(service.get("depends_on", ())) <= set(services), name
    volumes = {volume.partition(":")[0] for service in services.values() for volume in service.get("volumes", ())}
    assert volumes == set(COMPOSE["volumes"])
    assert services["s3"]["profiles"] == ["local"]
    # A secret has no default, and the UI is for this machine.
    assert "DAGSTER_POSTGRES_PASSWORD:?" in services["postgres"]["environment"]["POSTGRES_PASSWORD"]
    assert all(port.startswith("127.0.0.1:") for port in services["webserver"]["ports"])


def test_the_image_is_made_of_files_that_are_there_and_runs_without_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            assert all((PROJECT_ROOT / source).exists() for source in line.split()[1:-1]), line
    assert "USER 10001" in lines
    (uv,) = re.findall(r"^uv==\S+", (PROJECT_ROOT / "requirements-dev.lock").read_text(), re.M) or [None]
    assert uv is None or any(line.endswith(uv) for line in lines), "the image is built with the locked uv"
