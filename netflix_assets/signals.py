"""Ending what runs until somebody ends it."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

INTERRUPTS = {"KeyboardInterrupt", "DagsterExecutionInterruptedError"}
"""Names of the errors by which Python and Dagster interrupt what runs."""


class _Ended(BaseException):
    """A signal asked us to end; not an Exception, so that nothing on the way up swallows it."""


@contextmanager
def until_signal() -> Iterator[None]:
    """Leave the block quietly on SIGINT or SIGTERM, also where a script's background job ignores SIGINT."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _Ended

    before: Mapping[int, Any] = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except _Ended:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
