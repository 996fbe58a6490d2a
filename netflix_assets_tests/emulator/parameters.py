"""Session parameters: what a session sets, else the account; those that are obeyed, with Snowflake's defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping

OBEYED: Mapping[str, str] = {
    # Snowflake waits 12 hours; here a test that is stuck ends.
    "LOCK_TIMEOUT": "20",
    "QUERY_TAG": "",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": "false",
    "ROWS_PER_RESULTSET": "0",
    "STATEMENT_TIMEOUT_IN_SECONDS": "172800",
    "TRANSACTION_ABORT_ON_ERROR": "false",
}
_SET = re.compile(r"alter\s+session\s+set\s+(.*)", re.IGNORECASE | re.DOTALL)
_UNSET = re.compile(r"alter\s+session\s+unset\s+(.*)", re.IGNORECASE | re.DOTALL)
_ASSIGNMENT = re.compile(r"(\w+)\s*=\s*('(?:[^']|'')*'|[\w.]+)\s*,?\s*")
_SHOW = re.compile(r"show\s+parameters(?:\s+like\s+'([^']*)')?(?:\s+(?:in|for)\s+session)?", re.IGNORECASE)


class Parameters:
    """The parameters of one session.

    Attributes:
        own: What the session has set, by name in upper case.
    """

    def __init__(self, account: Mapping[str, str]) -> None:
        """Begin with none of its own; `account` is looked at whenever one is asked for."""
        self._account = account
        self.own: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        """The value that holds: the session's, else the account's, else Snowflake's."""
        for held in (self.own, self._account, OBEYED):
            if name in held:
                return held[name]
        return ""

    def is_on(self, name: str) -> bool:
        """Whether a parameter that is true or false is true."""
        return self[name].lower() == "true"

    def set_all(self, given: Mapping[str, object]) -> None:
        """Set what a client passes when it signs in."""
        self.own |= {name.upper(): _text(value) for name, value in given.items()}

    def change(self, sql: str) -> bool:
        """Obey an ALTER SESSION; False if the statement is another."""
        if found := _SET.fullmatch(sql):
            rest = found[1].rstrip("; \n")
            if _ASSIGNMENT.sub("", rest):
                return False
            self.own |= {name.upper(): _plain(value) for name, value in _ASSIGNMENT.findall(rest)}
            return True
        if found := _UNSET.fullmatch(sql):
            for name in re.findall(r"\w+", found[1]):
                self.own.pop(name.upper(), None)
            return True
        return False

    def shown(self, sql: str) -> str | None:
        """The query that answers SHOW PARAMETERS, or None for another statement."""
        found = _SHOW.fullmatch(sql.rstrip("; \n"))
        if found is None:
            return None
        pattern = re.compile((found[1] or "%").replace("%", ".*"), re.IGNORECASE)
        names = sorted(name for name in {*OBEYED, *self.own, *self._account} if pattern.fullmatch(name))
        rows = [f"select '{name}' as \"key\", '{_escaped(self[name])}' as \"value\"" for name in names]
        return " union all ".join(rows) or "select '' as \"key\", '' as \"value\" where false"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(value: str) -> str:
    return value[1:-1].replace("''", "'").replace("\\\\", "\\") if value.startswith("'") else value


def _escaped(value: str) -> str:
    return value.replace("'", "''").replace("\\", "\\\\")
