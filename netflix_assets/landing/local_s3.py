"""The local stand-in for Amazon S3: `rclone serve s3` over a plain folder.

Objects are ordinary files under `Settings.s3_root`, one folder a bucket. Starting, finding and ending the
server belongs here; what is in the bucket does not.
"""

from __future__ import annotations

import atexit
import csv
import fcntl
import io
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from netflix_assets.errors import BucketError, SettingsError
from netflix_assets.landing.bucket import LOOPBACK_HOSTS, LandingBucket, ObjectVersion, direct_to, isolated_session
from netflix_assets.landing.local_folder import SERVER_LOOKS_EVERY_SECONDS, checked_listing
from netflix_assets.settings import Settings
from netflix_assets.signals import until_signal

START_SECONDS = 15.0
STOP_SECONDS = 5.0
_PORT_TRIES = 5
_CACHES = 64

_REACHED: dict[Settings, Settings] = {}
_REACHED_LOCK = threading.Lock()
_UNTIL_EXIT = ExitStack()
atexit.register(_UNTIL_EXIT.close)

# Runs the server and ends it when our end of the pipe closes, which the kernel does however we die.
# `PR_SET_PDEATHSIG` would be Linux only, and would end the server with the thread that started it.
_GUARD = """
exec 3<&0
"$@" 3<&- </dev/null & server=$!
{ read -r _ <&3; kill "$server"; } 2>/dev/null & watcher=$!
exec 3<&- </dev/null
wait "$server"; status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"""


def rclone_path() -> Path:
    """The rclone binary: the one installed with this environment, else the first on the PATH.

    Raises:
        SettingsError: There is none.
    """
    installed = Path(sysconfig.get_path("scripts")) / "rclone"
    if installed.exists():
        return installed
    found = shutil.which("rclone")
    if found is None:
        raise SettingsError(f"rclone, the local S3 server, is not at {installed}; run `make setup`")
    return Path(found)


def command(settings: Settings, address: str, *, rclone: Path) -> list[str]:
    """The command line of the server; the keys are not on it, see `environment`.

    Args:
        settings: Names the folder to serve.
        address: `host:port` to listen on.
        rclone: The binary.
    """
    # Inside a connection string a quoted value doubles its quotes; nothing else is special.
    root = str(settings.s3_root).replace('"', '""')
    # Without the hasher every listing would hash every object again; it knows a file by size and time.
    remote = f':hasher,remote="{root}",hashes=md5,max_age=off:'
    return [str(rclone), "serve", "s3", "--addr", address, "--dir-cache-time", f"{SERVER_LOOKS_EVERY_SECONDS}s", remote]


def environment(settings: Settings, cache: Path, token: tuple[str, str]) -> dict[str, str]:
    """The server's whole environment: nothing of ours reaches it, so no `RCLONE_*` of the user's either.

    Args:
        settings: Names the keys that clients use.
        cache: Where this server, and no other, keeps its hashes.
        token: A second pair of keys, by which we tell this server from any other on the same port.
    """
    return {
        "RCLONE_CONFIG": "",
        "RCLONE_CACHE_DIR": str(cache),
        # A link is what it leads to; and a file is known by when it was last changed in any way, which nobody can set
        # back, so that other bytes of the same size and time have another ETag.
        "RCLONE_LOCAL_COPY_LINKS": "true",
        "RCLONE_LOCAL_TIME_TYPE": "ctime",
        "RCLONE_AUTH_KEY": _csv_line(
            ",".join(pair) for pair in ((settings.s3_access_key, settings.s3_secret_key), token)
        ),
    }


def _csv_line(fields: Iterator[str]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="").writerow(fields)
    return line.getvalue()


def serve(settings: Settings, on_ready: Callable[[Settings], None] | None = None) -> None:
    """Serve S3 at the address that the settings name, until SIGINT or SIGTERM.

    Args:
        settings: Address, keys, folder and bucket; the bucket is created if it is missing.
        on_ready: Called once, when the server answers.

    Raises:
        SettingsError: The address is not one of this machine, or a folder cannot be written.
        BucketError: The address is taken, or the server ended by itself.
    """
    address = _local_address(settings)
    problem = _probe(settings)
    if problem is None:
        raise BucketError(
            f"an S3 server with our keys already runs at {settings.s3_endpoint}; "
            "use it, or stop it first, or set NETFLIX_S3_ENDPOINT to another port"
        )
    if not problem.nothing:
        raise _taken(settings, problem)
    with until_signal(), _started(settings, address) as process:
        LandingBucket(settings).ensure_exists()
        if on_ready is not None:
            on_ready(settings)
        status = process.wait()
        raise BucketError(
            f"the local S3 server at {settings.s3_endpoint} ended by itself with status {status}; "
            f"see {_log_file(settings)} and start it again"
        )


