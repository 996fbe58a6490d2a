"""The resources of steps, as Dagster's Resources page shows them: made from the settings here and nowhere else.

Each has for its configuration what people look for, or override in the launchpad. What a variable of the environment
gave is an `EnvVar`, so that the page names the variable; a secret is nothing else, so that no page shows one. Fields
are named as those of `S3Resource` and `SnowflakeResource`. Neither of these is imported here: dagster-aws takes 1.5 s
of every process and dagster-snowflake 5 s (docs/decisions/5-resources.md).

Dagster on the concept: https://docs.dagster.io/guides/build/external-resources
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
from pydantic import Field

from netflix_assets.errors import SettingsError
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.loading.snowflake_warehouse import SnowflakeWarehouse
from netflix_assets.loading.warehouse import Warehouse
from netflix_assets.reporting.store import OBJECT_KEY, BucketStore, FileStore, ReportStore, report_store
from netflix_assets.settings import Duty, Settings, SnowflakeSettings, Target
from netflix_assets.targets import bucket_from, duckdb_from, snowflake_from

_SECRET = "Never shown; empty where there is none, or where the machine is given what it needs."


class BucketResource(dg.ConfigurableResource[LandingBucket]):
    """The S3 bucket with the raw files, Amazon's or that of the local server."""

    settings: ClassVar[Settings]
    bucket: str = Field(description="Name of the bucket.")
    endpoint_url: str = Field(description="Address of the S3 server.")
    region_name: str = Field(description="AWS region of the bucket.")
    aws_access_key_id: str = Field(description="Access key; empty for what the machine is given (role, profile).")
    aws_secret_access_key: str = Field(description=_SECRET)

    def create_resource(self, context: dg.InitResourceContext) -> LandingBucket:
        """Return the bucket; nothing is connected."""
        settings = replace(
            self.settings,
            bucket=self.bucket.strip(),
            s3_endpoint=self.endpoint_url.strip(),
            s3_region=self.region_name.strip(),
            s3_access_key=self.aws_access_key_id.strip(),
            s3_secret_key=self.aws_secret_access_key.strip() or self.settings.s3_secret_key,
        )
        return bucket_from(settings)


class DuckDBResource(dg.ConfigurableResource[Warehouse]):
    """The local warehouse, one file; dbt builds in the same one."""

    settings: ClassVar[Settings]
    database: str = Field(description="Path of the DuckDB file.")

    def create_resource(self, context: dg.InitResourceContext) -> DuckDBWarehouse:
        """Return the warehouse; nothing is opened."""
        return duckdb_from(self.settings, path=Path(self.database))


class SnowflakeWarehouseResource(dg.ConfigurableResource[Warehouse]):
    """The Snowflake database, as the loader signs in to it; each session is one of dagster-snowflake's."""

    settings: ClassVar[Settings]
    account: str = Field(description="Account identifier, organization-account.")
    database: str = Field(description="Where everything is built.")
    user: str = Field(description="The service user that loads.")
    role: str = Field(description="The role that it works in.")
    warehouse: str = Field(description="The warehouse that it computes on.")
    private_key_path: str = Field(description="File with its private key, PEM (PKCS #8).")
    private_key_password: str = Field(description=_SECRET)

    def create_resource(self, context: dg.InitResourceContext) -> SnowflakeWarehouse:
        """Return the warehouse; nothing is connected."""
        account = _account(self.settings)
        loader = account.users[Duty.LOADER]
        given = replace(
            loader,
            user=self.user.strip(),
            role=self.role.strip(),
            warehouse=self.warehouse.strip(),
            private_key_path=Path(self.private_key_path.strip()).expanduser(),
            private_key_passphrase=self.private_key_password.strip() or loader.private_key_passphrase,
        )
        snowflake = replace(
            account,
            account=self.account.strip(),
            database=self.database.strip(),
            users={**account.users, Duty.LOADER: given},
        )
        return snowflake_from(replace(self.settings, snowflake=snowflake))


class ReportFileResource(dg.ConfigurableResource[ReportStore]):
    """The report, kept as a file on this machine."""

    settings: ClassVar[Settings]
    path: str = Field(description="Path of the HTML page.")

    def create_resource(self, context: dg.InitResourceContext) -> FileStore:
        """Return the store; nothing is read."""
        return FileStore(Path(self.path))

    def outside_of_runs(self) -> ReportStore:
        """Return the store for whoever plans runs."""
        return report_store(self.settings, bucket_from(self.settings))


