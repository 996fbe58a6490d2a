"""Errors that a person reads: one sentence each, saying what, where, and what to do.

The command line prints `UserError` as that sentence; anything else is a bug and keeps its traceback.
"""


class UserError(Exception):
    """Something the reader of the message can put right."""


class SettingsError(UserError):
    """A setting is missing, malformed, or names something unknown."""


class BucketError(UserError):
    """The object store cannot be reached, refuses us, or does not hold what was observed."""


class QueueError(UserError):
    """The queue with the events of the bucket cannot be reached, or refuses us."""


class LoadError(UserError):
    """A load was refused; the rows that the table held before are still there."""


class WarehouseError(UserError):
    """The warehouse cannot be opened."""


class InfraError(UserError):
    """The Snowflake account cannot be set up or checked."""


class ReportError(UserError):
    """The report cannot be built, read or shown; a report that was there before still is."""


class AlertError(UserError):
    """An alert could not be delivered."""
