"""Rule groups that editors made, beside those of rule files."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from alerting.rules.definitions import RuleGroup
from alerting.rules.files import parse_rule_file
from daemon.configuration.configuration import Configuration
from daemon.configuration.settings import Settings
from daemon.server.management.stored_rules import StoredRules
from model.labels import Labels
from promql.syntax.parser import parse
from storage.api.errors import NotFoundError, TakenError
from storage.api.rules.stored_groups import RuleGroupContent
from storage.records.store import Records
from tests.patience import PATIENCE_S
from web.http.errors import BadRequestError, UnavailableError
from web.management.rule_groups import LONGEST_RULES, MOST_CHARACTERS, MOST_GROUPS

NOW_MS = 1_763_820_000_000
GROUP = {"name": "mine", "rules": [{"alert": "Load", "expr": "node_load5 > 4"}]}
FILES = tuple(parse_rule_file(json.dumps({"groups": [GROUP]}), Path("/etc/a.yml"), parse))
RUNNING = Configuration(Settings(), rule_groups=FILES, external_labels=Labels.of({"replica": "a"}))


class Bench:
    """Stored rules over opened records, and what they have evaluated."""

    def __init__(self, records: Records) -> None:
        self.rules = StoredRules(records.rule_groups, lambda: NOW_MS)
        self.evaluated: list[list[tuple[str, str]]] = []
        self.groups: tuple[RuleGroup, ...] = ()
        self.is_open, self.may_evaluate = True, asyncio.Event()
        self.may_evaluate.set()
        self.has_begun = asyncio.Event()
        self.rules.follow(self._changing, self._evaluate)

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[Configuration]:
        if not self.is_open:
            raise UnavailableError("the server is starting or stopping")
        yield RUNNING

    async def _evaluate(self, groups: Iterable[RuleGroup]) -> None:
        self.has_begun.set()
        await self.may_evaluate.wait()
        self.groups = tuple(groups)
        self.evaluated.append([(group.file, group.name) for group in self.groups])


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    yield records
    await asyncio.to_thread(records.close)


async def test_stored_groups_are_evaluated_beside_those_of_files(records: Records) -> None:
    bench = Bench(records)
    added = await bench.rules.add(GROUP, "eve")
    await bench.rules.change(added.id, 1, {**GROUP, "name": "other"}, "eve")
    await bench.rules.remove(added.id)
    of_file = ("/etc/a.yml", "mine")
    assert bench.evaluated == [
        [of_file, ("records.db", "mine")],
        [of_file, ("records.db", "other")],
        [of_file],
    ]


async def test_stored_groups_survive_a_restart_and_know_the_external_labels(
    records: Records,
) -> None:
    await Bench(records).rules.add(GROUP, "eve")
    again = StoredRules(records.rule_groups, lambda: NOW_MS)
    await again.load()
    *files, own = again.joined(RUNNING)
    assert tuple(files) == FILES
    assert (own.name, own.external_labels) == ("mine", RUNNING.external_labels)
    renamed = replace(RUNNING, rule_groups=())
    assert again.joined(renamed) == (own,)


async def test_invalid_stored_group_is_logged_once_and_left_out(records: Records) -> None:
    broken = '{"name": "old", "rules": [{"alert": "A", "expr": "gone("}]}'
    texts = [RuleGroupContent("old", broken), RuleGroupContent("older", "{")]
    await records.rule_groups.add(texts, "eve", 1)
    bench = Bench(records)
    with capture_logs() as logs:
        await bench.rules.load()
        await bench.rules.add(GROUP, "eve")
    assert [(each["event"], each["group"]) for each in logs] == [
        ("stored_rule_group_invalid", "old"),
        ("stored_rule_group_invalid", "older"),
    ]
    assert bench.evaluated[-1][1:] == [("records.db", "mine")]
    # It is still listed, so that it can be mended.
    assert [each.name for each in bench.rules.all()] == ["mine", "old", "older"]
    assert "rule 1 (A): expr" in bench.rules.problem(1)
    assert bench.rules.problem(3) == ""
    await bench.rules.change(1, 1, {**GROUP, "name": "old"}, "eve")
    assert bench.rules.problem(1) == ""


async def test_refused_change_evaluates_nothing(records: Records) -> None:
    bench = Bench(records)
    await bench.rules.add(GROUP, "eve")
    with pytest.raises(TakenError):
        await bench.rules.add(GROUP, "eve")
    with pytest.raises(NotFoundError):
        await bench.rules.change(9, 1, GROUP, "eve")
    with pytest.raises(BadRequestError):
        await bench.rules.change_by_file(1, 1, "groups: 1", "eve")
    assert len(bench.evaluated) == 1


async def test_nothing_is_stored_while_the_server_starts_or_stops(records: Records) -> None:
    bench = Bench(records)
    bench.is_open = False
    with pytest.raises(UnavailableError):
        await bench.rules.add(GROUP, "eve")
    assert await records.rule_groups.all() == []


async def test_change_of_a_client_that_leaves_is_evaluated_too(records: Records) -> None:
    bench = Bench(records)
    bench.may_evaluate.clear()
    adding = asyncio.create_task(bench.rules.add(GROUP, "eve"))
    async with asyncio.timeout(PATIENCE_S):
        await bench.has_begun.wait()
    adding.cancel()
    bench.may_evaluate.set()
    with pytest.raises(asyncio.CancelledError):
        await adding
    assert len(bench.evaluated) == 1


async def test_stored_groups_are_bounded(records: Records) -> None:
    bench = Bench(records)
    with pytest.raises(BadRequestError, match="a group has at most 1,000,000 characters"):
        await bench.rules.add({**GROUP, "labels": {"a": "x" * LONGEST_RULES}}, "eve")
    large = "x" * (MOST_CHARACTERS // 11)
    for number in range(10):
        await bench.rules.add({"name": f"large {number}", "labels": {"a": large}}, "eve")
    with pytest.raises(BadRequestError, match="more than 10,000,000 characters"):
        await bench.rules.add({"name": "one more", "labels": {"a": large}}, "eve")
    # A group that shrinks makes room.
    await bench.rules.change(1, 1, {"name": "large 0"}, "eve")
    await bench.rules.add({"name": "one more", "labels": {"a": large}}, "eve")


async def test_number_of_stored_groups_is_bounded(records: Records) -> None:
    bench = Bench(records)
    names = [{"name": f"group {number}"} for number in range(MOST_GROUPS)]
    await bench.rules.add_file(json.dumps({"groups": names}), "eve")
    with pytest.raises(BadRequestError, match="1000 stored rule groups are the most"):
        await bench.rules.add(GROUP, "eve")
    await bench.rules.add_file(json.dumps({"groups": names[:1]}), "eve", overwrite=True)
