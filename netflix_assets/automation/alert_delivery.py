"""Sending a message along a route, with Apprise."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any

from netflix_assets.errors import AlertError
from netflix_assets.settings import Route

_STATUS = re.compile(r"error=(\d{3})")


@dataclass(frozen=True)
class Message:
    """One thing to tell.

    Attributes:
        what: What happened, and to what.
        why: The first line of the error, or what is known.
        link: Where to look in the UI.
        good: It is good news.
    """

    what: str
    why: str
    link: str
    good: bool = False

    def __str__(self) -> str:
        """As a text of three lines."""
        return f"{self.what}\n{self.why}\n{self.link}"


def deliver(route: Route, message: Message) -> None:
    """Send a message along a route.

    Raises:
        AlertError: It was not taken; the text names the setting, never its address.
    """
    # Takes a fifth of a second to import, where there is something to tell.
    import apprise

    service = apprise.Apprise()
    service.add(route.url)
    capture: Any = apprise.LogCapture
    with capture(level=logging.WARNING, fmt="%(message)s") as log:
        taken = service.notify(
            title=f"netflix-assets: {message.what}",
            body=str(message),
            notify_type=apprise.NotifyType.SUCCESS if message.good else apprise.NotifyType.FAILURE,
            body_format=apprise.NotifyFormat.TEXT,
        )
        said = log.getvalue()
    if not taken:
        raise AlertError(
            f"{route.name} did not take an alert ({_reason(said)}); is the address right, and the server up? "
            "The alert is sent again"
        )


def _reason(said: Any) -> str:
    """What is known of a failure, without anything of an address: Apprise's own words may hold parts of it."""
    status = _STATUS.search(str(said))
    return f"HTTP status {status.group(1)}" if status else "it could not be reached, or refused"
