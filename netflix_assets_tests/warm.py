"""An environment for tests whose Python starts in no time: a process that has imported our libraries forks for it.

Importing is most of what a command of ours, of dbt or of Dagster takes, and the suite runs some two hundred. What is
forked is a Python that has our libraries loaded and nothing of ours; it runs the same program with the arguments,
environment, folder, files and mounts of the one who called. Whatever that starts in turn, is of this environment too.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import spawn
from pathlib import Path
from typing import Any

from netflix_assets.settings import PROJECT_ROOT

_LIBRARIES = (
    *("altair", "boto3", "duckdb", "jinja2", "rich.console", "sqlalchemy.dialects.sqlite", "vl_convert"),
    *("dagster", "dagster_dbt", "dagster_dg_cli.cli", "dagster_postgres", "dagster_webserver.app"),
    *("dagster._cli.api", "dagster._daemon.daemon", "dagster._grpc.server", "dagster_graphql.schema"),
    *("dbt.adapters.duckdb", "dbt.adapters.snowflake", "dbt.cli.main", "sqlglot.dialects.athena"),
)
_ANY_PROJECT = {
    "dbt_project.yml": "{name: any, profile: any, flags: {send_anonymous_usage_stats: false}}",
    "profiles.yml": "any: {target: any, outputs: {any: {type: duckdb, path: any.duckdb}}}",
    "models/any.sql": "select 1 as number",
    "models/any.yml": """\
models: [{name: any, columns: [{name: number, data_tests: [not_null]}]}]
sources: [{name: any_source, tables: [{name: any_table}]}]
""",
    "seeds/sown.csv": "number\n1\n",
}
_LOOK_FOR_STARTER_SECONDS = 5
_NEW_MOUNTS = 0x00020000  # CLONE_NEWNS
# Python acts on others before it runs anything: where they are set, it is started as usual. The last is dagster-dbt's,
# for Windows.
_KNOWN_OF_PYTHON = (
    *("PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONUTF8"),
    "PYTHONLEGACYWINDOWSSTDIO",
)
_CLIENT = """\
#!{real} -IS
import json, os, signal, socket, sys

program, *arguments = sys.argv
def is_given(number):
    try:
        return number < 3 or os.get_inheritable(number)
    except OSError:
        return False

def start_cold():
    os.execv({real!r}, [program, *arguments])

of_ours = arguments[:1] in (["-c"], ["-m"]) or os.path.dirname("".join(arguments[:1])) == {bin!r}
others = {{name for name in os.environ if name.startswith("PYTHON")}} - {{*{known!r}}}
if others or not of_ours or os.environ.get("PYTHONUTF8", "1") != "1":
    start_cold()
