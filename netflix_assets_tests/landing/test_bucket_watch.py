"""What a tick sees: listings that take several ticks, events that name a part, and all that may go wrong with them."""

from __future__ import annotations

import datetime as dt
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from netflix_assets.errors import BucketError, QueueError
from netflix_assets.landing import bucket_watch
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion, sort_into_catalog
from netflix_assets.landing.bucket_watch import BucketWatch, Look
from netflix_assets.landing.overview import overview_of
from netflix_assets.landing.s3_events import EventQueue, Hints
from netflix_assets.settings import Settings

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
DAY = dt.datetime(2026, 3, 1, tzinfo=dt.timezone.utc)
MARCH = "raw/ratings/month=2015-03/"
NOON = 1_800_000_000.0


@dataclass
class Bucket:
    """A bucket in memory, whose pages of 1,000 objects take time by the clock of the test.

    Attributes:
        keys: ETags by key.
        listed: What was asked for: prefix, and the key after which.
        clock: Seconds that have passed.
        page_seconds: What each page takes.
    """

    keys: dict[str, str] = field(default_factory=dict)
    listed: list[tuple[str, str]] = field(default_factory=list)
    clock: float = 0.0
    page_seconds: float = 0.0
    name: str = "movielens"
    away: bool = False

    def versions(self, prefix: str = "raw/", *, after: str = "") -> Iterator[ObjectVersion]:
        self.listed.append((prefix, after))
        if self.away:
            raise BucketError("S3 is away")
        for number, key in enumerate(sorted(self.keys)):
            if number % 1000 == 0:
                self.clock += self.page_seconds
            if key.startswith(prefix) and key > after:
                yield ObjectVersion(key, self.keys[key], 1, DAY + dt.timedelta(microseconds=len(self.keys[key])))

    def fill(self, number: int) -> None:
        self.keys |= {f"{MARCH}{one:07}.csv": "a" for one in range(number)}


@dataclass
class Queue:
    """A queue in memory: what waits in it, and what was deleted."""

    waiting: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    away: bool = False

    def tell(self, *keys: str) -> None:
        self.waiting += keys

    def receive(self, deadline: float) -> Hints:
        if self.away:
            raise QueueError("the queue is away")
        keys, self.waiting = self.waiting, []
        return Hints(set(keys), [f"handle of {key}" for key in keys])

    def delete(self, handles: list[str], deadline: float) -> list[str]:
        self.deleted += handles
        return handles


@dataclass
class Ticks:
    """Ticks one after the other; the cursor of each is stored unless said otherwise."""

    settings: Settings
    bucket: Bucket
    queue: Queue | None = None
    observed: str | None = None
    now: float = NOON

    def look(self, *, stored: bool = True) -> Look:
        queue = cast("EventQueue | None", self.queue)
        with BucketWatch(self.settings, cast("LandingBucket", self.bucket), queue).opened() as watching:
            look = watching.look(self.observed, self.now)
            overview = watching.overview()
        assert overview == overview_of(sort_into_catalog(self.kept()))
        if stored and look.listing is not None:
            self.observed = look.listing.fingerprint
        self.now += 30
        return look

    def kept(self) -> list[ObjectVersion]:
        """The newest complete listing, from its file."""
        with closing(sqlite3.connect(self.settings.listing_path)) as database:
            (table,) = database.execute("select complete from state").fetchone()
            rows = database.execute(f"select key, etag, size, modified from {table}").fetchall()
        return [
            ObjectVersion(key, etag, size, EPOCH + dt.timedelta(microseconds=modified))
            for key, etag, size, modified in rows
        ]

    @property
    def keys(self) -> set[str]:
        return {version.key for version in self.kept()}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    one = Bucket()
    monkeypatch.setattr(bucket_watch, "time", SimpleNamespace(monotonic=lambda: one.clock))
    return one


@pytest.fixture
def ticks(tmp_path: Path, bucket: Bucket) -> Ticks:
    """Every tick lists."""
    return Ticks(replace(Settings.from_environment({"NETFLIX_HOME": str(tmp_path)}), tick_seconds=20), bucket)


@pytest.fixture
def events(ticks: Ticks) -> Ticks:
    """Events come; the first whole listing is over."""
    ticks.bucket.keys |= {"raw/movies.csv": "a", f"{MARCH}1.csv": "a", "raw/what.txt": "a"}
    ticks.queue = Queue()
    ticks.look()
    ticks.bucket.listed.clear()
    return ticks


def queue_of(ticks: Ticks) -> Queue:
    assert ticks.queue is not None
    return ticks.queue


# Listings.


