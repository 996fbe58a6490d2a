"""Reads the environment's variables and tells all that is wrong with them at once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from netflix_assets.errors import SettingsError

_IDENTIFIER = re.compile(r"[A-Z_][A-Z0-9_$]*")


class Reader:
    """Every method returns a value that can be worked with; `refuse_if_wrong` says whether it may be used."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read from these variables; an empty one counts as not set."""
        self._environment = environment
        self._problems: list[str] = []

    def get(self, name: str) -> str | None:
        """A variable, or None."""
        return self._environment.get(name, "").strip() or None

    def names_with_prefix(self, prefix: str) -> list[str]:
        """The names of the variables that are set and begin so, sorted."""
        return sorted(name for name in self._environment if name.startswith(prefix) and self.get(name))

    def wrong(self, problem: str) -> None:
        """Note what is wrong: which variable, and what it must be."""
        self._problems.append(problem)

    def required(self, name: str, *, default: str | None = None) -> str:
        """A variable that must be set, unless there is a default."""
        value = self.get(name) or default
        if value is None:
            self.wrong(f"{name} is not set")
        return value or ""

    def matching(self, name: str, pattern: str | re.Pattern[str], what: str, *, default: str | None) -> str:
        """A variable that matches a pattern as a whole; `what` says the pattern in words."""
        value = self.required(name, default=default)
        if self.get(name) is not None and not re.fullmatch(pattern, value):
            self.wrong(f"{name} is {value!r}; it must be {what}")
        return value

    def secret(self, name: str, pattern: str, what: str) -> str | None:
        """A variable that is not shown when it is wrong."""
        value = self.get(name)
        if value is not None and not re.fullmatch(pattern, value):
            self.wrong(f"{name} is malformed; it must be {what}")
        return value

    def fraction(self, name: str, default: float) -> float:
        """A number from 0 to 1."""
        text = self.required(name, default=str(default))
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            self.wrong(f"{name} is {text!r}; it must be a number from 0 to 1")
        return value

    def port(self, name: str, default: int) -> int:
        """A port number."""
        text = self.matching(name, r"[1-9]\d{0,4}", "a port number", default=str(default))
        return int(text) if text.isdigit() else default

    def whole_number(self, name: str, default: int) -> int:
        """A whole number from 1 on."""
        text = self.matching(name, r"[1-9]\d{0,8}", "a whole number from 1 on", default=str(default))
        return int(text) if text.isdigit() else default

    def count(self, name: str, default: int) -> int:
        """A whole number from 0 on."""
        text = self.matching(name, r"\d{1,9}", "a whole number", default=str(default))
        return int(text) if text.isdigit() else default

    def identifier(self, name: str, default: str) -> str:
        """A name that Snowflake takes without quotes."""
        return self.matching(
            name, _IDENTIFIER, "a Snowflake identifier in upper case (letters, digits, _, $)", default=default
        )

    def queue(self, name: str) -> str | None:
        """The URL of an SQS queue, or None."""
        value = self.get(name)
        if value is not None and not re.fullmatch(r"https?://[^/\s]+/\d{12}/[\w-]+", value):
            self.wrong(
                f"{name} is {value!r}; it must be the URL of a standard SQS queue, such as "
                "https://sqs.eu-central-1.amazonaws.com/123456789012/movielens-events"
            )
        return value

    def networks(self, name: str) -> tuple[str, ...]:
        """IPv4 ranges, separated by commas."""
        texts = [text.strip() for text in self.required(name).split(",") if text.strip()]
        for text in texts:
            try:
                everywhere = ipaddress.IPv4Network(text).prefixlen == 0
            except ValueError as error:
                self.wrong(f"{name} has {text!r} ({error}); give ranges such as 203.0.113.0/24")
            else:
                if everywhere:
                    self.wrong(f"{name} has {text!r}, which is everywhere; give the ranges that are used")
        return tuple(texts)

    def refuse_if_wrong(self) -> None:
        """Stop if anything was wrong.

        Raises:
            SettingsError: Names every variable that is missing or malformed.
        """
        if self._problems:
            raise SettingsError("; ".join(self._problems) + " (see .env.example)")
