"""The environment, read once into one typed object.

Nothing else in the package reads `os.environ`, and this module imports nothing else of the package but
its errors.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from netflix_assets.errors import SettingsError

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Target(Enum):
    """Where the graph runs."""

    LOCAL = "local"


@dataclass(frozen=True)
class Settings:
    """Everything that differs from one environment to the next.

    Attributes:
        target: Where the graph runs.
        home: Folder that holds all local state: `s3/`, `warehouse.duckdb`, `dagster/`, `dbt/`, `logs/`.
        bucket: Name of the S3 bucket with the raw files.
        s3_endpoint: Address of the local S3 server.
        s3_access_key: Access key of the local S3 server.
        s3_secret_key: Secret key of the local S3 server.
        max_rejected_fraction: Share of rows (0..1) a load may reject before it fails as a whole.
        schema_prefix: Put before every schema that dbt builds, for a developer's own copy.
    """

    target: Target
    home: Path
    bucket: str
    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: str
    max_rejected_fraction: float
    schema_prefix: str

    def __repr__(self) -> str:
        """Leave the secret out, so that no log or traceback shows it."""
        return f"Settings(target={self.target.value!r}, home={str(self.home)!r}, bucket={self.bucket!r})"

    @property
    def s3_root(self) -> Path:
        """Folder that the local S3 server serves; one sub-folder a bucket."""
        return self.home / "s3"

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file."""
        return self.home / "warehouse.duckdb"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own state: runs, events, schedules."""
        return self.home / "dagster"

    @property
    def dbt_target_path(self) -> Path:
        """Dbt's manifest, partial-parse cache and run results."""
        return self.home / "dbt"

    @property
    def log_path(self) -> Path:
        """Logs of the servers that we start."""
        return self.home / "logs"

    def with_s3_endpoint(self, endpoint: str) -> Settings:
        """The same settings, talking to a local S3 server at another address."""
        return replace(self, s3_endpoint=endpoint)

    def dbt_environment(self) -> dict[str, str]:
        """What dbt's profile and Dagster's child processes read, by variable name."""
        return {
            "NETFLIX_WAREHOUSE_PATH": str(self.warehouse_path),
            "NETFLIX_SCHEMA_PREFIX": self.schema_prefix,
        }

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the `NETFLIX_*` variables.

        Raises:
            SettingsError: Names every variable that is malformed, all at once.
        """
        env = os.environ if environment is None else environment
        problems: list[str] = []

        known = ", ".join(target.value for target in Target)
        target_name = env.get("NETFLIX_TARGET", Target.LOCAL.value)
        target = next((target for target in Target if target.value == target_name), None)
        if target is None:
            problems.append(f"NETFLIX_TARGET is {target_name!r}; known targets: {known}")

        fraction_text = env.get("NETFLIX_MAX_REJECTED_FRACTION", "0.01")
        try:
            fraction = float(fraction_text)
        except ValueError:
            fraction = -1.0
        if not 0 <= fraction <= 1:
            problems.append(f"NETFLIX_MAX_REJECTED_FRACTION is {fraction_text!r}; it must be a number from 0 to 1")

        prefix = env.get("NETFLIX_SCHEMA_PREFIX", "")
        if prefix and not prefix.replace("_", "a").isalnum():
            problems.append(f"NETFLIX_SCHEMA_PREFIX is {prefix!r}; only letters, digits and _ are allowed")

        endpoint = env.get("NETFLIX_S3_ENDPOINT", "http://127.0.0.1:9000")
        if not endpoint.startswith(("http://", "https://")):
            problems.append(f"NETFLIX_S3_ENDPOINT is {endpoint!r}; it must start with http:// or https://")

        if target is None or problems:
            raise SettingsError("; ".join(problems) + " (see .env.example)")
        home = Path(env.get("NETFLIX_HOME") or PROJECT_ROOT / ".netflix").expanduser().absolute()
        return cls(
            target=target,
            home=home,
            bucket=env.get("NETFLIX_S3_BUCKET", "movielens"),
            s3_endpoint=endpoint,
            s3_access_key=env.get("NETFLIX_S3_ACCESS_KEY", "netflix-local"),
            s3_secret_key=env.get("NETFLIX_S3_SECRET_KEY", "netflix-local-secret"),
            max_rejected_fraction=fraction,
            schema_prefix=prefix,
        )
