"""Prices that an admin has set, costs computed anew, and deletion."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.agent_sessions.prices import ModelPrice
from storage.api.agent_sessions.store import CostOf
from storage.events.agent_sessions.outcome_rows import delete_outcomes_of
from storage.events.agent_sessions.session_sums import recompute_sessions
from storage.events.agent_sessions.tables import REQUEST_COLUMNS, request_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PRICE_COLUMNS: Final = (
    "model, effective_ms, above_tokens, input, output, cache_read, cache_write_5m,"
    " cache_write_1h, dated, source"
)
_BLOCK: Final = 20_000


def price_overrides(connection: "DuckDBPyConnection") -> list[ModelPrice]:
    """Return the prices that an admin has set."""
    rows = connection.execute(
        f"select {_PRICE_COLUMNS} from agent_prices order by model, effective_ms, above_tokens"
    ).fetchall()
    return [ModelPrice(*row) for row in rows]


def set_price(connection: "DuckDBPyConnection", price: ModelPrice) -> None:
    """Add or replace a price."""
    remove_price(connection, price.model, price.effective_ms, price.above_tokens)
    connection.execute(
        f"insert into agent_prices ({_PRICE_COLUMNS}) values ({', '.join('?' * 10)})",
        [getattr(price, name) for name in _PRICE_COLUMNS.split(", ")],
    )


def remove_price(
    connection: "DuckDBPyConnection", model: str, effective_ms: int, above_tokens: int
) -> bool:
    """Remove a price; report whether it was there."""
    row = connection.execute(
        "delete from agent_prices where model = ? and effective_ms = ? and above_tokens = ?",
        [model, effective_ms, above_tokens],
    ).fetchone()
    return bool(row and row[0])


def reprice(connection: "DuckDBPyConnection", cost: CostOf) -> int:
    """Compute every cost anew; return how many requests changed."""
    changed = 0
    last = -1
    while rows := connection.execute(
        f"select id, session_hash, {REQUEST_COLUMNS} from agent_requests where id > ?"
        " order by id limit ?",
        [last, _BLOCK],
    ).fetchall():
        last = rows[-1][0]
        found = [(row[0], row[1], request_of(row[2:])) for row in rows]
        costs = [(number, owner, one.cost_usd, cost(one)) for number, owner, one in found]
        new = [(number, owner, now) for number, owner, before, now in costs if before != now]
        if not new:
            continue
        changed += len(new)
        values = np.array([np.nan if now is None else now for _, _, now in new], np.float64)
        connection.register(
            "batch", {"id": np.array([number for number, _, _ in new], np.uint64), "cost": values}
        )
        connection.execute(
            "update agent_requests set cost_usd = case when isnan(batch.cost) then null"
            " else batch.cost end from batch where agent_requests.id = batch.id"
        )
        connection.unregister("batch")
        recompute_sessions(connection, np.array(sorted({each[1] for each in new}), np.uint64))
    return changed


def sessions_of(connection: "DuckDBPyConnection", developers: Sequence[str]) -> list[str]:
    """Return the ids of the sessions in which any of a developer's names occurs."""
    rows = connection.execute(
        "select session_id from agent_sessions where session_hash in"
        f" ({_owned(developers)}) order by session_id",
        [*developers] * 3,
    ).fetchall()
    return [session_id for (session_id,) in rows]


def _owned(developers: Sequence[str]) -> str:
    """Return the query for the sessions of a developer; it takes the names three times."""
    marks = ", ".join("?" * len(developers))
    return " union ".join(
        f"select session_hash from {table} where developer in ({marks})"
        for table in ("agent_sessions", "agent_requests", "agent_actions")
    )


def erase_developer(connection: "DuckDBPyConnection", developers: Sequence[str]) -> int:
    """Delete everything of a developer under any of their names; return how many records."""
    rows = connection.execute(_owned(developers), [*developers] * 3).fetchall()
    deleted = _delete_sessions(connection, np.array([number for (number,) in rows], np.uint64))
    return deleted + delete_outcomes_of(connection, developers)


def delete_sessions_before(connection: "DuckDBPyConnection", time_ms: int) -> int:
    """Delete the sessions that ended before a time; return how many."""
    rows = connection.execute(
        "select session_hash from agent_sessions where last_ms < ?", [time_ms]
    ).fetchall()
    _delete_sessions(connection, np.array([number for (number,) in rows], np.uint64))
    return len(rows)


def _delete_sessions(connection: "DuckDBPyConnection", hashes: NDArray[np.uint64]) -> int:
    connection.register("touched", {"session_hash": hashes})
    deleted = 0
    for table in ("agent_requests", "agent_actions", "agent_sessions"):
        row = connection.execute(
            f"delete from {table} where session_hash in (select session_hash from touched)"
        ).fetchone()
        deleted += int(row[0]) if row and table != "agent_sessions" else 0
    connection.unregister("touched")
    return deleted
