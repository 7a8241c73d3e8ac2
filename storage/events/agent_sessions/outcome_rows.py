"""Pull requests, reviews and commits in the event store's file."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from storage.api.agent_sessions.outcomes import OutcomeKind, PullMark, SealedSecret, WorkOutcome

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_COLUMNS: Final = (
    "outcome_key, kind, repository, number, author, commit_id, state, title, time_ms, ended_ms,"
    " updated_ms, lines_added, lines_removed, is_reopened, author_email"
)
_SHORT_ID: Final = 7
"""The shortest commit id that git prints."""
_COMMIT_MS: Final = 600_000
"""The most time between a commit and the event of an agent that does not report its id."""


def _is_repository(project: str) -> str:
    """Return the condition that an outcome `o` is of a project's repository."""
    return (
        f"({project} <> '' and (lower(o.repository) = lower({project})"
        f" or ends_with(lower(o.repository), '/' || lower({project}))))"
    )


def _is_author(developer: str) -> str:
    """Return the condition that an outcome `o` is a developer's."""
    return f"({developer} <> '' and lower({developer}) in (lower(o.author), lower(o.author_email)))"


_AGREEMENT: Final = f"{_is_repository('s.project')}::integer + {_is_author('s.developer')}::integer"


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
            f"insert into agent_outcomes ({_COLUMNS}) values ({', '.join('?' * 15)})", _row(one)
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
    Where such an id is found in several repositories, the project and the developer of the
    session decide. A commit without an id is the nearest one of that repository and author.
    """
    rows = connection.execute(
        "with s as (select developer, project from agent_sessions where session_id = $id"
        "   union all select '', '' limit 1),"
        " own as (select distinct kind, reference from agent_actions"
        f"   where session_id = $id and length(reference) >= {_SHORT_ID}),"
        f" found as (select o.*, own.reference, {_AGREEMENT} as agreement"
        "   from own join agent_outcomes o on own.kind = 'commit' and o.commit_id <> ''"
        "   and (starts_with(o.commit_id, own.reference)"
        "     or starts_with(own.reference, o.commit_id)) cross join s),"
        " places as (select *, max(agreement) over (partition by reference, repository) as best"
        "   from found),"
        f" named as (select {_COLUMNS} from places"
        "   qualify best = max(best) over (partition by reference)),"
        " unnamed as (select o.* from agent_actions a join agent_outcomes o on o.kind = 'commit'"
        f"   and {_is_repository('a.project')} and {_is_author('a.developer')}"
        f"   and abs(o.time_ms - a.time_ms) <= {_COMMIT_MS}"
        "   where a.session_id = $id and a.kind = 'commit' and a.reference = ''"
        "   qualify row_number() over"
        "     (partition by a.action_key order by abs(o.time_ms - a.time_ms)) = 1),"
        f" commits as (select {_COLUMNS} from named union select {_COLUMNS} from unnamed),"
        " opened as (select o.* from agent_outcomes o where o.kind <> 'commit' and exists"
        "   (select 1 from own where own.kind = 'pull_request'"
        "   and ends_with(own.reference, '/' || o.repository || '/pull/' || o.number)))"
        f" select distinct {_COLUMNS} from ("
        f" select {_COLUMNS} from commits union all select {_COLUMNS} from opened union all"
        f" select {_of('o')} from agent_outcomes o join commits c on o.repository = c.repository"
        "   and o.number = c.number and o.number > 0 and o.kind <> 'commit')"
        " order by time_ms, outcome_key",
        {"id": session_id},
    ).fetchall()
    return [_outcome(row) for row in rows]


def _of(table: str) -> str:
    return ", ".join(f"{table}.{name}" for name in _COLUMNS.split(", "))


def delete_outcomes_of(connection: "DuckDBPyConnection", developers: Sequence[str]) -> int:
    """Delete the outcomes of a developer, also those under the login of their commits."""
    marks = ", ".join("?" * len(developers))
    row = connection.execute(
        f"delete from agent_outcomes where author in ({marks}) or author_email in ({marks})"
        " or (author <> '' and author in"
        f"   (select author from agent_outcomes where author_email in ({marks})))",
        [*developers] * 3,
    ).fetchone()
    return int(row[0]) if row else 0


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
        outcome.author_email,
    ]


def _outcome(row: tuple[Any, ...]) -> WorkOutcome:
    key, kind, repository, number, author, commit_id, state, title, *rest = row
    time_ms, ended_ms, updated_ms, added, removed, is_reopened, author_email = rest
    return WorkOutcome(
        kind=OutcomeKind(kind),
        key=key,
        repository=repository,
        time_ms=time_ms,
        number=number,
        author=author,
        author_email=author_email or "",
        commit_id=commit_id,
        state=state,
        title=title,
        ended_ms=ended_ms,
        updated_ms=updated_ms,
        lines_added=added,
        lines_removed=removed,
        is_reopened=is_reopened,
    )
