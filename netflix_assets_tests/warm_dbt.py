"""A `dbt` for tests that starts in no time: a process that has imported dbt already forks for each command.

Importing is 3.5 of the 5.5 seconds that any dbt command takes, and the suite runs some eighty. What is forked is dbt's
own command line with the arguments, environment, folder and streams of the one who called: what runs is the same.
"""

from __future__ import annotations

import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOOK_FOR_STARTER_SECONDS = 5
_CLIENT = """\
#!{python} -IS
import json, os, signal, socket, sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"."], [0, 1, 2])
    server.sendall(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode() + b"\\n")
    answers = server.makefile()
    number = int(answers.readline())
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_, lambda which, _frame: os.kill(number, which))
    sys.exit(int(answers.readline()))
"""


def python_beside(dbt: Path, folder: Path) -> Path:
    """Make an environment of this one's packages and programs, but with that `dbt`; returns its Python.

    What is started by it, and whatever that starts, finds that `dbt` beside its own Python.
    """
    ours, bin_ = Path(sys.prefix), folder / "bin"
    bin_.mkdir(parents=True)
    shutil.copy(ours / "pyvenv.cfg", folder)
    for libraries in ours.glob("lib*"):
        (folder / libraries.name).symlink_to(libraries.resolve())
    for program in (ours / "bin").iterdir():
        if program.name == "dbt" or not program.is_file():
            continue
        with program.open("rb") as opened:
            is_script = opened.read(2) == b"#!"
        if is_script:
            (bin_ / program.name).write_text(program.read_text().replace(f"{ours}/bin/", f"{bin_}/"))
            (bin_ / program.name).chmod(0o755)
        else:
            (bin_ / program.name).symlink_to(program.resolve())
    (bin_ / "dbt").symlink_to(dbt)
    return bin_ / Path(sys.executable).name


@contextmanager
def warm_dbt(folder: Path) -> Iterator[Path]:
    """An executable that does what `dbt` does; the process behind it is started by the first call of it."""
    # The length of a socket's path is limited; that of a test's folder is not.
    address = f"\0netflix-dbt-{os.getpid()}-{id(folder)}"
    executable = folder / "dbt"
    executable.write_text(_CLIENT.format(python=sys.executable, address=address))
    executable.chmod(0o755)
    servers: list[subprocess.Popen[bytes]] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        first_call, ended = socket.socketpair()

        def start() -> None:
            if listening in select.select([listening, first_call], [], [])[0]:
                number = listening.fileno()
                servers.append(subprocess.Popen([sys.executable, "-m", __name__, str(number)], pass_fds=[number]))

        starter = threading.Thread(target=start, daemon=True)
        starter.start()
        try:
            yield executable
        finally:
            ended.close()
            starter.join()
            first_call.close()
            for server in servers:
                server.terminate()
                server.wait()


def serve(listening: socket.socket) -> None:
    """Fork for each call, until terminated or the process that started this one is gone."""
    import dbt.adapters.duckdb
    import dbt.cli.main  # noqa: F401

    # A command ends before there is anything to collect.
    gc.freeze()
    gc.disable()
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
    """Run one command in a process of its own, and tell its number and its exit code. Does not return."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(call, 1, 3)
    text = b""
    while not text.endswith(b"\n"):
        part = call.recv(1 << 16)
        if not part:
            os._exit(1)
        text += part
    number = os.fork()
    if number == 0:
        call.close()
        arguments, environment, folder = json.loads(text)
        _run(arguments, environment, folder, streams)
    for stream in streams:
        os.close(stream)
    call.sendall(f"{number}\n".encode())
    # Who kills the caller means dbt.
    if call in select.select([call, os.pidfd_open(number)], [], [])[0]:
        os.kill(number, signal.SIGKILL)
    _, status = os.waitpid(number, 0)
    with suppress(BrokenPipeError):
        call.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _run(arguments: list[str], environment: dict[str, str], folder: str, streams: list[int]) -> None:
    """Be the `dbt` that was called. Does not return."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["dbt", *arguments]
    code = 1
    try:
        from dbt.cli.main import cli

        cli(prog_name="dbt")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