def test_a_listing_tells_every_change_and_its_undoing(ticks: Ticks) -> None:
    keys = ticks.bucket.keys
    keys |= {"raw/movies.csv": "a", "raw/what.txt": "a"}
    first = ticks.look().listing
    assert first is not None
    assert (first.objects, first.unknown, first.unknown_keys) == (2, 1, ("raw/what.txt",))
    assert ticks.look().listing == first
    seen = {first.fingerprint}
    for change in ({"raw/movies.csv": "b"}, {"raw/links.csv": "a"}, {"raw/links.csv": "bb"}):
        keys |= change
        listing = ticks.look().listing
        assert listing is not None
        seen.add(listing.fingerprint)
        assert ticks.keys == set(keys)
    assert len(seen) == 4
    del keys["raw/links.csv"]
    keys["raw/movies.csv"] = "a"
    assert ticks.look().listing == first


def test_a_listing_that_is_longer_than_a_tick_goes_on_from_where_it_was_with_the_outcome_of_one(
    ticks: Ticks, tmp_path: Path
) -> None:
    ticks.bucket.fill(4500)
    whole = ticks.look().listing
    ticks.settings = replace(ticks.settings, home=tmp_path / "another", tick_seconds=2)
    ticks.bucket.page_seconds = 1
    looks = []
    before = ticks.bucket.clock
    while (look := ticks.look()).listing is None:
        looks.append(look.note)
        assert ticks.bucket.clock - before <= 5
        before = ticks.bucket.clock
    assert looks[0] == "; a listing goes on with the next tick, 2,000 objects so far"
    assert look.listing == whole
    assert {prefix for prefix, _ in ticks.bucket.listed} == {"raw/"}
    assert [after for _, after in ticks.bucket.listed][2] == f"{MARCH}0001999.csv"


def test_while_a_listing_goes_on_the_last_complete_one_is_compared(ticks: Ticks) -> None:
    ticks.bucket.fill(3500)
    before = ticks.look().listing
    ticks.bucket.page_seconds = 15
    ticks.bucket.keys["raw/movies.csv"] = "a"
    look = ticks.look()
    assert look.listing == before
    assert "2,000 objects so far" in look.note
    assert "raw/movies.csv" not in ticks.keys


def test_a_listing_that_completes_late_in_a_tick_is_compared_by_the_next_without_another(ticks: Ticks) -> None:
    ticks.bucket.fill(900)
    ticks.bucket.page_seconds = 15
    assert ticks.look().listing is None
    listing = ticks.look().listing
    assert listing is not None
    assert listing.objects == 900
    assert len(ticks.bucket.listed) == 1


def test_a_listing_that_s3_breaks_off_goes_on_with_what_was_read(ticks: Ticks) -> None:
    ticks.bucket.fill(2500)
    ticks.bucket.page_seconds = 11
    assert ticks.look().listing is None
    ticks.bucket.away = True
    with pytest.raises(BucketError, match="S3 is away"):
        ticks.look()
    ticks.bucket.away = False
    ticks.bucket.page_seconds = 0
    ticks.look()
    assert ticks.bucket.listed[-1] == ("raw/", f"{MARCH}0001999.csv")
    assert len(ticks.keys) == 2500


@pytest.mark.parametrize("damage", [b"not a database" * 100, b""])
def test_a_damaged_or_empty_file_is_made_again(ticks: Ticks, damage: bytes) -> None:
    ticks.bucket.keys["raw/movies.csv"] = "a"
    before = ticks.look().listing
    ticks.settings.listing_path.write_bytes(damage)
    assert ticks.look().listing == before


def test_another_bucket_begins_anew(ticks: Ticks) -> None:
    ticks.bucket.keys["raw/movies.csv"] = "a"
    ticks.look()
    ticks.bucket.name, ticks.bucket.keys = "other", {}
    listing = ticks.look().listing
    assert listing is not None
    assert listing.objects == 0


