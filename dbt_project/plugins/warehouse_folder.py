"""A plugin of dbt-duckdb that says in a sentence where the warehouse is missing.

Without it dbt opens the file again and again for minutes, and ends with a traceback.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError


class Plugin(BasePlugin):
    """Looks before each connection is made."""

    def update_connection_config(self, creds: Any, config: dict[str, Any]) -> None:
        """Stop where the file of the warehouse can neither be there nor be made.

        Raises:
            DbtRuntimeError: Its folder is missing.
        """
        folder = Path(creds.path).resolve().parent
        if not folder.is_dir():
            raise DbtRuntimeError(
                f"the folder of the warehouse, {folder}, is not there: `netflix-assets demo` makes it; "
                "set NETFLIX_HOME where it is elsewhere"
            )
