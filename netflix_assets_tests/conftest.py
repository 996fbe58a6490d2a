"""What tests share: settings of their own, a real local S3 server, built pipelines, a browser.

How to write a cheap test (seconds of a processor on the machine that the suite is measured on):

* Nothing but Python, SQL or one file: no fixture, or `settings`. Such tests are free; `make test-fast` is all of them,
  because with its `--no-processes` a test skips itself when it is about to start one.
* A bucket: `bucket` (one server a test process). A load without dbt: `netflix_assets_tests.loading`.
* Definitions, plans, statuses, ticks: `small`, a pipeline that was built once for all processes and is put back to what
  it was (0.05 s), with `Pipeline.plan()` or `daemon(small)`. Read-only: `built_small`.
* `Pipeline.materialize()` runs dbt: 2 to 5 s. Ask first whether the plan says it already. If not, put several changes
  into one bucket and look at each of their outcomes after one run, rather than a run for each.
* A fresh home costs a build of everything: 12 s. Take a copy of a built one and unlink its warehouse instead.
* The command line in a process of its own, by the fixture `python`, costs 1 s more than the same call in this one
  (`click.testing.CliRunner`); by `sys.executable`, which imports everything, 5 s.
* `netflix-assets dev`: only in browser/, where one server is shared by all. A run in it is a process of Dagster's own,
  8 s with its dbt; a page that shows one draws all the time, so leave it (`about:blank`) while waiting.
* The emulated Snowflake takes 0.2 s for a load, DuckDB 0.1: give many cases a month each in one load.
* Wait for what happens (a file, a line, a row), not for an amount of time. Nothing may fail because it was slow.
* A file's tests stay in one process, for its fixtures, unless it is among `SPREAD` in `distribution.py`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from dbt.parser.manifest import ManifestLoader
from playwright.sync_api import Browser

from netflix_assets.cli.pipeline import demo
from netflix_assets.landing import local_s3
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.upload import upload
from netflix_assets.settings import PROJECT_ROOT, Settings
from netflix_assets.targets import duckdb_from
from netflix_assets.transform import project
from netflix_assets_tests import chromium
from netflix_assets_tests.distribution import Distribution, turn
from netflix_assets_tests.emulator.versions import why_not_here
from netflix_assets_tests.pipeline import SMALL, Pipeline
from netflix_assets_tests.warm import keep_what_was_parsed, read_migrations_once, warm_environment

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

    from netflix_assets_tests.emulator.account import Account


_WARM = pytest.StashKey[Path]()
"""The folder of the programs of the environment that starts in no time."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-processes", action="store_true", help="skip every test that would start a process")


