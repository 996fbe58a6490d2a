"""Names in the account that no setting gives: they follow from the name of the database.

Names of service users, their roles and warehouses are settings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from netflix_assets.errors import InfraError
from netflix_assets.settings import SnowflakeSettings

_LARGEST_PULL_REQUEST = 999_999_999


@dataclass(frozen=True)
class Names:
    """Names that go with a database.

    Attributes:
        database: The database.
    """

    database: str

    @classmethod
    def of(cls, snowflake: SnowflakeSettings) -> Names:
        """The names that go with the database of the settings."""
        return cls(snowflake.database)

    @property
    def dev_database(self) -> str:
        """The twin for development."""
        return f"{self.database}_DEV"

    @property
    def developer_role(self) -> str:
        """Role of the people who develop; owns the twin."""
        return f"{self.database}_DEVELOPER"

    @property
    def developer_warehouse(self) -> str:
        """Warehouse of these."""
        return f"{self.database}_DEVELOPING"

    @property
    def cloner_role(self) -> str:
        """Role that makes and drops clones."""
        return f"{self.database}_CLONER"

    @property
    def costs_role(self) -> str:
        """Role that owns the view of costs."""
        return f"{self.database}_COSTS"

    @property
    def admin_database(self) -> str:
        """What administrators show of the account; apart, so that clones and counts of rows leave it out."""
        return f"{self.database}_ADMIN"

    @property
    def costs_view(self) -> str:
        """One row a query: its tag, credits, bytes scanned."""
        return f"{self.admin_database}.OPERATIONS.QUERY_COSTS"

    @property
    def resource_monitor(self) -> str:
        """Limits the credits of all warehouses together."""
        return f"{self.database}_MONTHLY"

    @property
    def storage_integration(self) -> str:
        """How Snowflake reads the bucket."""
        return f"{self.database}_S3"

    @property
    def network_policy(self) -> str:
        """Where the reporter may sign in from."""
        return f"{self.database}_REPORTER_NETWORK"

    @property
    def is_copy(self) -> bool:
        """Whether the database itself is the twin for development or the clone of a pull request."""
        return re.search(r"_(DEV|PR_[1-9]\d*)$", self.database) is not None

    def is_clone_name(self, name: str) -> bool:
        """Whether a database of this name is a clone of the database for a pull request."""
        return re.fullmatch(re.escape(self.database) + r"_PR_[1-9]\d*", name) is not None

    def clone(self, pull_request: int) -> str:
        """The clone for a pull request.

        Raises:
            InfraError: There is no such pull request, or the database is a copy itself.
        """
        if self.is_copy:
            raise InfraError(
                f"{self.database} is itself a twin or a clone, which is not cloned; run this where "
                "NETFLIX_SNOWFLAKE_DATABASE is the production database"
            )
        if not 1 <= pull_request <= _LARGEST_PULL_REQUEST:
            raise InfraError(f"{pull_request} is not the number of a pull request; give one from 1 on")
        return f"{self.database}_PR_{pull_request}"
