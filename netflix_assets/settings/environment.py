"""What of the user's shell reaches the libraries and programs that we use: what is listed here, and nothing else.

dbt, Dagster, boto and Python itself take hundreds of variables. One that belongs to another project, such as DBT_EMPTY
or AWS_PROFILE, must not decide what this one loads or builds. The S3 server's environment is in `landing/local_s3.py`.
"""

from __future__ import annotations

import locale
import os
import sys
import time
from collections.abc import Mapping

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PROXY = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_NO_PROXY = ("NO_PROXY", "no_proxy")
_KEPT = {
    # Who and where one is, and what a program is found and shown with.
    *("HOME", "USER", "LOGNAME", "SHELL", "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "TEMP", "TMP"),
    *("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"),
    *("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"),
    # How the world outside is reached.
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", *_PROXY, *_NO_PROXY),
    # They change when Python writes, not what.
    *("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"),
    "DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT",
}
_KEPT_PREFIXES = ("NETFLIX_", "XDG_")
# Credentials, region and profile of the machine or of its user: they count where the bucket is Amazon's.
_KEPT_ON_AMAZON = ("AWS_",)
_SET = {"TZ": "UTC", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}


def child_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a program that we start: of the user's only what is listed in this module.

    Args:
        environment: The user's; by default this process's own.
    """
    given = os.environ if environment is None else environment
    local = given.get("NETFLIX_TARGET", "").strip() in ("", "local")
    prefixes = _KEPT_PREFIXES if local else (*_KEPT_PREFIXES, *_KEPT_ON_AMAZON)
    kept = {name: value for name, value in given.items() if name in _KEPT or name.startswith(prefixes)}
    direct = [host for name in _NO_PROXY for host in kept.get(name, "").split(",") if host.strip()]
    reached = ",".join(dict.fromkeys([*direct, *_LOOPBACK]))
    return {**kept, **_SET, **dict.fromkeys(_NO_PROXY, reached)}


def isolate_process() -> None:
    """Give this process that environment too; where Python has acted on the old one already, start it again."""
    clean = child_environment()
    for_python = {name for name in os.environ if name.startswith("PYTHON")} - {*clean}
    if for_python or locale.getpreferredencoding(False).lower().replace("-", "") != "utf8":
        os.execve(sys.executable, sys.orig_argv, clean)
    os.environ.clear()
    os.environ.update(clean)
    time.tzset()