def pytest_configure(config: pytest.Config) -> None:
    """Make an environment whose programs start in no time; the processes of a suite share it."""
    given: Mapping[str, str] = getattr(config, "workerinput", {})
    if "warm" in given:
        config.stash[_WARM] = Path(given["warm"])
        return
    until_the_end = ExitStack()
    config.add_cleanup(until_the_end.close)
    folder = until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="netflix-warm-"))
    config.stash[_WARM] = until_the_end.enter_context(warm_environment(Path(folder)))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Tell each process of the suite where that environment is."""
    node.workerinput["warm"] = str(node.config.stash[_WARM])


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name no test by binary data: gzip holds the time, and the processes of one suite would name it differently."""
    return argname if isinstance(val, bytes) and not val.isascii() else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put first what takes longest; say of what starts processes that it does."""
    for item in items:
        if config.getoption("--no-processes") and item.get_closest_marker("processes"):
            item.add_marker(pytest.mark.skip("starts a process"))
    items.sort(key=lambda item: turn(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Distribution:
    """Distribute tests to processes by files, in the order of `pytest_collection_modifyitems`."""
    return Distribution(config, log)


@pytest.fixture(scope="session", autouse=True)
def _no_processes(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        if request.config.getoption("--no-processes"):

            def refuse(*_: object, **__: object) -> None:
                pytest.skip("starts a process")

            monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
            monkeypatch.setattr(BaseProcess, "start", refuse)
        yield


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


@pytest.fixture(scope="session")
def s3_client(s3_server: Settings) -> Any:
    """A client of that server; to make one takes as long as three requests."""
    return LandingBucket(s3_server)._client


@pytest.fixture
def s3(s3_server: Settings, s3_client: Any, settings: Settings) -> Settings:
    """Settings of this test alone, with a running S3 server and a new, empty bucket on it."""
    own = replace(settings, s3_endpoint=s3_server.s3_endpoint, bucket=f"test-{uuid.uuid4().hex}")
    s3_client.create_bucket(Bucket=own.bucket)
    return own


@pytest.fixture
def bucket(s3: Settings, s3_client: Any) -> LandingBucket:
    """A new, empty bucket."""
    bucket = LandingBucket(s3)
    bucket._client = s3_client
    return bucket


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
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder of this run of the suite that all its processes see."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """The folder, made by whichever process comes first; the others wait for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = folder.with_suffix(".making")
            shutil.rmtree(making, ignore_errors=True)
            make(making)
            making.rename(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _parsed_once(shared: Path) -> Iterator[None]:
    """Have dbt parse a project once for all homes and processes; another project, or other settings, once more."""
    parse = project._parse
    files = ("manifest.json", "partial_parse.msgpack")
    keep_what_was_parsed()

    def parse_or_copy(settings: Settings) -> None:
        target = settings.dbt_target_path

        def make(folder: Path) -> None:
            parse(settings)
            folder.mkdir()
            for name in files:
                shutil.copy(target / name, folder)

        # Where the account is decides as well whether dbt takes what was parsed.
        port = settings.snowflake.port if settings.snowflake else ""
        kept = made_once(shared / f"parsed-{project._fingerprint(settings)}{port}", make)
        target.mkdir(parents=True, exist_ok=True)
        for name in files:
            shutil.copy(kept / name, target)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(project, "_parse", parse_or_copy)
        yield


@pytest.fixture(scope="session", autouse=True)
def _macros_parsed_once() -> Iterator[None]:
    """Have dagster-dbt parse dbt's own macros once for this process, rather than in every run; each takes a second."""
    load = ManifestLoader.load_macros
    kept: dict[str, Any] = {}

    def load_once(config: Any, macro_hook: Any, base_macros_only: bool = False) -> Any:
        assert base_macros_only, "those of a project may change"
        adapter = config.credentials.type
        if adapter not in kept:
            kept[adapter] = load(config, macro_hook, base_macros_only)
        return kept[adapter]

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(ManifestLoader, "load_macros", load_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _migrations_read_once() -> None:
    """Have Dagster open its databases in this process as in those that tests fork."""
    read_migrations_once()


@pytest.fixture(scope="session", autouse=True)
def _dbt(python: Path) -> Iterator[None]:
    """Have the dbt commands of this process start from one that has imported dbt already."""
    cold = project.dbt_executable
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, module in list(sys.modules.items()):
            if name.startswith("netflix_assets") and getattr(module, "dbt_executable", None) is cold:
                monkeypatch.setattr(module, "dbt_executable", lambda: str(python.with_name("dbt")))
        yield


@pytest.fixture(scope="session")
def python(pytestconfig: pytest.Config) -> Path:
    """The Python to start our programs with in processes of their own: these need not import our libraries."""
    return pytestconfig.stash[_WARM] / "python"


@pytest.fixture(scope="session")
def built_small(s3_server: Settings, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A pipeline on four movies and six ratings, materialized once for all processes; copy it before changing it."""

    def build(home: Path) -> None:
        built(Pipeline(replace(s3_server, home=home, bucket=f"test-{uuid.uuid4().hex}")), SMALL)

    kept = made_once(shared / "small", build)
    return Pipeline(replace(s3_server, home=kept), dict(SMALL)).copy(tmp_path_factory.mktemp("small") / "home")


@pytest.fixture(scope="session")
def _copied_small(built_small: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The home and bucket of `small`, as the last test left them."""
    return built_small.copy(tmp_path_factory.mktemp("small-copy") / "home")


@pytest.fixture
def small(built_small: Pipeline, _copied_small: Pipeline) -> Pipeline:
    """The small pipeline in a home that the test may change; it is the same for all, because definitions name it."""
    _copied_small.become(built_small)
    return _copied_small


def built(pipeline: Pipeline, objects: Mapping[str, str]) -> Pipeline:
    """Put the objects into the pipeline's bucket and materialize everything."""
    pipeline.bucket.ensure_exists()
    for key, text in objects.items():
        pipeline.put(key, text)
    outcome = pipeline.materialize()
    assert outcome.success, outcome.errors
    assert len(outcome.outcomes) == 1, "it takes one run, however many months there are"
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
def built_movielens(
    built_small: Pipeline, movielens: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Pipeline:
    """A pipeline on ml-latest-small, made once for all processes by the demo; take a copy before changing it.

    Its home held other data, but no history of it: a fresh warehouse that it is compared with has none. What the demo
    printed is in `demo.txt`.
    """

    def build(home: Path) -> None:
        other = built_small.copy(home)
        other.put("raw/genome_tags.csv", "tagId,tag\n1,noir\n")
        other.put("raw/genome_scores.csv", "movieId,tagId,relevance\n1,1,0.5\n")
        with duckdb_from(other.settings).connection() as connection:
            connection.execute("drop schema snapshots cascade")
        environment = {
            "NETFLIX_HOME": str(home),
            "NETFLIX_S3_ENDPOINT": other.settings.s3_endpoint,
            "NETFLIX_S3_BUCKET": other.settings.bucket,
        }
        ended = CliRunner().invoke(demo, [str(movielens)], env=environment)
        assert ended.exit_code == 0, ended.output
        (home / "demo.txt").write_text(ended.output)

    kept = made_once(shared / "movielens", build)
    home = shutil.copytree(kept, tmp_path_factory.mktemp("movielens") / "home")
    pipeline = Pipeline(replace(built_small.settings, home=home, bucket=f"test-{uuid.uuid4().hex}"))
    pipeline.bucket.ensure_exists()
    upload(str(movielens), pipeline.bucket, scratch=tmp_path_factory.mktemp("upload"))
    return pipeline


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """One browser for a file of tests: while it runs, nothing else of this thread can run an event loop."""
    if not chromium.is_there():
        pytest.skip(chromium.MISSING)
    if request.config.getoption("--no-processes"):
        pytest.skip("starts a process")
    with chromium.browser() as started:
        yield started