@contextmanager
def running(settings: Settings, *, at_any_port: bool = True) -> Iterator[Settings]:
    """An S3 server for as long as the block runs: the one at the settings' address, else one of our own.

    Our own serves the same folder; it ends with the block, and with this process however that ends.

    Args:
        settings: Address, keys, folder and bucket; the bucket is created if it is missing.
        at_any_port: Our own listens on a free port of 127.0.0.1, not at the settings' address.

    Yields:
        The settings, with the address of the server that is to be used.

    Raises:
        SettingsError: The address is not one of this machine, or a folder cannot be written.
        BucketError: Something else listens at the address, or the server does not start.
    """
    problem = _probe(settings)
    if problem is not None and not problem.nothing:
        raise _taken(settings, problem)
    with ExitStack() as stack:
        here = settings
        if problem is not None:
            address = _local_address(settings)
            if at_any_port:
                here = stack.enter_context(_started_on_a_free_port(settings))
            else:
                stack.enter_context(_started(settings, address))
        LandingBucket(here).ensure_exists()
        yield here


def reach(settings: Settings) -> Settings:
    """Like `running`, for the rest of this process; asked again it gives the same server.

    For `LandingBucket(settings, reach=reach)`: a Dagster step then works whether or not a server runs.
    """
    with _REACHED_LOCK:
        if settings not in _REACHED:
            _REACHED[settings] = _UNTIL_EXIT.enter_context(running(settings))
        return _REACHED[settings]


def checked(settings: Settings, prefix: str, listed: Callable[[], Sequence[ObjectVersion]]) -> Sequence[ObjectVersion]:
    """List objects; where the server is one of ours, compare with its folder, see `local_folder`.

    For `LandingBucket(settings, checked=checked)`.

    Raises:
        BucketError: A file of the folder cannot be read, or is still being written.
    """
    if not _serves_our_folder(settings):
        return listed()
    return checked_listing(settings.s3_root / settings.bucket, prefix, listed)


def _serves_our_folder(settings: Settings) -> bool:
    """Whether the server at the settings' address is one that was started for this home."""
    address = settings.s3_endpoint.removeprefix("http://").rstrip("/").encode()
    for path in (settings.home / "rclone").glob("*/lock"):
        with suppress(OSError), path.open("rb") as lock:
            if lock.read() == address and _is_locked(lock.fileno()):
                return True
    return False


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


@dataclass(frozen=True)
class _Problem:
    """Why the server at an address is not ours to use."""

    what_is_there: str
    nothing: bool = False


def _probe(settings: Settings, *, seconds: float = 5.0) -> _Problem | None:
    """None if an S3 server that accepts our keys answers; else what is there instead."""
    # Imported here, as in `bucket`: a process which only shows the assets need not spend the time.
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

    client = isolated_session().client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        aws_access_key_id=settings.s3_access_key,
        aws_secret_access_key=settings.s3_secret_key,
        region_name="us-east-1",
        config=Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            connect_timeout=seconds,
            read_timeout=seconds,
            **direct_to(settings.s3_endpoint),
        ),
    )
    try:
        answer = client.list_buckets()
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        return _Problem(f"nothing ({type(error).__name__})", nothing=True)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"}:
            return _Problem(f"an S3 server that refuses our keys ({code})")
        return _Problem(f"a server that is not S3 or not well (it answers {code or error})")
    except (BotoCoreError, ValueError) as error:
        return _Problem(f"something that is not S3 ({type(error).__name__})")
    return None if "Owner" in answer or answer.get("Buckets") else _Problem("a web server that is not S3")


