"""What statements and requests cost at published rates: pure functions over what an emulated account has received.

Seconds are on paper, for 32 million ratings: a statement takes `STATEMENT_SECONDS`, and what the big tables that it
reads whole take at `MB_A_SECOND`. Rates: Snowflake's Service Consumption Table (credits and dollars, Enterprise, AWS
us-east-1) and its user guide on Snowpipe's costs (credits a GB); Amazon S3's price list (requests, us-east-1).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from netflix_assets_tests.emulator.patches import Statement

STATEMENT_SECONDS = 0.3
CLOUD_SERVICES_SECONDS = 0.1
"""What a statement takes that needs no warehouse."""

MB_A_SECOND = 100.0
"""What an XS warehouse reads; like the above an estimate, not a rate."""

SUSPENDS_AFTER_SECONDS = 60.0
"""As `infra_sql` sets it; it is the least that Snowflake bills of a start as well."""

CREDITS_AN_HOUR = 1.0
DOLLARS_A_CREDIT = 3.0
DOLLARS_A_LIST_OR_PUT = 0.005 / 1000
DOLLARS_A_GET = 0.0004 / 1000
SNOWPIPE_CREDITS_A_GB = 0.0037
GB_OF_A_MONTH = 0.004
GB_OF_ALL = 0.877

MB = {"raw_ratings": 300.0, "src_ratings": 300.0, "fact_ratings": 300.0, "fact_user_rating_days": 60.0}
MB |= {"raw_genome_scores": 80.0, "src_genome_scores": 80.0, "fact_genome_scores": 80.0}
"""Compressed size of each big table, on paper; a view takes what is below it."""

_TIMES = {"rating_month", "rated_at", "rated_at_epoch", "rated_on", "timestamp"}
_COMPUTE = ("select", "insert", "delete", "update", "merge", "copy", "with")


@dataclass(frozen=True)
class Whole:
    """A statement that reads a big table whole.

    Attributes:
        asset: What Dagster says it was for, or what dbt says.
        kind: Its first words.
        tables: The tables.
    """

    asset: str
    kind: str
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Bill:
    """What one piece of work comes to.

    Attributes:
        kinds: How many statements of each kind.
        computing: How many of them need a warehouse.
        whole: Those that read big tables whole.
        wakes: How often each user's warehouse wakes.
        awake: Seconds that the warehouses are awake.
        requests: S3 requests of each operation.
    """

    kinds: Counter[str]
    computing: int
    whole: tuple[Whole, ...]
    wakes: Counter[str]
    awake: float
    requests: Counter[str]

    @property
    def credits(self) -> float:
        """Snowflake credits."""
        return self.awake / 3600 * CREDITS_AN_HOUR

    @property
    def dollars(self) -> float:
        """Of credits and requests; S3 takes nothing for a DELETE."""
        gets = self.requests["GetObject"]
        others = self.requests.total() - gets - self.requests["DeleteObject"]
        return self.credits * DOLLARS_A_CREDIT + gets * DOLLARS_A_GET + others * DOLLARS_A_LIST_OR_PUT

    def figures(self) -> dict[str, Any]:
        """For the last line."""
        return {
            "statements": self.kinds.total(),
            "on_a_warehouse": self.computing,
            "by_kind": dict(self.kinds.most_common()),
            "read_whole": Counter(table for one in self.whole for table in one.tables),
            "mb_read_whole": round(sum(MB[table] for one in self.whole for table in one.tables)),
            "warehouse_wakes": dict(self.wakes),
            "seconds_awake": round(self.awake),
            "requests": dict(self.requests),
            "credits": round(self.credits, 4),
            "dollars": round(self.dollars, 4),
        }


def bill(statements: Sequence[Statement], requests: Counter[str]) -> Bill:
    """Reckon up what was received, as if each statement came when the one before it was done."""
    kinds, wakes, whole = Counter[str](), Counter[str](), list[Whole]()
    now, awake, busy_until, computing = 0.0, 0.0, dict[str, float](), 0
    for statement in statements:
        words = _bare(statement.sql).lower().split()
        kind = _kind(words)
        kinds[kind] += 1
        tables = read_whole(statement.sql) if needs_a_warehouse(words) else ()
        if tables:
            whole.append(Whole(_for(statement), kind, tables))
        started = now
        if not needs_a_warehouse(words):
            now += CLOUD_SERVICES_SECONDS
            continue
        computing += 1
        now += STATEMENT_SECONDS + sum(MB[name] for name in tables) / MB_A_SECOND
        suspended = busy_until.get(statement.user, float("-inf")) + SUSPENDS_AFTER_SECONDS
        if started > suspended:
            wakes[statement.user] += 1
            awake += now - started + SUSPENDS_AFTER_SECONDS
        else:
            awake += now - busy_until[statement.user]
        busy_until[statement.user] = now
    return Bill(kinds, computing, tuple(whole), wakes, awake, requests)


def _bare(sql: str) -> str:
    return re.sub(r"/\*.*?\*/", "", sql, flags=re.DOTALL).strip()


def _kind(words: Sequence[str]) -> str:
    of = next((word for word in words[1:6] if word in ("table", "view", "session", "schema")), "")
    return f"{words[0]} {of}".strip() if words[0] in ("create", "alter", "drop") else words[0]


def _for(statement: Statement) -> str:
    """What a statement was for: dbt writes its node into a comment, a load its asset into the session's tag."""
    if found := re.search(r'"node_id": "([^"]+)"', statement.sql):
        return found[1].removeprefix("model.").removeprefix("test.")
    try:
        tag = json.loads(statement.tag or "{}")
    except ValueError:
        return statement.tag
    return str(tag.get("asset", ""))


