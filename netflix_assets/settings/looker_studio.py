"""The dashboard in Looker Studio."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from netflix_assets.settings.reader import Reader

LOOKER_PARAMETERS = ("account", "role", "warehouse", "database", "schema", "query")
_ADDRESS = r"https?://.+[^/]"
_PREFIX = "NETFLIX_LOOKER"


@dataclass(frozen=True)
class LookerStudioSettings:
    """What of Looker Studio is known only to those who set it up.

    Attributes:
        url: Address of Looker Studio, without a slash at its end.
        dashboard_url: Address of the finished dashboard, for people to find it; `url` until there is one.
        report_id: Id of the template report, or empty.
        connector_id: Id of the Snowflake connector, or empty.
        parameters: The connector's own name of each of LOOKER_PARAMETERS, or nothing.
    """

    url: str
    dashboard_url: str
    report_id: str
    connector_id: str
    parameters: Mapping[str, str] = field(hash=False)

    @classmethod
    def read(cls, reader: Reader) -> LookerStudioSettings:
        """Read its variables."""
        what = "an address with https://"
        url = reader.matching(f"{_PREFIX}_URL", _ADDRESS, what, default="https://lookerstudio.google.com")
        return cls(
            url=url,
            dashboard_url=reader.matching(f"{_PREFIX}_DASHBOARD_URL", _ADDRESS, what, default=url),
            report_id=reader.get(f"{_PREFIX}_REPORT_ID") or "",
            connector_id=reader.get(f"{_PREFIX}_CONNECTOR_ID") or "",
            parameters=_parameters(reader, f"{_PREFIX}_PARAMETERS"),
        )


def _parameters(reader: Reader, name: str) -> dict[str, str]:
    text = reader.get(name)
    given = dict(re.findall(r"(\w+)=([\w.-]+)", text or ""))
    if text and set(given) != set(LOOKER_PARAMETERS):
        reader.wrong(
            f"{name} is {text!r}; it must give the connector's name of each of {', '.join(LOOKER_PARAMETERS)}, "
            "as in account=ACCOUNT_URL,role=ROLE and so on"
        )
    return given
