"""What a tick of the sensor sees of the bucket, within its time: by whole listings, and by what events hint at.

Without a queue every tick goes on with a whole listing, or begins one. With one, a tick lists what events name, and a
whole listing comes from time to time to find what no event told. Where the queue fails, it is as if there were none.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from netflix_assets.errors import QueueError
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.kept_listing import BucketFingerprint, KeptListing, opened
from netflix_assets.landing.overview import Overview
from netflix_assets.landing.s3_events import EventQueue, prefixes_of
from netflix_assets.settings import Settings

_PAGE = 1000
_MANY = 100
"""Up to so many prefixes are listed one by one, however small the bucket."""


@dataclass(frozen=True)
class Look:
    """What a tick saw.

    Attributes:
        listing: The bucket, as it was last listed as a whole with what was renewed since; None where that is still to
            come, or came so late in the tick that the next one compares it.
        note: What to say of the listing and of the queue.
    """

    listing: BucketFingerprint | None
    note: str = ""


class BucketWatch:
    """The bucket as the sensor sees it.

    Attributes:
        bucket: The bucket itself.
    """

    def __init__(self, settings: Settings, bucket: LandingBucket, queue: EventQueue | None = None) -> None:
        """Take what is watched; nothing is connected yet.

        Args:
            settings: How long a tick may take, and how often everything is listed besides events.
            bucket: To list.
            queue: Where its events come, if they do.
        """
        self._settings = settings
        self._queue = queue
        self.bucket = bucket

    @contextmanager
    def opened(self) -> Iterator[Watching]:
        """Open what is kept between ticks.

        Raises:
            BucketError: It can be neither read nor written.
        """
        bucket = f"{self._settings.s3_endpoint} {self.bucket.name}"
        with opened(self._settings.listing_path, bucket) as kept:
            yield Watching(self._settings, self.bucket, self._queue, kept)


class Watching:
    """One tick."""

    def __init__(self, settings: Settings, bucket: LandingBucket, queue: EventQueue | None, kept: KeptListing) -> None:
        self._settings = settings
        self._bucket = bucket
        self._queue = queue
        self._kept = kept
        self._began = time.monotonic()
        self._deadline = self._began + settings.tick_seconds

    def look(self, observed: str | None, now: float) -> Look:
        """See what changed.

        Args:
            observed: Fingerprint of the bucket that the stored cursor has observed.
            now: Seconds since 1970.

        Raises:
            BucketError: The bucket cannot be listed.
        """
        queue_note, is_due = "", True
        if self._queue is not None:
            try:
                queue_note = self._read_queue(self._queue, observed)
                is_due = self._is_due(now)
            except QueueError as error:
                queue_note = f"; {error}; until then everything is listed"
        self._renew_hinted()
        kept = self._kept
        if kept.is_new:
            # Completed late in the last tick.
            kept.looked_at()
        elif kept.is_listing or is_due:
            self._list(now)
        kept.commit()
        if kept.is_listing:
            queue_note += f"; a listing goes on with the next tick, {kept.objects_so_far:,} objects so far"
        if kept.listed_at is None or kept.is_new:
            return Look(None, queue_note)
        return Look(kept.fingerprint(), queue_note)

    def overview(self) -> Overview:
        """Sort what was seen into the catalogue."""
        return self._kept.overview()

    def _read_queue(self, queue: EventQueue, observed: str | None) -> str:
        """Delete the messages that the stored cursor covers, and take in new ones; returns what to say."""
        kept = self._kept
        if handles := kept.covered_handles(observed):
            kept.forget(queue.delete(handles, self._until(0.25)))
            kept.commit()
        hints = queue.receive(self._until(0.5))
        kept.hint(prefixes_of(hints.keys), hints.handles)
        # Before they are listed, so that they are whatever happens.
        kept.commit()
        return hints.note

    def _is_due(self, now: float) -> bool:
        """Whether everything is to be listed: from time to time, or where events name more than that costs."""
        kept = self._kept
        if kept.listed_at is None or len(kept.hinted()) > max(_MANY, kept.fingerprint().objects / _PAGE):
            return True
        # A clock that was put back is no reason to wait.
        return not 0 <= now - kept.listed_at < self._settings.reconcile_minutes * 60

    def _renew_hinted(self) -> None:
        """List what events name."""
        prefixes = self._kept.hinted()
        if len(prefixes) > max(_MANY, self._kept.fingerprint().objects / _PAGE) or self._kept.listed_at is None:
            # The whole listing that is due covers them.
            return
        for prefix in prefixes:
            if time.monotonic() >= self._deadline:
                return
            self._kept.renew(prefix, list(self._bucket.versions(prefix)))
            self._kept.commit()

    def _list(self, now: float) -> None:
        """Go on with the whole listing, or begin one, until it is complete or the time is over."""
        kept = self._kept
        if not kept.is_listing:
            kept.begin(now)
        versions = iter(self._bucket.versions(after=kept.position))
        while page := list(islice(versions, _PAGE)):
            kept.add(page)
            kept.commit()
            if time.monotonic() >= self._deadline:
                return
        kept.complete()
        if time.monotonic() < self._until(0.5):
            kept.looked_at()

    def _until(self, share: float) -> float:
        """When a share of the tick's time is over, by `time.monotonic`."""
        return self._began + share * self._settings.tick_seconds
