"""Each request counts once, whatever arrives twice; the sums of sessions follow."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
import pytest_asyncio

from storage.api.agent_sessions.outcomes import OutcomeKind, WorkOutcome
from storage.api.agent_sessions.records import (
    ActionKind,
    AgentAction,
    AgentRecords,
    AgentRequest,
    AgentSender,
    RecordOrigin,
    TokenCounts,
)
from storage.api.agent_sessions.reports import AgentSelection, SessionOrder, UsageDimension
from storage.events import DuckEventStore
from storage.events.agent_sessions.store import DuckAgentSessionStore

NOW_MS = 1_795_168_800_000
ALL = AgentSelection(0, NOW_MS * 2)
ANN = AgentSender("claude-code", "ann", "core", "shop", "main")


@pytest_asyncio.fixture
async def events(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield store
    await asyncio.to_thread(store.close)


@pytest.fixture
def store(events: DuckEventStore) -> DuckAgentSessionStore:
    return events.agent_sessions


def request(
    message: str = "m1", request_id: str = "r1", *, output: int = 20, session: str = "s1"
) -> AgentRequest:
    return AgentRequest(
        session_id=session,
        time_ms=NOW_MS,
        model="claude-sonnet-4-5",
        tokens=TokenCounts(input=10, output=output, cache_write_1h=5),
        sender=ANN,
        message_id=message,
        request_id=request_id,
        cost_usd=output / 100,
    )


def sidechain(one: AgentRequest, request_id: str) -> AgentRequest:
    return replace(one, request_id=request_id, is_sidechain=True)


PARTIAL, WHOLE = request(output=2), request(output=50)
CASES: list[tuple[str, list[AgentRequest], int, int]] = [
    ("a response in several lines", [request(), request(), request()], 1, 20),
    ("partial usage while it streams", [PARTIAL, WHOLE], 1, 50),
    ("partial usage after the whole", [WHOLE, PARTIAL], 1, 50),
    ("a gateway without request ids", [request(request_id=""), request(request_id="")], 1, 20),
    ("one line without a request id", [request(), request(request_id="")], 1, 20),
    ("the same message id of two requests", [request(), request(request_id="r2")], 2, 40),
    ("a replay in a subagent's file", [request(), sidechain(request(), "r9")], 1, 20),
    ("a replay that comes first", [sidechain(WHOLE, "r9"), request()], 1, 20),
    ("replays in two subagents' files", [sidechain(request(), r) for r in ("r8", "r9")], 1, 20),
    ("a subagent's own response", [request(), sidechain(request("m2"), "r2")], 2, 40),
    (
        "the OTLP event of a request",
        [request(), replace(request(""), origin=RecordOrigin.OTLP)],
        1,
        20,
    ),
    (
        "the OTLP event of a request without ids",
        [request(request_id=""), replace(request("", ""), origin=RecordOrigin.OTLP)],
        1,
        20,
    ),
    (
        "two OTLP events without ids",
        [
            replace(request("", ""), origin=RecordOrigin.OTLP, time_ms=NOW_MS + place)
            for place in range(2)
        ],
        2,
        40,
    ),
]


@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "batch by batch"])
@pytest.mark.parametrize(
    ("requests", "count", "output"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
async def test_request_counts_once(
    store: DuckAgentSessionStore,
    requests: list[AgentRequest],
    count: int,
    output: int,
    at_once: bool,
) -> None:
    for _ in range(2):
        for batch in [requests] if at_once else [[one] for one in requests]:
            await store.append_records(AgentRecords(batch))
    totals = await store.totals(ALL)
    if (
        any(one.origin is RecordOrigin.OTLP and not one.request_id for one in requests)
        and count == 2
    ):
        # Without an id nothing tells a repetition from another request.
        assert totals.requests in (2, 4)
        return
    assert (totals.requests, totals.tokens.output) == (count, output)
    assert totals.cost_usd == pytest.approx(output / 100)
    sessions = await store.sessions(ALL, SessionOrder.COST, descending=True, limit=9)
    assert sum(one.totals.requests for one in sessions.sessions) == count


async def test_sums_of_a_session_are_those_of_its_records(store: DuckAgentSessionStore) -> None:
    edit = AgentAction(
        session_id="s1",
        time_ms=NOW_MS - 5_000,
        kind=ActionKind.EDIT,
        key="t1",
        sender=ANN,
        name="Edit",
        is_success=True,
        is_accepted=True,
        lines_added=7,
        lines_removed=2,
    )
    rejected = replace(edit, key="t2", is_success=False, is_accepted=False, lines_added=5)
    commit = replace(edit, key="t3", kind=ActionKind.COMMIT, name="", reference="abc1234")
    unpriced = replace(request("m2", "r2"), model="new-model", cost_usd=None, duration_ms=900)
    records = AgentRecords([request(), unpriced], [edit, rejected, commit])
    result = await store.append_records(records)
    assert (result.stored, result.sessions) == (5, ("s1",))
    again = await store.append_records(records)
    assert (again.stored, again.updated, again.duplicates) == (0, 0, 5)
    session = await store.session("s1")
    assert session is not None
    assert (session.first_ms, session.last_ms) == (NOW_MS - 5_000, NOW_MS)
    assert set(session.models) == {"claude-sonnet-4-5", "new-model"}
    assert (session.totals.unpriced_tokens, session.totals.cost_usd) == (35, 0.2)
    actions = session.actions
    assert (actions.edits, actions.accepted, actions.rejected) == (2, 1, 1)
    assert (actions.lines_added, actions.accepted_lines, actions.lines_removed) == (12, 7, 2)
    assert (actions.commits, actions.tool_errors) == (1, 0)
    assert [one.kind for one in await store.timeline("s1", 10)][-1] == "request"
    assert await store.unpriced_models() == [("new-model", 35)]


async def test_later_record_completes_a_tool_call(store: DuckAgentSessionStore) -> None:
    call = AgentAction(
        session_id="s1", time_ms=NOW_MS, kind=ActionKind.TOOL, key="t1", sender=ANN, name="Bash"
    )
    await store.append_records(AgentRecords((), [call]))
    result = await store.append_records(
        AgentRecords((), [replace(call, is_success=False, duration_ms=40)])
    )
    assert result.updated == 1
    (tool,) = await store.tools(ALL, 10)
    assert (tool.calls, tool.errors, tool.mean_ms) == (1, 1, 40)


async def test_cost_of_a_request_is_divided_among_the_tools_that_it_called(
    store: DuckAgentSessionStore,
) -> None:
    def paid(n: int, time_ms: int, cost: float | None) -> AgentRequest:
        return replace(request(f"m{n}", f"r{n}"), time_ms=time_ms, cost_usd=cost)

    def call(name: str, time_ms: int, duration_ms: int | None = None) -> AgentAction:
        return AgentAction(
            session_id="s1",
            time_ms=time_ms,
            kind=ActionKind.TOOL,
            key=f"{name}{time_ms}",
            sender=ANN,
            name=name,
            duration_ms=duration_ms,
        )

    requests = [
        paid(1, NOW_MS, 0.5),
        # Usage is complete 9 ms after the first call, which has not ended by then.
        paid(2, NOW_MS + 100, 0.8),
        paid(3, NOW_MS + 200, 9.0),
        paid(4, NOW_MS + 300, None),
        replace(paid(5, NOW_MS + 2, 77.0), session_id="s2"),
    ]
    calls = [
        call("Bash", NOW_MS),
        call("Read", NOW_MS + 91, 50),
        call("Bash", NOW_MS + 100, 60),
        call("Web", NOW_MS + 300),
    ]
    await store.append_records(AgentRecords(requests, calls))
    found = {one.name: one.cost_usd for one in await store.tools(ALL, 10)}
    assert found == {"Bash": pytest.approx(0.9), "Read": pytest.approx(0.4), "Web": None}


async def test_list_is_filtered_sorted_and_paged(store: DuckAgentSessionStore) -> None:
    requests = [
        replace(
            request(f"m{n}", f"r{n}", output=n, session=f"s{n}"),
            time_ms=NOW_MS - n * 1000,
            model="opus" if n % 2 else "sonnet",
            sender=replace(ANN, developer=f"dev{n % 3}"),
        )
        for n in range(1, 10)
    ]
    await store.append_records(AgentRecords(requests))

    async def ids(selection: AgentSelection, order: SessionOrder, offset: int = 0) -> Sequence[str]:
        page = await store.sessions(selection, order, descending=True, limit=3, offset=offset)
        return [one.session_id for one in page.sessions]

    assert await ids(ALL, SessionOrder.TIMESTAMP) == ["s1", "s2", "s3"]
    assert await ids(ALL, SessionOrder.COST, offset=3) == ["s6", "s5", "s4"]
    assert await ids(replace(ALL, model="opus"), SessionOrder.TOKENS) == ["s9", "s7", "s5"]
    page = await store.sessions(
        replace(ALL, developer="dev1"), SessionOrder.COST, descending=False, limit=9
    )
    assert ([one.session_id for one in page.sessions], page.count) == (["s1", "s4", "s7"], 3)
    found = await store.sessions(ALL, SessionOrder.COST, descending=True, limit=9, search="S7")
    assert [one.session_id for one in found.sessions] == ["s7"]
    groups = await store.usage(ALL, UsageDimension.MODEL, 10)
    assert [(one.value, one.sessions) for one in groups] == [("opus", 5), ("sonnet", 4)]
    edges = np.array([NOW_MS - 5_500, NOW_MS - 2_500, NOW_MS], np.int64)
    series = await store.usage_series(
        replace(ALL, start_ms=int(edges[0]), end_ms=int(edges[-1])), edges
    )
    assert series.requests.tolist() == [3, 2]


async def test_repricing_changes_costs_and_sums(store: DuckAgentSessionStore) -> None:
    await store.append_records(AgentRecords([replace(request(), cost_usd=None)]))
    assert await store.reprice(lambda one: one.tokens.output * 2.0) == 1
    assert await store.reprice(lambda one: one.tokens.output * 2.0) == 0
    session = await store.session("s1")
    assert session is not None
    assert (session.totals.cost_usd, session.totals.unpriced_tokens) == (40.0, 0)
    assert await store.reprice(lambda _: None) == 1
    assert await store.unpriced_models() == [("claude-sonnet-4-5", 35)]


async def test_erasing_a_developer_leaves_nothing_of_them(store: DuckAgentSessionStore) -> None:
    names = await store.pseudonyms(["ann@example.com"])
    hidden = replace(ANN, developer=names["ann@example.com"])
    bob = replace(ANN, developer="bob")
    action = AgentAction(
        session_id="s2", time_ms=NOW_MS, kind=ActionKind.PROMPT, key="p", sender=hidden
    )
    await store.append_records(
        AgentRecords(
            [
                replace(request("m1"), sender=hidden),
                replace(request("m2", "r2", session="s3"), sender=bob),
            ],
            [action],
        )
    )
    await store.append_outcomes([outcome("c1", author="ann@example.com")])
    assert await store.erase_developer("ann@example.com") == 3
    page = await store.sessions(ALL, SessionOrder.COST, descending=True, limit=9)
    assert [one.session_id for one in page.sessions] == ["s3"]
    assert not await store.timeline("s2", 9)
    assert not await store.outcomes(0, NOW_MS * 2)


async def test_expired_sessions_are_deleted_whole(store: DuckAgentSessionStore) -> None:
    old = replace(request("m1", "r1", session="old"), time_ms=NOW_MS - 1000)
    await store.append_records(AgentRecords([old, request("m2", "r2")]))
    assert await store.delete_sessions_before(NOW_MS) == 1
    assert (await store.totals(ALL)).requests == 1


def outcome(commit_id: str, **more: object) -> WorkOutcome:
    values = {
        "kind": OutcomeKind.COMMIT,
        "key": f"commit:o/r:{commit_id}",
        "repository": "o/r",
        "time_ms": NOW_MS,
        "commit_id": commit_id,
        "updated_ms": NOW_MS,
    }
    return WorkOutcome(**{**values, **more})  # type: ignore[arg-type]


async def test_session_is_linked_to_its_commits_and_pull_requests(
    store: DuckAgentSessionStore,
) -> None:
    commit = AgentAction(
        session_id="s1",
        time_ms=NOW_MS,
        kind=ActionKind.COMMIT,
        key="t1:abc1234",
        sender=ANN,
        reference="abc1234",
    )
    opened = replace(
        commit, kind=ActionKind.PULL_REQUEST, key="t2", reference="https://github.com/o/r/pull/7"
    )
    await store.append_records(AgentRecords((), [commit, opened]))
    full = "abc1234" + "0" * 33
    pull = outcome("m", kind=OutcomeKind.PULL_REQUEST, key="pull:o/r:7", number=7, state="open")
    other = outcome("n", kind=OutcomeKind.PULL_REQUEST, key="pull:o/r:8", number=8)
    assert await store.append_outcomes([outcome(full), pull, other, outcome("fff")]) == 4
    found = await store.outcomes_of_session("s1")
    assert {one.key for one in found} == {f"commit:o/r:{full}", "pull:o/r:7"}


async def test_short_id_in_two_repositories_is_decided_by_project_and_developer(
    store: DuckAgentSessionStore,
) -> None:
    commit = AgentAction(
        session_id="s1",
        time_ms=NOW_MS,
        kind=ActionKind.COMMIT,
        key="t1:abc1234",
        sender=replace(ANN, developer="ann@example.com", project="r"),
        reference="abc1234",
    )
    await store.append_records(AgentRecords((), [commit]))
    full = [f"abc1234{n}" + "0" * 32 for n in range(3)]
    there = outcome(full[1], key="commit:o/elsewhere:1", repository="o/elsewhere")
    merge = outcome(full[1], kind=OutcomeKind.PULL_REQUEST, key="pull:o/r:9", number=9)
    await store.append_outcomes([there])
    # The only one is the one that is meant, whatever its repository is called.
    assert [one.key for one in await store.outcomes_of_session("s1")] == [there.key]
    here = outcome(full[0], author="ann", author_email="Ann@example.com")
    await store.append_outcomes([here, merge])
    assert {one.key for one in await store.outcomes_of_session("s1")} == {here.key, merge.key}
    theirs = outcome(full[2], key="commit:p/r:2", repository="p/r", author="bob")
    await store.append_outcomes([theirs])
    assert {one.key for one in await store.outcomes_of_session("s1")} == {here.key, merge.key}


@pytest.mark.parametrize(
    ("author", "repository", "time_ms", "is_linked"),
    [
        ("ann@example.com", "o/R", NOW_MS + 60_000, True),
        ("ann@example.com", "o/r", NOW_MS + 600_001, False),
        ("bob@example.com", "o/r", NOW_MS, False),
        ("ann@example.com", "o/rr", NOW_MS, False),
        ("", "o/r", NOW_MS, False),
    ],
    ids=["same", "later", "another author", "another repository", "no author"],
)
async def test_commit_without_an_id_is_found_by_repository_and_author(
    store: DuckAgentSessionStore, author: str, repository: str, time_ms: int, is_linked: bool
) -> None:
    commit = AgentAction(
        session_id="s1",
        time_ms=NOW_MS,
        kind=ActionKind.COMMIT,
        key="event:1",
        sender=replace(ANN, developer="ann@example.com", project="r"),
    )
    await store.append_records(AgentRecords((), [commit]))
    one = outcome(
        "a" * 40, author="login", author_email=author, repository=repository, time_ms=time_ms
    )
    further = outcome("b" * 40, author_email=author, repository=repository, time_ms=time_ms + 9)
    await store.append_outcomes([further, one])
    found = await store.outcomes_of_session("s1")
    assert [each.commit_id for each in found] == (["a" * 40] if is_linked else [])


async def test_file_from_before_addresses_of_authors_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"

    def forget_column() -> None:
        with duckdb.connect(str(path)) as connection:
            connection.execute("alter table agent_outcomes drop column author_email")

    for authors in ([""], ["", "ann@example.com"]):
        events = DuckEventStore(path)
        store = events.agent_sessions
        await store.append_outcomes([outcome(f"c{len(authors)}", author_email=authors[-1])])
        found = await store.outcomes(0, NOW_MS * 2)
        assert [one.author_email for one in found] == authors
        await asyncio.to_thread(events.close)
        if len(authors) == 1:
            await asyncio.to_thread(forget_column)


async def test_erasing_an_address_deletes_what_its_login_did(store: DuckAgentSessionStore) -> None:
    commit = outcome("c1", author="ann", author_email="ann@example.com")
    pull = outcome("m", kind=OutcomeKind.PULL_REQUEST, key="pull:o/r:7", author="ann")
    other = outcome("c2", author="", author_email="")
    await store.append_outcomes([commit, pull, other])
    assert await store.erase_developer("ann@example.com") == 2
    assert await store.outcomes(0, NOW_MS * 2) == [other]


async def test_older_outcome_does_not_replace_a_newer_one(store: DuckAgentSessionStore) -> None:
    new = outcome("c", state="merged", updated_ms=NOW_MS)
    old = outcome("c", state="open", updated_ms=NOW_MS - 1)
    for one, changed in itertools.chain(((new, 1), (old, 0), (new, 0))):
        assert await store.append_outcomes([one]) == changed
    assert [one.state for one in await store.outcomes(0, NOW_MS * 2)] == ["merged"]


async def test_questions_before_the_first_record_create_no_file(
    events: DuckEventStore, tmp_path: Path
) -> None:
    store = events.agent_sessions
    assert (await store.totals(ALL)).requests == 0
    assert await store.session("s1") is None
    assert await store.reprice(lambda _: 1.0) == 0
    assert not await asyncio.to_thread((tmp_path / "events.duckdb").exists)
