"""The sums of sessions: one row each, computed anew for the sessions that a commit changes."""

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from storage.events.agent_sessions.tables import SESSION_COLUMNS, TOKENS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PROMPT: Final = "input + cache_read + cache_write_5m + cache_write_1h"
ALL_TOKENS: Final = f"{_PROMPT} + output"

_TOKEN_SUMS: Final = ", ".join(f"coalesce(sum({name}), 0) as {name}" for name in TOKENS.split(", "))
SUMS: Final = f"""
    count(*) as requests, count(*) filter (is_error) as errors, {_TOKEN_SUMS},
    coalesce(sum(cost_usd), 0) as cost_usd,
    coalesce(sum({ALL_TOKENS}) filter (cost_usd is null), 0) as unpriced_tokens,
    coalesce(sum(duration_ms), 0) as duration_ms, count(duration_ms) as timed_requests
"""
"""The columns `TOTALS`, over rows of `agent_requests`."""

# Lines of a rejected edit were proposed, and never written.
_IS_APPLIED: Final = "kind = 'edit' and is_accepted is distinct from false"
ACTION_SUMS: Final = f"""
    count(*) filter (kind = 'prompt') as prompts,
    count(*) filter (kind in ('tool', 'edit')) as tools,
    count(*) filter (kind in ('tool', 'edit') and is_success = false
        and is_accepted is distinct from false) as tool_errors,
    count(*) filter (kind = 'edit') as edits,
    count(*) filter (kind = 'edit' and is_accepted) as accepted,
    count(*) filter (kind = 'edit' and is_accepted = false) as rejected,
    coalesce(sum(lines_added) filter (kind = 'edit'), 0) as lines_added,
    coalesce(sum(lines_removed) filter ({_IS_APPLIED}), 0) as lines_removed,
    coalesce(sum(lines_added) filter ({_IS_APPLIED}), 0) as accepted_lines,
    count(*) filter (kind = 'commit') as commits,
    count(*) filter (kind = 'pull_request') as pull_requests
"""
"""The columns `ACTION_TOTALS`, over rows of `agent_actions`."""

_LATEST: Final = ", ".join(
    f"coalesce(arg_max({name}, time_ms) filter ({name} <> ''), '') as {name}"
    for name in ("agent", "developer", "team", "project", "branch")
)
_SENDER: Final = ", ".join(
    f"coalesce(nullif(r.{name}, ''), a.{name}, '') as {name}"
    for name in ("agent", "developer", "team", "project", "branch")
)
_REQUEST_SUMS: Final = (
    "requests",
    "errors",
    *TOKENS.split(", "),
    "cost_usd",
    "unpriced_tokens",
    "duration_ms",
    "timed_requests",
)
_ACTION_NAMES: Final = (
    *("prompts", "tools", "tool_errors", "edits", "accepted", "rejected"),
    *("lines_added", "lines_removed", "accepted_lines", "commits", "pull_requests"),
)
_ZERO_IF_NULL: Final = ", ".join(
    f"coalesce({name}, 0) as {name}" for name in (*_REQUEST_SUMS, *_ACTION_NAMES)
)

_INSERT: Final = f"""
insert into agent_sessions (session_hash, {SESSION_COLUMNS})
with r as (
    select session_hash, any_value(session_id) as session_id, {_LATEST},
        min(time_ms) as first_ms, max(time_ms) as last_ms, {SUMS}
    from agent_requests where session_hash in (select session_hash from touched)
    group by session_hash
), m as (
    select session_hash, list(model order by tokens desc, model) as models from (
        select session_hash, model, sum({ALL_TOKENS}) as tokens from agent_requests
        where session_hash in (select session_hash from touched) and model <> ''
        group by session_hash, model)
    group by session_hash
), a as (
    select session_hash, any_value(session_id) as session_id, {_LATEST},
        min(time_ms) as first_ms, max(time_ms) as last_ms, {ACTION_SUMS}
    from agent_actions where session_hash in (select session_hash from touched)
    group by session_hash
)
select coalesce(r.session_hash, a.session_hash), coalesce(r.session_id, a.session_id), {_SENDER},
    coalesce(models, []), least(r.first_ms, a.first_ms), greatest(r.last_ms, a.last_ms),
    {_ZERO_IF_NULL}
from r full join a on r.session_hash = a.session_hash
left join m on m.session_hash = r.session_hash
"""


def recompute_sessions(connection: "DuckDBPyConnection", hashes: NDArray[np.uint64]) -> None:
    """Compute the rows of sessions anew, within the caller's transaction."""
    connection.register("touched", {"session_hash": hashes})
    connection.execute(
        "delete from agent_sessions where session_hash in (select session_hash from touched)"
    )
    connection.execute(_INSERT)
    connection.unregister("touched")