class ReportObjectResource(dg.ConfigurableResource[ReportStore]):
    """The report, kept as an object of the bucket."""

    settings: ClassVar[Settings]
    bucket: dg.ResourceDependency[LandingBucket]
    key: str = Field(description="Key of the object.")

    def create_resource(self, context: dg.InitResourceContext) -> BucketStore:
        """Return the store; nothing is read."""
        return BucketStore(self.bucket, FileStore(self.settings.report_path), self.key)

    def outside_of_runs(self) -> ReportStore:
        """Return the store for whoever plans runs."""
        return report_store(self.settings, bucket_from(self.settings))


def _account(settings: Settings) -> SnowflakeSettings:
    if settings.snowflake is None:
        raise SettingsError("NETFLIX_TARGET is snowflake, but there are no settings of a Snowflake account")
    return settings.snowflake


def _of(kind: type[Any], settings: Settings) -> type[Any]:
    """Return the kind of resource for an environment; a copy, because Dagster copies what is no field from nowhere."""
    return type(kind.__name__, (kind,), {"settings": settings, "__module__": kind.__module__, "__doc__": kind.__doc__})


def _from(settings: Settings, variable: str, value: str) -> str:
    """Return a value as the variable that gave it, or as it is where it is our default."""
    return dg.EnvVar(variable) if variable in settings.given else value


def _secret(settings: Settings, variable: str) -> str:
    return dg.EnvVar(variable) if variable in settings.given else ""


def _bucket(settings: Settings) -> Any:
    return _of(BucketResource, settings)(
        bucket=_from(settings, "NETFLIX_S3_BUCKET", settings.bucket),
        endpoint_url=_from(settings, "NETFLIX_S3_ENDPOINT", settings.s3_endpoint),
        region_name=_from(settings, "NETFLIX_S3_REGION", settings.s3_region),
        aws_access_key_id=_from(settings, "NETFLIX_S3_ACCESS_KEY", settings.s3_access_key),
        aws_secret_access_key=_secret(settings, "NETFLIX_S3_SECRET_KEY"),
    )


def _duckdb(settings: Settings) -> Any:
    return _of(DuckDBResource, settings)(database=str(settings.warehouse_path))


def _snowflake(settings: Settings) -> Any:
    account = _account(settings)
    loader = account.users[Duty.LOADER]
    prefix, of_loader = "NETFLIX_SNOWFLAKE", f"NETFLIX_SNOWFLAKE_{Duty.LOADER.name}"
    return _of(SnowflakeWarehouseResource, settings)(
        account=_from(settings, f"{prefix}_ACCOUNT", account.account),
        database=_from(settings, f"{prefix}_DATABASE", account.database),
        user=_from(settings, f"{of_loader}_USER", loader.user),
        role=_from(settings, f"{of_loader}_ROLE", loader.role),
        warehouse=_from(settings, f"{of_loader}_WAREHOUSE", loader.warehouse),
        private_key_path=_from(settings, f"{of_loader}_PRIVATE_KEY_PATH", str(loader.private_key_path)),
        private_key_password=_secret(settings, f"{of_loader}_PRIVATE_KEY_PASSPHRASE"),
    )


def _report_file(settings: Settings, _bucket: Any) -> Any:
    return _of(ReportFileResource, settings)(path=str(settings.report_path))


def _report_object(settings: Settings, bucket: Any) -> Any:
    return _of(ReportObjectResource, settings)(bucket=bucket, key=OBJECT_KEY)


WAREHOUSE_RESOURCES: Mapping[Target, Callable[[Settings], Any]] = {
    Target.LOCAL: _duckdb,
    Target.SNOWFLAKE: _snowflake,
}
REPORT_RESOURCES: Mapping[Target, Callable[[Settings, Any], Any]] = {
    Target.LOCAL: _report_file,
    Target.SNOWFLAKE: _report_object,
}


def resources_from(settings: Settings) -> dict[str, Any]:
    """Return the resources of an environment, but dbt's, which its project brings; nothing is connected or opened."""
    bucket = _bucket(settings)
    return {
        "bucket": bucket,
        "warehouse": WAREHOUSE_RESOURCES[settings.target](settings),
        "report_store": REPORT_RESOURCES[settings.target](settings, bucket),
    }
