"""The bill of `make bench-cost`: which statements read a big table whole, and when a warehouse wakes."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.bills import SUSPENDS_AFTER_SECONDS, bill, read_whole


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("select count(*) from raw.raw_ratings", ()),
        ("select 'a' as node, count(*) as n from a.fact.fact_ratings union all select 'b', count(*) from b", ()),
        ("select * from (select * from a.fact.fact_ratings) as x where false limit 0", ()),
        ("select max(user_id) from a.fact.fact_ratings where rating_month >= date '2015-03-01'", ()),
        ('delete from raw.raw_ratings where ("timestamp" >= 1 and "timestamp" < 2)', ()),
        ("delete from raw.raw_genome_scores", ("raw_genome_scores",)),
        ("insert into a.fact.fact_ratings (user_id) select user_id from new_rows", ()),
        ("select rating_month, max(load_id) from a.fact.fact_ratings group by 1", ("fact_ratings",)),
        ("select 1 from a.fact.fact_ratings as f join m on f.rating_month = m.rating_month", ("fact_ratings",)),
        ("create table t as (with r as (select * from a.staging.src_ratings) select * from r)", ("src_ratings",)),
        ("select * from a.dim.dim_movies", ()),
    ],
)
def test_a_big_table_is_read_whole_without_a_limit_to_times(sql: str, tables: tuple[str, ...]) -> None:
    assert read_whole(sql) == tables


def test_a_warehouse_wakes_again_after_it_was_left_alone() -> None:
    def sent(user: str, sql: str) -> Any:
        return SimpleNamespace(user=user, sql=sql, tag="")

    aside = [sent("other", "select 1")] * 300
    found = bill([sent("one", "select 1"), sent("one", "rollback"), *aside, sent("one", "select 1")], Counter())
    assert (found.kinds["select"], found.computing, found.whole) == (302, 302, ())
    assert found.wakes == {"one": 2, "other": 1}
    assert found.awake > 3 * SUSPENDS_AFTER_SECONDS