files = [number for number in map(int, os.listdir("/proc/self/fd")) if is_given(number)]
with socket.socket(socket.AF_UNIX) as server:
    try:
        server.connect({address!r})
    except OSError:
        start_cold()
    socket.send_fds(server, [b"."], files)
    mounts, ignored = os.readlink("/proc/self/ns/mnt"), signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    call = [program, arguments, dict(os.environ), os.getcwd(), files, os.getpid(), mounts, ignored]
    server.sendall(json.dumps(call).encode() + b"\\n")
    for number in files[3:]:
        os.close(number)
    answers = server.makefile()
    number = int(answers.readline())
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_, lambda which, _frame: os.kill(number, which))
    code = int(answers.readline())
    if code < 0:
        if code not in (-signal.SIGKILL, -signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
"""


def is_warm() -> bool:
    """Return whether this process, and with it what it starts, is of such an environment."""
    return Path(sys.executable).read_bytes()[:2] == b"#!"


@contextmanager
def warm_environment(folder: Path) -> Iterator[Path]:
    """Make an environment of this one's packages and programs; returns the folder of its programs.

    The process behind its Python is started by the first call, and ended with the block.
    """
    # The length of a socket's path is limited; that of a test's folder is not.
    address = f"\0netflix-warm-{os.getpid()}-{id(folder)}"
    real = Path(sys.executable).resolve()
    bin_ = _environment(folder, real, address)
    servers: list[subprocess.Popen[bytes]] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        first_call, ended = socket.socketpair()

        def start() -> None:
            if listening in select.select([listening, first_call], [], [])[0]:
                number = listening.fileno()
                command = [str(bin_ / "python"), "-m", __name__, str(number)]
                environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
                servers.append(
                    subprocess.Popen(
                        command,
                        executable=real,
                        pass_fds=[number],
                        cwd=PROJECT_ROOT,
                        env={**environment, "PYTHONUTF8": "1"},
                    )
                )

        starter = threading.Thread(target=start, daemon=True)
        starter.start()
        try:
            yield bin_
        finally:
            ended.close()
            starter.join()
            first_call.close()
            for server in servers:
                server.terminate()
                server.wait()


def _environment(folder: Path, real: Path, address: str) -> Path:
    """Make the environment; returns the folder of its programs."""
    ours, bin_ = Path(sys.prefix), folder / "bin"
    bin_.mkdir(parents=True)
    shutil.copy(ours / "pyvenv.cfg", folder)
    for libraries in ours.glob("lib*"):
        (folder / libraries.name).symlink_to(libraries.resolve())
    python = bin_ / "python"
    python.write_text(_CLIENT.format(real=str(real), address=address, bin=str(bin_), known=_KNOWN_OF_PYTHON))
    python.chmod(0o755)
    for program in (ours / "bin").iterdir():
        if not program.is_file() or program.name == python.name:
            continue
        if program.name.startswith("python"):
            (bin_ / program.name).symlink_to(python)
            continue
        with program.open("rb") as opened:
            is_script = opened.read(2) == b"#!"
        if is_script:
            (bin_ / program.name).write_text(program.read_text().replace(f"{ours}/bin/", f"{bin_}/"))
            (bin_ / program.name).chmod(0o755)
        else:
            (bin_ / program.name).symlink_to(program.resolve())
    return bin_


def parse_anything() -> None:
    """Have dbt parse a project of one model, twice.

    At the first use of each of its classes dbt compiles how they are checked, read and written, which takes it most of
    a second in each process. Nothing is built, and no reference is parsed: neither a DuckDB that was open nor the
    threads of dbt's static parser survive a fork.
    """
    from dbt.adapters.factory import reset_adapters
    from dbt.cli.main import dbtRunner

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in _ANY_PROJECT.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text)
        # For its locks it starts a process, which of ours would hold itself open.
        spawn.set_executable(str(Path("/proc/self/exe").readlink()))
        for _ in range(2):
            where = ["--project-dir", name, "--profiles-dir", name, "--log-path", name]
            parsed = dbtRunner().invoke(["--log-level", "none", "--no-static-parser", "parse", *where])
            assert parsed.success, parsed.exception
    reset_adapters()  # type: ignore[no-untyped-call]
    spawn.set_executable(sys.executable)


def keep_what_was_parsed() -> None:
    """Have dbt take in this process what it has parsed for another home, where only the warehouse's path is another.

    It would parse everything again, which takes longer than most builds of tests. No node depends on the path.
    """
    from dbt.adapters.duckdb.credentials import DuckDBCredentials

    keys: Callable[[Any], tuple[str, ...]] = DuckDBCredentials._connection_keys

    def without_path(self: Any) -> tuple[str, ...]:
        return tuple(key for key in keys(self) if key != "path")

    setattr(DuckDBCredentials, keys.__name__, without_path)


def read_migrations_once() -> None:
    """Have this process read once which versions of its databases Dagster knows, rather than for each that it opens."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    read = ScriptDirectory.from_config
    kept: dict[tuple[object, ...], ScriptDirectory] = {}

    def read_once(config: Config) -> ScriptDirectory:
        place = (config.config_file_name, config.get_main_option("script_location"))
        if place not in kept:
            kept[place] = read(config)
        return kept[place]

    setattr(ScriptDirectory, read.__name__, staticmethod(read_once))


def serve(listening: socket.socket) -> None:
    """Fork for each call, until terminated or the process that started this one is gone."""
    for library in _LIBRARIES:
        importlib.import_module(library)
    parse_anything()
    keep_what_was_parsed()
    read_migrations_once()
    gc.collect()
    gc.freeze()
    # Children that ended are not waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    starter = os.getppid()
    while os.getppid() == starter:
        if not select.select([listening], [], [], _LOOK_FOR_STARTER_SECONDS)[0]:
            continue
        call, _ = listening.accept()
        with call:
            if os.fork() == 0:
                listening.close()
                _answer(call)


def _answer(call: socket.socket) -> None:
    """Run one program in a process of its own, and tell its number and its exit code. Does not return."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, files, _, _ = socket.recv_fds(call, 1, 64)
    text = b""
    while not text.endswith(b"\n"):
        part = call.recv(1 << 16)
        if not part:
            os._exit(1)
        text += part
    number = os.fork()
    if number == 0:
        call.close()
        program, arguments, environment, folder, numbers, caller, mounts, ignored = json.loads(text)
        _take_over(files, numbers)
        # As a shell has it for what runs in the background; what started the process of the suite may have been that.
        signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.default_int_handler)
        _be(program, arguments, environment, folder, caller, mounts)
    for file in files:
        os.close(file)
    call.sendall(f"{number}\n".encode())
    # Who kills the caller means the program.
    if call in select.select([call, os.pidfd_open(number)], [], [])[0]:
        os.kill(number, signal.SIGKILL)
    _, status = os.waitpid(number, 0)
    with suppress(BrokenPipeError):
        call.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _be(program: str, arguments: list[str], environment: dict[str, str], folder: str, caller: int, mounts: str) -> None:
    """Be the Python that was called. Does not return."""
    code = 1
    try:
        if mounts != str(Path("/proc/self/ns/mnt").readlink()):
            own = os.open(f"/proc/{caller}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
            assert ctypes.CDLL(None, use_errno=True).setns(own, _NEW_MOUNTS) == 0, os.strerror(ctypes.get_errno())
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        sys.executable = program
        sys.orig_argv = [program, *arguments]
        # Those of the folder of the call may be others.
        for name in [name for name in sys.modules if name.partition(".")[0].startswith("netflix_assets")]:
            del sys.modules[name]
        sys.path[1:1] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
        _run(arguments, folder)
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:  # noqa: BLE001 (what ends a process with a traceback)
        sys.excepthook(type(error), error, error.__traceback__)
        code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    finally:
        end_as_python_does()
        if code < 0:
            signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
        os._exit(code)


def end_as_python_does() -> None:
    """Wait for threads, call what is to be called at the end, and write what is not written yet: a fork does not."""
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()


def _take_over(files: list[int], numbers: list[int]) -> None:
    """Have the files at the numbers that they have where the call came from."""
    above = max((*files, *numbers)) + 1
    for offset, file in enumerate(files):
        os.dup2(file, above + offset)
        os.close(file)
    for offset, number in enumerate(numbers):
        os.dup2(above + offset, number)
        os.close(above + offset)


def _run(arguments: list[str], folder: str) -> None:
    """Run what Python was called with: a module, a text, or a script."""
    first, *others = arguments
    main: Any = types.ModuleType("__main__")
    main.__builtins__ = __builtins__
    sys.modules["__main__"] = main
    if first == "-m":
        sys.path[0] = folder
        sys.argv = others
        runpy._run_module_as_main(others[0])  # type: ignore[attr-defined]
    elif first == "-c":
        sys.path[0] = ""
        sys.argv = ["-c", *others[1:]]
        exec(compile(others[0], "<string>", "exec"), vars(main))
    else:
        sys.path[0] = str(Path(first).parent)
        sys.argv = arguments
        main.__file__ = first
        exec(compile(Path(first).read_bytes(), first, "exec"), vars(main))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