def test_a_file_that_cannot_be_made_is_one_sentence(ticks: Ticks, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ticks.settings = replace(ticks.settings, home=tmp_path / "file" / "home")
    with pytest.raises(BucketError, match=r"cannot be kept in .*bucket_listing.sqlite .*; make room"):
        ticks.look()


# Events.


def test_a_tick_without_events_lists_nothing(events: Ticks) -> None:
    assert events.look().listing is not None
    assert events.bucket.listed == []


def test_an_event_has_its_prefix_listed_and_no_more(events: Ticks) -> None:
    before = events.observed
    events.bucket.keys |= {f"{MARCH}2.csv": "a", "raw/movies.csv": "b", "raw/links.csv": "untold"}
    queue_of(events).tell(f"{MARCH}2.csv", "raw/movies.csv")
    look = events.look()
    assert look.listing is not None
    assert look.listing.fingerprint != before
    assert sorted(events.bucket.listed) == [("raw/movies.csv", ""), (MARCH, "")]
    assert events.keys == {"raw/movies.csv", "raw/what.txt", f"{MARCH}1.csv", f"{MARCH}2.csv"}


def test_messages_are_deleted_once_the_cursor_that_covers_them_is_stored(events: Ticks) -> None:
    events.bucket.keys["raw/links.csv"] = "a"
    queue_of(events).tell("raw/links.csv")
    events.look(stored=False)
    assert events.look().listing is not None
    assert queue_of(events).deleted == []
    events.look()
    assert queue_of(events).deleted == ["handle of raw/links.csv"]


def test_duplicated_late_and_reordered_messages_change_nothing(events: Ticks) -> None:
    before = events.observed
    queue_of(events).tell("raw/movies.csv", f"{MARCH}1.csv", "raw/movies.csv", "raw/gone.csv")
    look = events.look()
    assert look.listing is not None
    assert look.listing.fingerprint == before
    events.look()
    assert len(queue_of(events).deleted) == 3


def test_an_object_put_and_deleted_before_the_tick_is_nothing_new(events: Ticks) -> None:
    before = events.observed
    queue_of(events).tell("raw/tags.csv")
    events.look()
    assert events.observed == before
    assert events.bucket.listed == [("raw/tags.csv", "")]


def test_a_whole_listing_finds_what_no_event_told_and_a_clock_put_back_does_not_put_it_off(events: Ticks) -> None:
    events.bucket.keys["raw/links.csv"] = "a"
    events.look()
    assert "raw/links.csv" not in events.keys
    events.now += 3600
    events.look()
    assert "raw/links.csv" in events.keys
    assert events.bucket.listed == [("raw/", "")]
    events.now -= 7200
    events.look()
    assert events.bucket.listed == [("raw/", "")] * 2


def test_a_queue_that_is_away_is_told_and_everything_listed_until_it_is_back(events: Ticks) -> None:
    queue_of(events).away = True
    events.bucket.keys["raw/links.csv"] = "a"
    look = events.look()
    assert look.note == "; the queue is away; until then everything is listed"
    assert "raw/links.csv" in events.keys
    queue_of(events).away = False
    events.bucket.listed.clear()
    events.look()
    assert events.bucket.listed == []


def test_a_flood_of_messages_has_everything_listed_once(events: Ticks) -> None:
    keys = [f"raw/unknown/{number}" for number in range(100_000)]
    events.bucket.keys |= dict.fromkeys(keys[::50], "a")
    queue_of(events).tell(*keys)
    listing = events.look().listing
    assert listing is not None
    assert listing.objects == 2003
    assert events.bucket.listed == [("raw/", "")]
    events.look()
    assert len(queue_of(events).deleted) == 100_000
    assert events.bucket.listed == [("raw/", "")]


def test_an_event_during_a_whole_listing_is_seen_at_once_and_not_undone_by_it(events: Ticks) -> None:
    events.bucket.fill(3500)
    events.now += 3600
    events.bucket.page_seconds = 11
    events.look()
    events.bucket.keys[f"{MARCH}0000001.csv"] = "b"
    events.bucket.keys["raw/tags.csv"] = "a"
    queue_of(events).tell(f"{MARCH}0000001.csv", "raw/tags.csv")
    events.bucket.page_seconds = 0.1
    events.look()
    assert {"raw/tags.csv"} <= events.keys
    for _ in range(3):
        events.look()
    assert events.keys == set(events.bucket.keys)
    assert {version.key: version.etag for version in events.kept()}[f"{MARCH}0000001.csv"] == "b"


def test_prefixes_that_take_longer_than_a_tick_are_listed_by_the_next_before_their_messages_go(events: Ticks) -> None:
    told = ["raw/links.csv", "raw/movies.csv", "raw/tags.csv"]
    events.bucket.keys |= dict.fromkeys(told, "b")
    queue_of(events).tell(*told)
    events.bucket.page_seconds = 12
    events.look()
    assert events.bucket.listed == [(key, "") for key in told[:2]]
    events.look()
    assert queue_of(events).deleted == []
    assert events.bucket.listed == [(key, "") for key in told]
    events.look()
    assert len(queue_of(events).deleted) == 3


def test_after_any_changes_a_plan_is_made_from_the_same_as_of_a_whole_listing(ticks: Ticks) -> None:
    # What a plan is made from is compared, which decides it with everything else the same.
    keys = [
        *("raw/movies.csv", "raw/movies.csv.gz", "raw/genome-scores.csv", "raw/genome_scores.csv", "raw/tags.csv"),
        *("raw/ratings.csv", "raw/what.txt", "raw/tags/what.csv", f"{MARCH}deep/1.csv"),
        *(
            f"raw/ratings/month=2015-0{month}/{name}.csv"
            for month in (3, 4)
            for name in ("1", "2", "from-whole-export")
        ),
    ]
    chance = random.Random(7)
    bucket = ticks.bucket
    for round_ in range(120):
        if round_ == 20:
            ticks.queue = Queue()
        for key in chance.sample(keys, chance.randint(0, 4)):
            if chance.random() < 0.4:
                bucket.keys.pop(key, None)
            else:
                bucket.keys[key] = "a" * chance.randint(1, 5)
            if ticks.queue is not None:
                ticks.queue.tell(key)
        ticks.look()
        with BucketWatch(ticks.settings, cast("LandingBucket", bucket), None).opened() as watching:
            assert watching.overview() == overview_of(sort_into_catalog(bucket.versions())), round_
