"""The README's two pictures of the Dagster UI, from a real demo: `make pictures`."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from netflix_assets.settings import PROJECT_ROOT, Settings
from netflix_assets_tests import chromium
from netflix_assets_tests.browser.running import dev_server, environment

IMAGES = PROJECT_ROOT / "docs" / "images"
LARGEST_BYTES = 300_000
# One mart and everything above it: all 40 assets at once cannot be read in a README's width.
_LINEAGE = "/assets/mart/movie_analysis?view=lineage&lineageScope=upstream&lineageDepth=10"


def main() -> None:
    """Build the sample data, open the UI, and take the pictures."""
    if not chromium.is_there():
        raise SystemExit(chromium.MISSING)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
        free.close()
        settings = Settings.from_environment({"NETFLIX_HOME": home, "NETFLIX_S3_ENDPOINT": endpoint})
        subprocess.run([sys.executable, "-m", "netflix_assets.cli", "demo"], env=environment(settings), check=True)
        with dev_server(settings) as dev, chromium.browser() as browser:
            page = browser.new_page(base_url=dev.url, viewport={"width": 1700, "height": 950})
            page.goto(_LINEAGE)
            page.get_by_text("fact_ratings").first.wait_for()
            page.wait_for_timeout(5_000)
            take(page.screenshot(), IMAGES / "lineage.png")
            page.goto("/assets/raw/raw_ratings?view=checks")
            page.get_by_text("rows in the table").first.wait_for()
            page.wait_for_timeout(2_000)
            take(page.screenshot(), IMAGES / "asset.png")


def take(picture: bytes, path: Path) -> None:
    """Keep a picture that is small enough for a README."""
    if len(picture) > LARGEST_BYTES:
        raise SystemExit(f"{path.name} has {len(picture):,} bytes, more than {LARGEST_BYTES:,}")
    path.write_bytes(picture)


if __name__ == "__main__":
    main()
