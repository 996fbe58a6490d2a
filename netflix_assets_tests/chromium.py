"""The machine's own browser, for tests, pictures and measurements; nothing else starts one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

MISSING = "there is no chromium; on Debian: apt-get install chromium"

# The second part keeps it from asking the network for anything.
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def is_there() -> bool:
    """Whether it is installed."""
    return shutil.which("chromium") is not None


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser.

    Raises:
        SystemExit: There is none.
    """
    path = shutil.which("chromium")
    if path is None:
        raise SystemExit(MISSING)
    # Five seconds, its default, are too few where three test processes share two cores.
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield started
        started.close()
