"""Merged persons beside a union-find that knows which persons are users."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from storage.api.events import EventSelection
from storage.api.new_events import NewEvent, PersonMerge
from storage.events import DuckEventStore

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NOW_MS = 1_764_000_000_000
IDS = ["ann", "bob", "cat", "phone", "laptop", "kiosk"]


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    rows = [NewEvent(f"id-{name}", "open", NOW_MS, name) for name in IDS]
    await store.append(1, rows, NOW_MS)
    yield store
    await asyncio.to_thread(store.close)


async def persons(store: DuckEventStore) -> int:
    return (await store.totals(EventSelection(1, 0, 2**53))).persons


async def test_two_users_of_one_device_are_not_merged(store: DuckEventStore) -> None:
    assert await store.identify(1, [PersonMerge("phone", "ann")]) == 0
    assert await store.identify(1, [PersonMerge("phone", "bob")]) == 1
    assert await store.distinct_ids(1, "ann") == ["ann", "phone"]
    assert await store.distinct_ids(1, "bob") == ["bob"]
    # What a device sends later still belongs to its first user.
    await store.append(1, [NewEvent("late", "open", NOW_MS, "phone")], NOW_MS)
    ann = EventSelection(1, 0, 2**53, distinct_ids=("ann",))
    assert (await store.totals(ann)).events == 3


async def test_a_user_has_many_devices(store: DuckEventStore) -> None:
    devices = [PersonMerge(name, "ann") for name in ("phone", "laptop", "kiosk")]
    assert await store.identify(1, devices) == 0
    assert await persons(store) == 3


async def test_two_users_with_devices_are_merged_by_force_only(store: DuckEventStore) -> None:
    await store.identify(1, [PersonMerge("phone", "ann"), PersonMerge("laptop", "bob")])
    assert await store.identify(1, [PersonMerge("ann", "bob")]) == 1
    assert await store.identify(1, [PersonMerge("ann", "bob", is_forced=True)]) == 0
    assert await store.distinct_ids(1, "phone") == ["ann", "bob", "laptop", "phone"]


async def test_an_erased_user_may_be_merged_anew(store: DuckEventStore) -> None:
    await store.identify(1, [PersonMerge("phone", "ann")])
    assert await store.erase_person(1, "ann") == 2
    assert await store.identify(1, [PersonMerge("phone", "bob")]) == 0


async def test_merges_of_parallel_senders_share_commits_and_leave_the_journal_alone(
    store: DuckEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = []
    transaction = store._database.transaction

    def counted(work: Callable[["DuckDBPyConnection"], object]) -> object:
        commits.append(work)
        return transaction(work)

    monkeypatch.setattr(store._database, "transaction", counted)
    asked = [PersonMerge(f"device-{number}", "ann") for number in range(40)]
    assert await asyncio.gather(*(store.identify(1, [each]) for each in asked)) == [0] * 40
    assert len(commits) < 10
    assert store._journal.pending.rows == len(IDS)
    assert await store.identify(1, [PersonMerge("device-7", "bob"), asked[0]]) == 1
    monkeypatch.undo()
    assert await persons(store) == len(IDS)


class Merging(RuleBasedStateMachine):
    """Merges, erasures and restarts in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="merging-")
        self.store = DuckEventStore(Path(self.folder.name) / "events.duckdb")
        self.parent = {name: name for name in IDS}
        self.users: set[str] = set()
        self.number = 0
        self.add(*IDS)

    def root(self, name: str) -> str:
        return name if self.parent[name] == name else self.root(self.parent[name])

    def add(self, *names: str) -> None:
        rows = []
        for name in names:
            self.number += 1
            rows.append(NewEvent(f"id-{self.number}", "open", NOW_MS, name))
        asyncio.run(self.store.append(1, rows, NOW_MS))

    @rule(alias=st.sampled_from(IDS), user=st.sampled_from(IDS), is_forced=st.booleans())
    def identify(self, alias: str, user: str, is_forced: bool) -> None:
        refused = asyncio.run(self.store.identify(1, [PersonMerge(alias, user, is_forced)]))
        old, new = self.root(alias), self.root(user)
        if old == new:
            assert refused == 0
        elif old in self.users and not is_forced:
            assert refused == 1
        else:
            assert refused == 0
            self.parent[old] = new
            self.users.discard(old)
            self.users.add(new)

    @rule(name=st.sampled_from(IDS))
    def erase(self, name: str) -> None:
        asyncio.run(self.store.erase_person(1, name))
        root = self.root(name)
        own = [each for each in IDS if self.root(each) == root]
        self.users.discard(root)
        for each in own:
            self.parent[each] = each
        self.add(*own)

    @precondition(lambda self: self.number > len(IDS))
    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = DuckEventStore(Path(self.folder.name) / "events.duckdb")

    @invariant()
    def persons_are_as_merged(self) -> None:
        for name in IDS:
            expected = sorted(each for each in IDS if self.root(each) == self.root(name))
            assert asyncio.run(self.store.distinct_ids(1, name)) == expected
        assert asyncio.run(persons(self.store)) == len({self.root(name) for name in IDS})

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


Merging.TestCase.settings = settings(max_examples=5, stateful_step_count=12, deadline=None)
TestMergingInAnyOrder = pytest.mark.slow(Merging.TestCase)
