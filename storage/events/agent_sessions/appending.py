"""Writes records of coding agents and keeps the sums of their sessions."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.agent_sessions.identity import twin_tokens
from storage.api.agent_sessions.records import (
    AgentAction,
    AgentAppendResult,
    AgentRecords,
    AgentRequest,
)
from storage.events.agent_sessions.merging import ActionMerger, Change, RequestMerger, action_key
from storage.events.agent_sessions.session_sums import recompute_sessions
from storage.events.agent_sessions.tables import (
    ACTION_COLUMNS,
    REQUEST_COLUMNS,
    SENDER,
    TOKENS,
    action_of,
    request_of,
)
from storage.events.appending.commit_queue import Batch
from storage.events.columns import text_column
from storage.events.hashing import Hasher

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

AgentBatch = Batch[AgentRecords, AgentAppendResult]

_NO_PROJECT: Final = 0


class AgentAppender:
    """Writes batches on the writer thread."""

    def __init__(self) -> None:
        self._hasher = Hasher(b"")
        self._next_id = 0

    def load(self, connection: "DuckDBPyConnection", hasher: Hasher) -> None:
        """Read what is needed to append; called each time the file has been opened."""
        self._hasher = hasher
        row = connection.execute("select max(id) from agent_requests").fetchone()
        self._next_id = 0 if row is None or row[0] is None else int(row[0]) + 1

    def hashes(self, texts: Sequence[str]) -> NDArray[np.uint64]:
        """Return a hash for each text, 0 for ""."""
        if not texts:
            return np.zeros(0, np.uint64)
        found = self._hasher.hashes(_NO_PROJECT, texts, b"agent")
        found[np.array([not text for text in texts], np.bool_)] = 0
        return found

    def write(
        self, connection: "DuckDBPyConnection", batches: Sequence[AgentBatch]
    ) -> list[AgentAppendResult]:
        """Write batches in one transaction; return what became of each."""
        requests = self._request_merger(connection, batches)
        actions = self._action_merger(connection, batches)
        results = [_added(requests, actions, batch.rows) for batch in batches]
        touched = self._write_requests(connection, requests)
        touched |= self._write_actions(connection, actions)
        if touched:
            recompute_sessions(connection, self.hashes(sorted(touched)))
        return results

    def _request_merger(
        self, connection: "DuckDBPyConnection", batches: Sequence[AgentBatch]
    ) -> RequestMerger:
        merger = RequestMerger()
        rows = [request for batch in batches for request in batch.rows.requests]
        if not rows:
            return merger
        connection.register("batch", self._request_hashes(rows))
        found = connection.execute(
            f"select id, {REQUEST_COLUMNS} from agent_requests where"
            " (message_hash <> 0 and message_hash in (select message_hash from batch))"
            " or (request_hash <> 0 and request_hash in (select request_hash from batch))"
            " or twin_hash in (select twin_hash from batch) order by id"
        ).fetchall()
        connection.unregister("batch")
        for row in found:
            merger.add_stored(row[0], request_of(row[1:]))
        return merger

    def _action_merger(
        self, connection: "DuckDBPyConnection", batches: Sequence[AgentBatch]
    ) -> ActionMerger:
        merger = ActionMerger()
        keys = [action_key(action) for batch in batches for action in batch.rows.actions]
        if not keys:
            return merger
        connection.register("batch", {"key_hash": self.hashes(keys)})
        found = connection.execute(
            f"select {ACTION_COLUMNS} from agent_actions"
            " where key_hash in (select key_hash from batch)"
        ).fetchall()
        connection.unregister("batch")
        for row in found:
            merger.add_stored(action_of(row))
        return merger

    def _request_hashes(self, requests: Sequence[AgentRequest]) -> dict[str, NDArray[np.uint64]]:
        return {
            "message_hash": self.hashes([one.message_id for one in requests]),
            "request_hash": self.hashes([one.request_id for one in requests]),
            "twin_hash": self.hashes([_twin_text(one) for one in requests]),
        }

    def _write_requests(self, connection: "DuckDBPyConnection", merger: RequestMerger) -> set[str]:
        """Replace and add rows; return the sessions whose sums change."""
        changed = list(merger.changed())
        if not changed:
            return set()
        replaced = [entry.row_id for entry in changed if entry.row_id is not None]
        if replaced:
            connection.register("batch", {"id": np.array(replaced, np.uint64)})
            connection.execute("delete from agent_requests where id in (select id from batch)")
            connection.unregister("batch")
        requests = [entry.request for entry in changed]
        columns: dict[str, NDArray[np.generic]] = {
            "id": np.arange(self._next_id, self._next_id + len(requests), dtype=np.uint64),
            "session_hash": self.hashes([one.session_id for one in requests]),
            **self._request_hashes(requests),
            **request_columns(requests),
        }
        connection.register("batch", columns)
        connection.execute(
            f"insert into agent_requests (id, session_hash, message_hash, request_hash, twin_hash,"
            f" {REQUEST_COLUMNS}) select id, session_hash, message_hash, request_hash, twin_hash,"
            f" {_nullable(REQUEST_COLUMNS)} from batch"
        )
        connection.unregister("batch")
        # A commit that fails leaves a gap.
        self._next_id += len(requests)
        sessions = {one.session_id for one in requests}
        return sessions.union(*(entry.sessions for entry in changed))

    def _write_actions(self, connection: "DuckDBPyConnection", merger: ActionMerger) -> set[str]:
        changed = merger.changed()
        if not changed:
            return set()
        hashes = self.hashes(list(changed))
        actions = list(changed.values())
        connection.register("batch", {"key_hash": hashes})
        connection.execute(
            "delete from agent_actions where key_hash in (select key_hash from batch)"
        )
        connection.unregister("batch")
        columns: dict[str, NDArray[np.generic]] = {
            "key_hash": hashes,
            "session_hash": self.hashes([one.session_id for one in actions]),
            **_action_columns(actions),
        }
        connection.register("batch", columns)
        connection.execute(
            f"insert into agent_actions (key_hash, session_hash, {ACTION_COLUMNS})"
            f" select key_hash, session_hash, {_nullable(ACTION_COLUMNS)} from batch"
        )
        connection.unregister("batch")
        return {one.session_id for one in actions}


def _added(
    requests: RequestMerger, actions: ActionMerger, records: AgentRecords
) -> AgentAppendResult:
    changes: Counter[Change] = Counter()
    first = len(requests.increases)
    touched: dict[str, None] = {}
    for request in records.requests:
        changes[change := requests.add(request)] += 1
        if change is not Change.KNOWN:
            touched[request.session_id] = None
    for action in records.actions:
        changes[change := actions.add(action)] += 1
        if change is not Change.KNOWN:
            touched[action.session_id] = None
    return AgentAppendResult(
        changes[Change.STORED],
        changes[Change.UPDATED],
        changes[Change.KNOWN],
        tuple(touched),
        tuple(requests.increases[first:]),
    )


def _twin_text(request: AgentRequest) -> str:
    counts = "\x00".join(map(str, twin_tokens(request)))
    return f"{request.session_id}\x00{request.model}\x00{counts}"


_UNKNOWN: Final = -1
"""The number that stands for null on the way into the columns of `_NULLABLE`."""
_NULLABLE: Final = ("duration_ms", "status", "is_success", "is_accepted")
_NULLABLE_REAL: Final = ("reported_cost_usd", "cost_usd")


def _nullable(columns: str) -> str:
    """Return expressions for columns in which numbers stand for null."""
    return ", ".join(
        f"nullif({name}, {_UNKNOWN})"
        if name in _NULLABLE
        else f"case when isnan({name}) then null else {name} end"
        if name in _NULLABLE_REAL
        else name
        for name in columns.split(", ")
    )


def _numbers(values: Iterable[int | None]) -> NDArray[np.int64]:
    return np.array([_UNKNOWN if value is None else value for value in values], np.int64)


def _reals(values: Iterable[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _senders(records: Sequence[AgentRequest | AgentAction]) -> dict[str, NDArray[np.generic]]:
    return {
        name: text_column([getattr(one.sender, name) for one in records])
        for name in SENDER.split(", ")
    }


def request_columns(requests: Sequence[AgentRequest]) -> dict[str, NDArray[np.generic]]:
    """Return the columns of `REQUEST_COLUMNS`."""
    return {
        "session_id": text_column([one.session_id for one in requests]),
        "time_ms": np.array([one.time_ms for one in requests], np.int64),
        "model": text_column([one.model for one in requests]),
        **_senders(requests),
        **{
            name: np.array([getattr(one.tokens, name) for one in requests], np.int64)
            for name in TOKENS.split(", ")
        },
        "message_id": text_column([one.message_id for one in requests]),
        "request_id": text_column([one.request_id for one in requests]),
        "is_sidechain": np.array([one.is_sidechain for one in requests], np.bool_),
        "origin": text_column([one.origin.value for one in requests]),
        "reported_cost_usd": _reals(one.reported_cost_usd for one in requests),
        "prefers_reported": np.array([one.prefers_reported for one in requests], np.bool_),
        "cost_usd": _reals(one.cost_usd for one in requests),
        "duration_ms": _numbers(one.duration_ms for one in requests),
        "status": _numbers(one.status for one in requests),
        "is_error": np.array([one.is_error for one in requests], np.bool_),
        "is_fast": np.array([one.is_fast for one in requests], np.bool_),
    }


def _action_columns(actions: Sequence[AgentAction]) -> dict[str, NDArray[np.generic]]:
    return {
        "session_id": text_column([one.session_id for one in actions]),
        "time_ms": np.array([one.time_ms for one in actions], np.int64),
        "kind": text_column([one.kind.value for one in actions]),
        **_senders(actions),
        "action_key": text_column([one.key for one in actions]),
        "name": text_column([one.name for one in actions]),
        "is_success": _numbers(one.is_success for one in actions),
        "is_accepted": _numbers(one.is_accepted for one in actions),
        "duration_ms": _numbers(one.duration_ms for one in actions),
        "lines_added": np.array([one.lines_added for one in actions], np.int64),
        "lines_removed": np.array([one.lines_removed for one in actions], np.int64),
        "reference": text_column([one.reference for one in actions]),
        "content": text_column([one.content for one in actions]),
    }
