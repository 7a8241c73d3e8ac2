"""Pull requests, reviews and commits in the event store's file."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from storage.api.agent_sessions.outcomes import OutcomeKind, PullMark, SealedSecret, WorkOutcome

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_COLUMNS: Final = (
    "outcome_key, kind, repository, number, author, commit_id, state, title, time_ms, ended_ms,"
    " updated_ms, lines_added, lines_removed, is_reopened"
)
_SHORT_ID: Final = 7
"""The shortest commit id that git prints."""


def write_outcomes(connection: "DuckDBPyConnection", outcomes: Sequence[WorkOutcome]) -> int:
    """Store outcomes, each if it is newer than its stored one; return how many were stored."""
    latest: dict[str, WorkOutcome] = {}
    for outcome in outcomes:
        latest[outcome.key] = _merged(outcome, latest.get(outcome.key))
    marks = ", ".join("?" * len(latest))
    stored = {
        row[0]: _outcome(row)
        for row in connection.execute(
            f"select {_COLUMNS} from agent_outcomes where outcome_key in ({marks})", list(latest)
        ).fetchall()
    }
    merged = [_merged(one, stored.get(key)) for key, one in latest.items()]
    changed = [one for one in merged if one != stored.get(one.key)]
    for one in changed:
        connection.execute("delete from agent_outcomes where outcome_key = ?", [one.key])
        connection.execute(
            f"insert into agent_outcomes ({_COLUMNS}) values ({', '.join('?' * 14)})", _row(one)
        )
    return len(changed)


def _merged(outcome: WorkOutcome, known: WorkOutcome | None) -> WorkOutcome:
    """Return the newer record, with what only the other one says.

    A list of GitHub's API leaves out a pull request's size, and only a webhook says that it
    was opened again.
    """
    if known is None:
        return outcome
    newer, older = (outcome, known) if outcome.updated_ms >= known.updated_ms else (known, outcome)
    sizes = newer.lines_added, newer.lines_removed
    added, removed = sizes if any(sizes) else (older.lines_added, older.lines_removed)
    return replace(
        newer,
        lines_added=added,
        lines_removed=removed,
        is_reopened=newer.is_reopened or older.is_reopened,
    )


def pull_mark(connection: "DuckDBPyConnection", repository: str, kind: str) -> PullMark | None:
    """Return how far a list of a repository has been pulled, None if it never was."""
    row = connection.execute(
        "select since_ms, etag from agent_pull_marks where repository = ? and kind = ?",
        [repository, kind],
    ).fetchone()
    return None if row is None else PullMark(*row)


def set_pull_mark(
    connection: "DuckDBPyConnection", repository: str, kind: str, mark: PullMark
) -> None:
    """Store how far a list of a repository has been pulled."""
    connection.execute(
        "delete from agent_pull_marks where repository = ? and kind = ?", [repository, kind]
    )
    connection.execute(
        "insert into agent_pull_marks values (?, ?, ?, ?)",
        [repository, kind, mark.since_ms, mark.etag],
    )


def sealed_secret(connection: "DuckDBPyConnection", name: str) -> SealedSecret | None:
    """Return a secret, None if it is not set."""
    row = connection.execute(
        "select sealed, set_ms from agent_sealed_secrets where name = ?", [name]
    ).fetchone()
    return None if row is None else SealedSecret(*row)


def set_sealed_secret(
    connection: "DuckDBPyConnection", name: str, secret: SealedSecret | None
) -> None:
    """Store a secret in place of an earlier one; None removes it."""
    connection.execute("delete from agent_sealed_secrets where name = ?", [name])
    if secret is not None:
        connection.execute(
            "insert into agent_sealed_secrets values (?, ?, ?)",
            [name, secret.sealed, secret.set_ms],
        )


def outcomes_between(
    connection: "DuckDBPyConnection", start_ms: int, end_ms: int
) -> list[WorkOutcome]:
    """Return the outcomes that were created or ended in a range, oldest first."""
    rows = connection.execute(
        f"select {_COLUMNS} from agent_outcomes where (time_ms >= ? and time_ms < ?)"
        " or (ended_ms >= ? and ended_ms < ?) order by time_ms, outcome_key",
        [start_ms, end_ms, start_ms, end_ms],
    ).fetchall()
    return [_outcome(row) for row in rows]


def outcomes_of_session(connection: "DuckDBPyConnection", session_id: str) -> list[WorkOutcome]:
    """Return the outcomes with the session's commits, and the pull requests that it opened.

    An agent reports the abbreviated id of a commit, so ids are compared by their beginning.
    """
    rows = connection.execute(
        f"with own as (select distinct kind, reference from agent_actions"
        f" where session_id = ? and length(reference) >= {_SHORT_ID}),"
        " commits as (select o.* from agent_outcomes o where exists (select 1 from own"
        "   where own.kind = 'commit' and o.commit_id <> ''"
        "   and (starts_with(o.commit_id, own.reference)"
        "     or starts_with(own.reference, o.commit_id)))),"
        " opened as (select o.* from agent_outcomes o where o.kind <> 'commit' and exists"
        "   (select 1 from own where own.kind = 'pull_request'"
        "   and ends_with(own.reference, '/' || o.repository || '/pull/' || o.number)))"
        f" select distinct {_COLUMNS} from ("
        " select * from commits union all select * from opened union all"
        " select o.* from agent_outcomes o join commits c on o.repository = c.repository"
        "   and o.number = c.number and o.number > 0 and o.kind <> 'commit')"
        " order by time_ms, outcome_key",
        [session_id],
    ).fetchall()
    return [_outcome(row) for row in rows]


def _row(outcome: WorkOutcome) -> list[Any]:
    return [
        outcome.key,
        outcome.kind.value,
        outcome.repository,
        outcome.number,
        outcome.author,
        outcome.commit_id,
        outcome.state,
        outcome.title,
        outcome.time_ms,
        outcome.ended_ms,
        outcome.updated_ms,
        outcome.lines_added,
        outcome.lines_removed,
        outcome.is_reopened,
    ]


def _outcome(row: tuple[Any, ...]) -> WorkOutcome:
    key, kind, repository, number, author, commit_id, state, title, *rest = row
    time_ms, ended_ms, updated_ms, added, removed, is_reopened = rest
    return WorkOutcome(
        kind=OutcomeKind(kind),
        key=key,
        repository=repository,
        time_ms=time_ms,
        number=number,
        author=author,
        commit_id=commit_id,
        state=state,
        title=title,
        ended_ms=ended_ms,
        updated_ms=updated_ms,
        lines_added=added,
        lines_removed=removed,
        is_reopened=is_reopened,
    )
