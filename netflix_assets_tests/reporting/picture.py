"""The README's picture of the report, from MovieLens files, through the whole pipeline and a real browser.

python -m netflix_assets_tests.reporting.picture ml-latest-small docs/images/report.png
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from netflix_assets_tests import chromium
from netflix_assets_tests.conftest import isolated_settings

WIDTH = 1280
LAST_SHOWN = "#best"
MOST_BYTES = 300_000


def main(data: str, picture: Path) -> None:
    """Build the report from `data` in a folder of its own, and take the picture."""
    if not chromium.is_there():
        raise SystemExit(chromium.MISSING)
    with tempfile.TemporaryDirectory() as folder:
        settings = isolated_settings(Path(folder) / "home")
        subprocess.run(
            [sys.executable, "-m", "netflix_assets.cli", "demo", data],
            env={
                **os.environ,
                "NETFLIX_HOME": str(settings.home),
                "NETFLIX_S3_ENDPOINT": settings.s3_endpoint,
            },
            check=True,
        )
        with chromium.browser() as browser:
            page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
            page.goto(settings.report_path.as_uri())
            page.locator("html[data-ready]").wait_for(state="attached")
            last = page.locator(LAST_SHOWN).bounding_box()
            assert last is not None
            height = last["y"] + last["height"] + 24
            page.screenshot(path=picture, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
    if picture.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{picture} has {picture.stat().st_size:,} bytes, more than {MOST_BYTES:,}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
