"""Which fakesnow and sqlglot the emulator's patches are for; anything else is refused by name."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

VERSIONS = {"fakesnow": "0.12.1", "sqlglot": "30.22.0"}
OLDEST_PYTHON = (3, 11)


class UnfitEmulator(RuntimeError):
    """The packages that the emulator patches are not the ones that its patches are for."""


def refuse_other_versions(wanted: dict[str, str] | None = None) -> None:
    """Refuse packages that the patches were not written for: half a patch would emulate something else.

    Raises:
        UnfitEmulator: Names each package, the version found, and the one needed.
    """
    problems = []
    for package, needed in (VERSIONS if wanted is None else wanted).items():
        try:
            found = version(package)
        except PackageNotFoundError:
            problems.append(f"{package} {needed} is not installed")
            continue
        if found != needed:
            problems.append(f"{package} is {found}, not {needed}")
    if problems:
        raise UnfitEmulator(
            f"the Snowflake emulator cannot start: {'; '.join(problems)}; run `make setup`, or look through "
            "netflix_assets_tests/emulator/patches.py and put the new versions into versions.py"
        )


def why_not_here() -> str | None:
    """Why the emulator cannot run on this Python, or None."""
    if sys.version_info < OLDEST_PYTHON:
        return "the Snowflake emulator needs Python 3.11: fakesnow, its base, does"
    return None