def needs_a_warehouse(words: Sequence[str]) -> bool:
    """Whether a statement computes; the others are done by Snowflake's cloud services."""
    return words[0] in _COMPUTE or (words[0] == "create" and "as" in words and "view" not in words[:6])


@lru_cache(maxsize=10_000)
def read_whole(sql: str) -> tuple[str, ...]:
    """Return the big tables that a statement reads without a condition on times, which Snowflake would prune by.

    A count without conditions is answered from metadata.
    """
    if not any(name in sql.lower() for name in MB):
        return ()
    try:
        parsed = sqlglot.parse_one(sql, dialect="snowflake")
    except sqlglot.ParseError:
        return ()
    is_change = isinstance(parsed, exp.Create | exp.Insert | exp.Delete | exp.Update | exp.Merge)
    target = parsed.this.find(exp.Table) if is_change and parsed.this is not None else None
    found = []
    for table in parsed.find_all(exp.Table):
        name = table.name.lower()
        if name not in MB or (table is target and not isinstance(parsed, exp.Delete)):
            continue
        select = table.find_ancestor(exp.Select, exp.Delete)
        if select is None or not (_is_a_count(select) or _is_for_columns(parsed) or _is_of_times(select)):
            found.append(name)
    return tuple(found)


def _is_for_columns(parsed: exp.Expr) -> bool:
    """Whether a query asks for its columns alone: `where false`."""
    where = parsed.args.get("where")
    return where is not None and where.this == exp.false()


def _is_a_count(select: exp.Expr) -> bool:
    """Whether a query is `select count(*) from table`, maybe with a literal beside it."""
    counts = [one for one in select.expressions if not isinstance(one.unalias(), exp.Literal)]
    plain = not any(select.args.get(part) for part in ("where", "group", "joins", "qualify"))
    return plain and len(counts) == 1 and isinstance(counts[0].unalias(), exp.Count)


def _is_of_times(select: exp.Expr) -> bool:
    """Whether the condition of a query compares a time with what is written there."""
    condition = select.args.get("where")
    return condition is not None and any(
        isinstance(comparison.this, exp.Column | exp.Cast)
        and any(column.name.lower() in _TIMES for column in comparison.this.find_all(exp.Column))
        and comparison.expression is not None
        and not list(comparison.expression.find_all(exp.Column))
        for comparison in condition.find_all(exp.GTE, exp.GT, exp.LT, exp.LTE, exp.EQ)
    )


def beside() -> dict[str, float]:
    """What landing the same bytes costs through Snowpipe, and keeping dynamic tables fresh at least, in credits.

    A refresh of dynamic tables runs on a warehouse: one start at least, whatever they are.
    """
    return {
        "first_load_landing_credits": round(SNOWPIPE_CREDITS_A_GB * GB_OF_ALL, 5),
        "one_month_landing_credits": round(SNOWPIPE_CREDITS_A_GB * GB_OF_A_MONTH, 6),
        "refresh_at_least_credits": round(SUSPENDS_AFTER_SECONDS / 3600 * CREDITS_AN_HOUR, 4),
    }
