"""The local S3 server starts, is found again, refuses strangers, and leaves nothing behind."""

import hashlib
import http.server
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from netflix_assets.catalog import raw_file
from netflix_assets.errors import BucketError, SettingsError
from netflix_assets.landing import local_folder, local_s3
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.settings import Settings


def _eventually(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return true()


def _nobody_at(endpoint: str) -> bool:
    return not local_s3._listens(Settings.from_environment({"NETFLIX_S3_ENDPOINT": endpoint}))


def _etag(bucket: LandingBucket, key: str) -> str:
    return next(version.etag for version in bucket.versions() if version.key == key)


def _md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@contextmanager
def _python(program: str, settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A Python process with these settings in its environment; killed at the end of the block."""
    names = {
        "NETFLIX_HOME": str(settings.home),
        "NETFLIX_S3_ENDPOINT": settings.s3_endpoint,
        "NETFLIX_S3_BUCKET": settings.bucket,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", program], env={**os.environ, **names}, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


SERVE = """
from netflix_assets.landing import local_folder, local_s3
from netflix_assets.settings import Settings
local_s3.serve(Settings.from_environment(), on_ready=lambda ready: print(ready.s3_endpoint, flush=True))
print("ended", flush=True)
"""

RUN = """
import time
from netflix_assets.landing import local_folder, local_s3
from netflix_assets.settings import Settings
with local_s3.running(Settings.from_environment()) as here:
    print(here.s3_endpoint, flush=True)
    time.sleep(60)
"""


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_command_serves_the_folder_and_does_not_show_the_secret(settings: Settings) -> None:
    line = local_s3.command(settings, "127.0.0.1:9000", rclone=Path("rclone"))
    assert line[:3] == ["rclone", "serve", "s3"]
    assert str(settings.s3_root) in line[-1]
    assert settings.s3_secret_key not in " ".join(line)


def test_quotes_in_the_folder_are_doubled_in_the_connection_string(settings: Settings) -> None:
    line = local_s3.command(replace(settings, home=Path('/a "b"')), "127.0.0.1:9000", rclone=Path("rclone"))
    assert line[-1].startswith(':hasher,remote="/a ""b""/s3",')


def test_a_server_is_started_for_the_block_and_ended_after_it(settings: Settings) -> None:
    with local_s3.running(settings) as here:
        assert here.s3_endpoint != settings.s3_endpoint
        LandingBucket(here).put("raw/movies.csv", io.BytesIO(b"x"))
        assert (settings.s3_root / settings.bucket / "raw" / "movies.csv").read_bytes() == b"x"
    assert _nobody_at(here.s3_endpoint)


def test_objects_outlive_the_server(settings: Settings) -> None:
    with local_s3.running(settings) as here:
        LandingBucket(here).put("raw/movies.csv", io.BytesIO(b"x"))
    with local_s3.running(settings) as here:
        assert [version.key for version in LandingBucket(here).versions()] == ["raw/movies.csv"]


def test_a_server_that_runs_already_is_used_and_left_running(s3: Settings) -> None:
    with local_s3.running(s3) as here:
        assert here is s3
    assert not _nobody_at(s3.s3_endpoint)


def test_a_missing_bucket_is_created(s3: Settings) -> None:
    with local_s3.running(replace(s3, bucket=f"{s3.bucket}-2")) as here:
        assert list(LandingBucket(here).versions()) == []


serving = partial(local_s3.running, at_any_port=False)


def test_serving_is_at_the_address_of_the_settings_and_shares_a_server_that_runs(settings: Settings) -> None:
    with serving(settings):
        assert list(LandingBucket(settings).versions()) == []
        with serving(settings):
            assert list(LandingBucket(settings).versions()) == []
        assert not _nobody_at(settings.s3_endpoint)
    assert _nobody_at(settings.s3_endpoint)


def test_reach_starts_one_server_for_the_whole_process(settings: Settings) -> None:
    assert local_s3.reach(settings) is local_s3.reach(settings)
    assert list(LandingBucket(settings, reach=local_s3.reach).versions()) == []


@pytest.mark.parametrize(
    "name",
    ["with space", "it's", 'a "quoted" one', "co:lon,comma=1", "émile 電影", "-dash", "$HOME `x` \\ back"],
)
def test_any_folder_name_can_be_served(settings: Settings, name: str) -> None:
    odd = replace(settings, home=settings.home / name)
    with local_s3.running(odd) as here:
        LandingBucket(here).put("raw/movies.csv", io.BytesIO(b"x"))
        assert (odd.s3_root / odd.bucket / "raw" / "movies.csv").exists()


def test_odd_characters_in_the_secret_work(settings: Settings) -> None:
    with local_s3.running(replace(settings, s3_secret_key="s3 \"cret' é$/+=")) as here:
        assert list(LandingBucket(here).versions()) == []
        with pytest.raises(BucketError, match="refused the access key"):
            list(LandingBucket(replace(here, s3_secret_key="another")).versions())


@pytest.mark.parametrize("keys", [{"s3_secret_key": "a,b"}, {"s3_access_key": "ab"}])
def test_keys_that_the_server_cannot_take_are_refused_before_it_starts(
    settings: Settings, keys: dict[str, str]
) -> None:
    with (
        pytest.raises(SettingsError, match="NETFLIX_S3_ACCESS_KEY"),
        local_s3.running(replace(settings, **keys)),  # type: ignore[arg-type]
    ):
        pass


@pytest.mark.parametrize("keys", [{"s3_secret_key": "wrong"}, {"s3_access_key": "stranger"}])
def test_a_server_that_refuses_our_keys_is_named_and_not_used(s3: Settings, keys: dict[str, str]) -> None:
    with (
        pytest.raises(BucketError, match=f"at {s3.s3_endpoint} listens an S3 server that refuses our keys"),
        local_s3.running(replace(s3, **keys)),  # type: ignore[arg-type]
    ):
        pass


Start = Callable[[Settings], AbstractContextManager[object]]


@contextmanager
def _serve(settings: Settings) -> Iterator[None]:
    local_s3.serve(settings)
    yield


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


class _Teapot(_Quiet):
    def do_GET(self) -> None:
        self.send_error(418)


class _Xml(_Quiet):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html><body>hello</body></html>")


@pytest.mark.parametrize("handler", [_Quiet, _Teapot, _Xml])
@pytest.mark.parametrize("start", [local_s3.running, serving, _serve])
def test_a_port_with_something_else_on_it_is_named_and_left_alone(
    settings: Settings, handler: type[http.server.SimpleHTTPRequestHandler], start: Start
) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True).start()
        taken = settings.with_s3_endpoint(f"http://127.0.0.1:{web.server_port}")
        with (
            pytest.raises(BucketError, match=r"listens .* not S3.*; stop it, set NETFLIX_S3_ENDPOINT") as caught,
            start(taken),
        ):
            pass
        web.shutdown()
    assert taken.s3_endpoint in str(caught.value)
    assert not settings.s3_root.exists()


def test_serve_says_so_if_it_runs_already(s3: Settings) -> None:
    with pytest.raises(BucketError, match="already runs at"):
        local_s3.serve(s3)


@pytest.mark.parametrize("endpoint", ["https://127.0.0.1:1", "http://127.0.0.1:1/path", "http://s3.invalid:1"])
def test_no_server_of_ours_is_started_for_an_address_elsewhere(settings: Settings, endpoint: str) -> None:
    with (
        pytest.raises(SettingsError, match="set NETFLIX_S3_ENDPOINT"),
        local_s3.running(settings.with_s3_endpoint(endpoint)),
    ):
        pass


def test_a_folder_that_cannot_be_written_is_named(settings: Settings) -> None:
    settings.home.mkdir()
    settings.s3_root.write_text("a file where the folder should be")
    with pytest.raises(SettingsError, match=f"cannot write to {settings.s3_root}"), local_s3.running(settings):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_with_its_server_on_a_signal(settings: Settings, number: int) -> None:
    with _python(SERVE, settings) as process:
        assert _first_line(process) == settings.s3_endpoint
        process.send_signal(number)
        assert _first_line(process) == "ended"
        assert process.wait(5) == 0
    assert _nobody_at(settings.s3_endpoint)


@pytest.mark.parametrize("program", [SERVE, RUN])
def test_the_server_dies_with_a_process_that_is_killed(settings: Settings, program: str) -> None:
    with _python(program, settings) as process:
        endpoint = _first_line(process)
        assert not _nobody_at(endpoint)
        process.kill()
        assert _eventually(lambda: _nobody_at(endpoint))


def test_serve_reports_a_server_that_ended_by_itself(settings: Settings) -> None:
    def kill(_: Settings) -> None:
        process = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
        own = [line.split()[0] for line in process.stdout.splitlines() if f"/rclone serve s3 --addr {address}" in line]
        for pid in own:
            os.kill(int(pid), signal.SIGKILL)

    address = settings.s3_endpoint.removeprefix("http://")
    with pytest.raises(BucketError, match="ended by itself"):
        local_s3.serve(settings, on_ready=kill)


def test_a_server_that_does_not_start_is_reported_with_its_last_words(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "rclone"
    broken.write_text("#!/bin/sh\necho 'the last words' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(local_s3, "rclone_path", lambda: broken)
    with (
        pytest.raises(BucketError, match=r"did not start \(the last words\); see .*s3\.log"),
        local_s3.running(settings),
    ):
        pass


def test_two_servers_on_one_folder_agree_and_do_not_wait_for_each_other(settings: Settings) -> None:
    with local_s3.running(settings) as first, local_s3.running(settings) as second:
        assert first.s3_endpoint != second.s3_endpoint
        buckets = [LandingBucket(first), LandingBucket(second)]
        started = time.monotonic()
        for number in range(20):
            buckets[number % 2].put(f"raw/{number}.csv", io.BytesIO(b"%d" % number))
        # On a shared hash database these 20 took 5 s.
        assert time.monotonic() - started < 3
        wanted = {f"raw/{number}.csv": _md5(b"%d" % number) for number in range(20)}
        for bucket in buckets:
            assert _eventually(lambda: {v.key: v.etag for v in bucket.versions()} == wanted)  # noqa: B023


def test_an_object_that_another_server_replaced_has_its_new_etag(settings: Settings) -> None:
    with local_s3.running(settings) as first, local_s3.running(settings) as second:
        one, other = LandingBucket(first), LandingBucket(second)
        one.put("raw/movies.csv", io.BytesIO(b"one"))
        assert _etag(one, "raw/movies.csv") == _md5(b"one")
        other.put("raw/movies.csv", io.BytesIO(b"two"))
        assert _eventually(lambda: _etag(one, "raw/movies.csv") == _md5(b"two"))
        assert _etag(other, "raw/movies.csv") == _md5(b"two")


def test_an_object_whose_file_was_edited_by_hand_has_its_new_etag(settings: Settings) -> None:
    path = settings.s3_root / settings.bucket / "raw" / "movies.csv"
    with local_s3.running(settings) as here:
        bucket = LandingBucket(here)
        bucket.put("raw/movies.csv", io.BytesIO(b"old"))
        assert _etag(bucket, "raw/movies.csv") == _md5(b"old")
        before = path.stat()
        path.write_bytes(b"new")
        # As `touch -r` does: size and time are as they were.
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert _eventually(lambda: _etag(bucket, "raw/movies.csv") == _md5(b"new"))
    path.write_bytes(b"off")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with local_s3.running(settings) as here:
        assert _etag(LandingBucket(here), "raw/movies.csv") == _md5(b"off")


@pytest.fixture
def folder(settings: Settings) -> Iterator[tuple[LandingBucket, Path]]:
    """A bucket whose listing is compared with its folder, and the folder, with two files in it."""
    with serving(settings):
        raw = settings.s3_root / settings.bucket / "raw"
        (raw / "ratings" / "month=2015-03").mkdir(parents=True)
        (raw / "movies.csv").write_bytes(b"movies")
        (raw / "ratings" / "month=2015-03" / "ratings.csv").write_bytes(b"ratings")
        yield LandingBucket(settings, checked=local_s3.checked), raw


MONTH = "raw/ratings/month=2015-03/ratings.csv"


def _listed(bucket: LandingBucket) -> dict[str, bytes]:
    return {version.key: b"".join(bucket.download(version)) for version in bucket.versions()}


def _listed_in_the_end(bucket: LandingBucket) -> dict[str, bytes]:
    """List and read as a load does: what was replaced between the two is told, and asked for again."""
    while True:
        try:
            return _listed(bucket)
        except BucketError as error:
            assert "was replaced after it was observed" in str(error)


def test_what_is_put_into_the_folder_is_listed_at_once(folder: tuple[LandingBucket, Path]) -> None:
    bucket, raw = folder
    assert _listed(bucket) == {"raw/movies.csv": b"movies", MONTH: b"ratings"}
    (raw / "movies.csv").write_bytes(b"more movies")
    (raw / "links.csv").write_bytes(b"links")
    assert _listed(bucket) == {"raw/movies.csv": b"more movies", MONTH: b"ratings", "raw/links.csv": b"links"}


def test_files_of_systems_are_neither_listed_nor_missed(folder: tuple[LandingBucket, Path]) -> None:
    bucket, raw = folder
    for name in ("_upload.json", ".DS_Store", "ratings/month=2015-03/_SUCCESS"):
        (raw / name).write_bytes(b"x")
    assert _listed(bucket) == {"raw/movies.csv": b"movies", MONTH: b"ratings"}


def test_links_are_what_they_lead_to_and_every_name_is_itself(
    folder: tuple[LandingBucket, Path], tmp_path: Path
) -> None:
    bucket, raw = folder
    (raw / "movies.csv").rename(tmp_path / "elsewhere.csv")
    (raw / "movies.csv").symlink_to(tmp_path / "elsewhere.csv")
    (raw / "ratings").rename(tmp_path / "months")
    (raw / "ratings").symlink_to(tmp_path / "months")
    names = ["movies [old].csv", "x[/y].csv", "émile 電影 😀.csv", "a%20b?&+#.csv", "two\nlines.csv"]
    for name in names:
        (raw / name).parent.mkdir(exist_ok=True)
        (raw / name).write_bytes(b"x")
    raw.parent.rename(tmp_path / "bucket")
    raw.parent.symlink_to(tmp_path / "bucket")
    shown = {f"raw/{name}".replace("\n", "\u240a"): b"x" for name in names}
    assert _listed(bucket) == {"raw/movies.csv": b"movies", MONTH: b"ratings", **shown}


def test_a_link_that_leads_nowhere_is_told_and_not_taken_for_a_deletion(
    folder: tuple[LandingBucket, Path],
) -> None:
    bucket, raw = folder
    (raw / "movies.csv").unlink()
    (raw / "movies.csv").symlink_to("nowhere.csv")
    for contents in (bucket.contents, partial(bucket.contents, raw_file("movies"))):
        with pytest.raises(BucketError, match=r"raw/movies\.csv is a link to nowhere\.csv, which is not there"):
            contents()
    # Of the months nothing is amiss.
    assert bucket.contents(raw_file("ratings")).files.keys() == {"ratings"}


def test_a_link_to_a_folder_that_it_is_in_is_told(folder: tuple[LandingBucket, Path]) -> None:
    bucket, raw = folder
    (raw / "loop").symlink_to(raw)
    with pytest.raises(BucketError, match="raw/loop is a link to a folder that it is in"):
        list(bucket.versions())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["movies.csv", "ratings/month=2015-03"])
def test_what_cannot_be_read_is_told_and_not_taken_for_a_deletion(
    folder: tuple[LandingBucket, Path], name: str
) -> None:
    bucket, raw = folder
    (raw / name).chmod(0)
    with pytest.raises(BucketError, match="cannot be read"):
        list(bucket.versions())
    (raw / name).chmod(0o755)


@pytest.mark.skipif(not Path("/proc/self/fdinfo").exists(), reason="this system does not tell who writes a file")
def test_a_file_that_is_still_being_copied_is_waited_for(
    folder: tuple[LandingBucket, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, raw = folder
    program = "import sys; f = open(sys.argv[1], 'w'); f.write('half'); f.flush(); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", f"{program}; f.write(' and half')", str(raw / "links.csv")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as copying:
        assert copying.stdin is not None and copying.stdout is not None
        copying.stdout.readline()
        with monkeypatch.context() as patched:
            patched.setattr(local_folder, "_WAIT_SECONDS", 0.2)
            with pytest.raises(BucketError, match=rf"links\.csv is still being written by process {copying.pid}"):
                list(bucket.versions())
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(_listed_in_the_end, bucket)
            copying.communicate(b"\n")
            assert waiting.result()["raw/links.csv"] == b"half and half"
