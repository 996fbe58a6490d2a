"""Dagster's SQLite event log with its connections kept open, and one transaction for events that belong together.

The base class makes an engine, a connection, a WAL checkpoint and up to four commits for each event; a first load has
two thousand of them. Public methods only are overridden; `dagster.yaml` names the class. What is stored is the same.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as db

from netflix_assets.private_apis import SqliteEventLogStorage

INDEX = "index"
"""The shard that holds the events of all runs that are about assets; every run has one of its own besides."""

_KEPT_OPEN = 16
_BUSY_SECONDS = 30


class PooledSqliteEventLogStorage(SqliteEventLogStorage):
    """The events of runs in SQLite files, read and written over connections that stay open."""

    def __init__(self, base_dir: str, inst_data: Any = None):
        self._engines: dict[str, tuple[int | None, db.Engine]] = {}
        self._engines_lock = threading.RLock()
        self._lock_file = Path(base_dir, "making.lock")
        self._makes_alone = False
        self._has_tables: set[str] = set()
        self._transaction = _Transaction()
        with self._making_alone():
            super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> PooledSqliteEventLogStorage:
        """Make the storage that `dagster.yaml` describes; its `base_dir` is Dagster's home."""
        return cls(str(Path(config_value["base_dir"], "history", "runs")), inst_data=inst_data)

    def run_connection(self, run_id: str | None = None) -> Any:
        """Return a context of a connection to the log of one run, in a transaction."""
        return self._connected(run_id or "")

    def index_connection(self) -> AbstractContextManager[db.Connection]:
        """Return a context of a connection to the log of all assets, in a transaction."""
        return self._connected(INDEX)

    def has_table(self, table_name: str) -> bool:
        """Return whether a table is there; tables that were seen are not looked for again."""
        if table_name not in self._has_tables and super().has_table(table_name):
            self._has_tables.add(table_name)
        return table_name in self._has_tables

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Store what this thread stores in the block in one transaction a file; a block within a block joins it.

        If the block raises, nothing of it is stored.
        """
        if self._transaction.connections is not None:
            yield
            return
        connections: dict[str, db.Connection] = {}
        self._transaction.connections = connections
        try:
            yield
            # As in the base class a run's own log is committed before the log of all assets.
            for shard in sorted(connections, key=lambda shard: shard == INDEX):
                connections[shard].commit()
                if shard != INDEX:
                    # Whoever watches a run waits for this file to change; what is new is in the `-wal` beside it.
                    os.utime(self.path_for_shard(shard))
        finally:
            self._transaction.connections = None
            for connection in connections.values():
                # Takes back what was not committed.
                connection.close()

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store one event."""
        with self.transaction():
            super().store_event(event)

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store all of the events, or raise and store none."""
        with self.transaction():
            super().store_event_batch(events)

    def wipe(self) -> None:
        """Remove the events of all runs, and the files of the runs."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close every connection."""
        self._close()
        super().dispose()

    @contextmanager
    def _connected(self, shard: str) -> Iterator[db.Connection]:
        connections = self._transaction.connections
        if connections is None:
            with self._engine(shard).begin() as connection:
                yield connection
            return
        if shard not in connections:
            connections[shard] = self._engine(shard).connect()
            connections[shard].begin()
        yield connections[shard]

    def _engine(self, shard: str) -> db.Engine:
        """Return the pool of connections to a file; another one if the file was removed or replaced."""
        with self._engines_lock:
            inode, engine = self._engines.pop(shard, (None, None))
            if engine is not None and inode != _inode(self.path_for_shard(shard)):
                engine.dispose()
                engine = None
                self._initialized_dbs.discard(shard)
            if engine is None:
                # The base class makes the tables where they are missing.
                with self._making_alone(), super().run_connection(shard):
                    pass
                inode, engine = _inode(self.path_for_shard(shard)), _pool(self.conn_string_for_shard(shard))
            # In the order of use.
            self._engines[shard] = inode, engine
            if len(self._engines) > _KEPT_OPEN:
                oldest = next(other for other in self._engines if other != INDEX)
                self._engines.pop(oldest)[1].dispose()
            return engine

    @contextmanager
    def _making_alone(self) -> Iterator[None]:
        """Be the one process that makes the tables of a file.

        If two are at it, the base class in one of them may take the tables of the other for those of an older Dagster,
        and mark the file as of two versions; nothing opens it from then on.
        """
        with ExitStack() as stack:
            stack.enter_context(self._engines_lock)
            if not self._makes_alone:
                # Where no file can be made or locked, what is made says it better.
                with suppress(OSError):
                    self._lock_file.parent.mkdir(parents=True, exist_ok=True)
                    fcntl.flock(stack.enter_context(self._lock_file.open("a")), fcntl.LOCK_EX)
                self._makes_alone = True
                stack.callback(setattr, self, "_makes_alone", False)
            yield

    def _close(self) -> None:
        with self._engines_lock:
            for _, engine in self._engines.values():
                engine.dispose()
            self._engines.clear()


def in_one_transaction(instance: dg.DagsterInstance) -> AbstractContextManager[None]:
    """Return a context in which this thread's events are stored together, where the instance's event log can do so."""
    storage = instance.event_log_storage
    return storage.transaction() if isinstance(storage, PooledSqliteEventLogStorage) else nullcontext()


class _Transaction(threading.local):
    """The connections that the transaction of this thread has opened, by shard; None outside of one."""

    connections: dict[str, db.Connection] | None = None


def _inode(path: str) -> int | None:
    try:
        return Path(path).stat().st_ino
    except FileNotFoundError:
        return None


def _pool(url: str) -> db.Engine:
    engine = db.create_engine(
        url,
        poolclass=db.pool.QueuePool,
        pool_size=1,
        max_overflow=-1,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )
    db.event.listen(engine, "connect", _wait_for_the_disk_at_checkpoints_only)
    return engine


def _wait_for_the_disk_at_checkpoints_only(connection: sqlite3.Connection, _record: object) -> None:
    """With a write-ahead log a power cut can then lose the newest events, and nothing else; a killed process, none.

    Without one, where the file system cannot have it, it could damage the file.
    """
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        connection.execute("PRAGMA synchronous=NORMAL")
