"""An emulated account as tests use it: settings that lead to it, with a database, a stage and keys of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from netflix_assets.loading.snowflake_connection import close_sessions
from netflix_assets.settings import Duty, Settings, Target
from netflix_assets_tests.emulator.server import Emulator

ACCOUNT = "myorg-emulated"


class Account:
    """A running emulator whose service users all have one key.

    Attributes:
        emulator: The server.
        key_path: The private key.
    """

    def __init__(self, emulator: Emulator, key_path: Path) -> None:
        self.emulator = emulator
        self.key_path = key_path

    def environment(self, database: str) -> dict[str, str]:
        """What a user sets to work with this account."""
        return {
            "NETFLIX_TARGET": Target.SNOWFLAKE.value,
            "NETFLIX_S3_BUCKET": "movielens",
            "NETFLIX_SNOWFLAKE_ACCOUNT": ACCOUNT,
            "NETFLIX_SNOWFLAKE_HOST": "127.0.0.1",
            "NETFLIX_SNOWFLAKE_PORT": str(self.emulator.port),
            "NETFLIX_SNOWFLAKE_PROTOCOL": "http",
            "NETFLIX_SNOWFLAKE_DATABASE": database,
            **{f"NETFLIX_SNOWFLAKE_{duty.name}_PRIVATE_KEY_PATH": str(self.key_path) for duty in Duty},
        }

    def settings(self, local: Settings, database: str) -> Settings:
        """The same home and bucket, with this account's database as the warehouse."""
        snowflake = Settings.from_environment(self.environment(database)).snowflake
        return replace(local, target=Target.SNOWFLAKE, snowflake=snowflake)

    @contextmanager
    def database(self, local: Settings, name: str) -> Iterator[Settings]:
        """An empty database with a stage over the bucket, gone at the end of the block."""
        self.emulator.create_database(name)
        self.emulator.create_stage(f"{name}.RAW.LANDING", f"s3://{local.bucket}/")
        try:
            yield self.settings(local, name)
        finally:
            self.emulator.drop_database(name)


@contextmanager
def running_account(settings: Settings, folder: Path) -> Iterator[Account]:
    """An account that reads buckets from the S3 server of these settings."""
    # Short, because the connector validates it whenever it signs in: 0.13 s with 2048 bits.
    key = rsa.generate_private_key(65537, 1024)
    path = folder / "key.p8"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    emulator = Emulator(settings)
    for duty in Duty:
        emulator.register(f"MOVIELENS_{duty.name}", key.public_key())
    with emulator.running():
        yield Account(emulator, path)
        close_sessions()