def _taken(settings: Settings, problem: _Problem) -> BucketError:
    return BucketError(
        f"at {settings.s3_endpoint} listens {problem.what_is_there}; stop it, set NETFLIX_S3_ENDPOINT to a free "
        "port, or set NETFLIX_S3_ACCESS_KEY and NETFLIX_S3_SECRET_KEY to that server's keys"
    )


def _local_address(settings: Settings) -> str:
    """`host:port` of the settings' address, if a server of ours can listen there."""
    parts = urlsplit(settings.s3_endpoint)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK_HOSTS or parts.path.strip("/"):
        raise SettingsError(
            f"no S3 server answers at {settings.s3_endpoint}, and one of our own can only be at a local address "
            "such as http://127.0.0.1:9000; set NETFLIX_S3_ENDPOINT to that or to a server that runs"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{parts.port or 80}"


def _log_file(settings: Settings) -> Path:
    return settings.log_path / "s3.log"


@contextmanager
def _started_on_a_free_port(settings: Settings) -> Iterator[Settings]:
    for attempt in range(_PORT_TRIES):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        here = settings.with_s3_endpoint(f"http://{address}")
        with ExitStack() as stack:
            try:
                stack.enter_context(_started(here, address))
            except BucketError as error:
                # Between our look and rclone's start another process may take the port.
                if attempt + 1 < _PORT_TRIES and "address already in use" in str(error):
                    continue
                raise
            yield here
            return


@contextmanager
def _started(settings: Settings, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the server and wait until it answers; end it with the block."""
    if "," in settings.s3_access_key + settings.s3_secret_key or len(settings.s3_access_key) < 3:
        raise SettingsError(
            "the local S3 server needs an access key of 3 or more characters, and no comma in either key; "
            "set NETFLIX_S3_ACCESS_KEY and NETFLIX_S3_SECRET_KEY"
        )
    rclone = rclone_path()
    _make_writable(settings.s3_root)
    _make_writable(settings.log_path)
    token = (secrets.token_hex(8), secrets.token_hex(16))
    log = _log_file(settings)
    with _own_cache(settings, address) as cache:
        with log.open("ab") as log_file:
            log_start = log_file.tell()
            process = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "s3-guard", *command(settings, address, rclone=rclone)],
                env=environment(settings, cache, token),
                stdin=subprocess.PIPE,
                stdout=log_file,
                stderr=log_file,
                # Ctrl-C in a terminal reaches us only, so that the server outlives the work we still finish.
                start_new_session=True,
            )
        try:
            own = replace(settings, s3_access_key=token[0], s3_secret_key=token[1])
            _wait_until_ready(own, process, log, log_start)
            yield process
        finally:
            _stop(process)


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(
            f"cannot write to {folder} ({error.strerror}); make it writable or set NETFLIX_HOME to another folder"
        ) from error


@contextmanager
def _own_cache(settings: Settings, address: str) -> Iterator[Path]:
    """A cache folder that no other running server uses, ours until the end of the block or of the process.

    Two servers on one hash database wait for each other, a quarter of a second for every object written.
    """
    for number in range(_CACHES):
        cache = settings.home / "rclone" / str(number)
        _make_writable(cache)
        with (cache / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError as error:
                raise SettingsError(
                    f"files in {cache} cannot be locked ({error.strerror}), as on some network file systems; set "
                    "NETFLIX_HOME to a folder on a disk of this machine"
                ) from error
            lock.truncate(0)
            lock.write(address)
            lock.flush()
            yield cache
            return
    raise BucketError(f"{_CACHES} local S3 servers already run for {settings.home}; stop some of them")


def _wait_until_ready(settings: Settings, process: subprocess.Popen[bytes], log: Path, log_start: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    problem: _Problem | None = None
    while process.poll() is None and time.monotonic() < deadline:
        if _listens(settings):
            problem = _probe(settings)
            if problem is None:
                return
        time.sleep(0.02)
    what = "did not start" if process.poll() is not None else f"did not answer within {START_SECONDS:.0f} s"
    why = _last_line(log, log_start) or (problem.what_is_there if problem else "it said nothing")
    raise BucketError(f"the local S3 server at {settings.s3_endpoint} {what} ({why}); see {log}")


def _listens(settings: Settings) -> bool:
    parts = urlsplit(settings.s3_endpoint)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=1):
            return True
    except OSError:
        return False


def _last_line(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read()[-2000:].decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
