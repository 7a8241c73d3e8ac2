"""The rule groups that editors made, beside those of rule files."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Final, TypeVar

import structlog

from alerting.errors import RuleFileError, RuleGroupError
from alerting.rules.definitions import RuleGroup
from alerting.rules.stored_groups import (
    Definition,
    definition_of,
    definitions_of_file,
    rule_file_of,
    stored_group,
    with_stored_identities,
)
from daemon.configuration.configuration import Configuration
from model.clock import Clock
from model.process.uninterrupted import uninterrupted
from promql.syntax.parser import parse
from storage.api.errors import NotFoundError
from storage.api.rules.stored_groups import RuleGroupContent, RuleGroupRecords, StoredRuleGroup
from web.http.errors import BadRequestError
from web.management.rule_groups import LONGEST_RULES, MOST_CHARACTERS, MOST_GROUPS

log = structlog.get_logger(__name__)

T = TypeVar("T")
_LONGEST_NAME: Final = 200

Changing = Callable[[], AbstractAsyncContextManager[Configuration]]
"""Holds off reloads of the configuration, and yields the running one."""


class StoredRules:
    """Keeps rule groups in the records, and evaluates them at once."""

    def __init__(self, records: RuleGroupRecords, clock: Clock) -> None:
        self._records, self._clock = records, clock
        self._stored: dict[int, StoredRuleGroup] = {}
        self._parsed: dict[StoredRuleGroup, RuleGroup | str] = {}
        self._changing: Changing | None = None
        self._evaluate: Callable[[Iterable[RuleGroup]], Awaitable[None]] | None = None

    def follow(
        self, changing: Changing, evaluate: Callable[[Iterable[RuleGroup]], Awaitable[None]]
    ) -> None:
        """Use these functions from now on.

        Args:
            changing: holds off reloads of the configuration.
            evaluate: evaluates these groups and no others.
        """
        self._changing, self._evaluate = changing, evaluate

    async def load(self) -> None:
        """Read the groups; one that is invalid is logged and not evaluated.

        Raises:
            StorageError: the records cannot be read.
        """
        stored = await self._records.all()
        self._stored = {each.id: each for each in stored}
        known = self._parsed
        self._parsed = await asyncio.to_thread(
            lambda: {each: known[each] if each in known else _parsed(each) for each in stored}
        )
        for each, found in self._parsed.items():
            if isinstance(found, str) and each not in known:
                log.warning("stored_rule_group_invalid", group=each.name, error=found)

    def joined(self, configuration: Configuration) -> tuple[RuleGroup, ...]:
        """Return the groups of a configuration's rule files, and the stored ones."""
        labels = configuration.external_labels
        own = [
            replace(group, external_labels=labels)
            for group in self._parsed.values()
            if isinstance(group, RuleGroup)
        ]
        files = configuration.rule_groups
        return (*files, *with_stored_identities(own, files))

    def all(self) -> Sequence[StoredRuleGroup]:
        """See `ManagedRuleGroups.all`."""
        return tuple(self._stored.values())

    def get(self, group_id: int) -> StoredRuleGroup:
        """See `ManagedRuleGroups.get`."""
        found = self._stored.get(group_id)
        if found is None:
            raise NotFoundError("rule group", group_id)
        return found

    def problem(self, group_id: int) -> str:
        """See `ManagedRuleGroups.problem`."""
        found = self._parsed[self.get(group_id)]
        return found if isinstance(found, str) else ""

    def rule_file(self, groups: Sequence[StoredRuleGroup]) -> str:
        """See `ManagedRuleGroups.rule_file`."""
        return rule_file_of(json.loads(each.definition) for each in groups)

    async def add(self, definition: Mapping[str, Any], author: str) -> StoredRuleGroup:
        """See `ManagedRuleGroups.add`."""
        content = await asyncio.to_thread(_content, definition)
        (added,) = await self._added([content], author, overwrite=False)
        return added

    async def add_file(
        self, text: str, author: str, *, overwrite: bool = False
    ) -> Sequence[StoredRuleGroup]:
        """See `ManagedRuleGroups.add_file`."""
        contents = await asyncio.to_thread(_contents_of_file, text)
        if not contents:
            raise BadRequestError("rules: the file has no group", "rules")
        return await self._added(contents, author, overwrite=overwrite)

    async def _added(
        self, contents: Sequence[RuleGroupContent], author: str, *, overwrite: bool
    ) -> Sequence[StoredRuleGroup]:
        async def store() -> Sequence[StoredRuleGroup]:
            self._check_room(contents)
            return await self._records.add(contents, author, self._clock(), overwrite=overwrite)

        return await self._applied(store)

    def _check_room(self, contents: Iterable[RuleGroupContent]) -> None:
        """Refuse groups beyond the limits of all stored groups together."""
        sizes = {each.name: len(each.definition) for each in (*self._stored.values(), *contents)}
        if len(sizes) > MOST_GROUPS:
            raise BadRequestError(f"{MOST_GROUPS} stored rule groups are the most; delete some")
        if sum(sizes.values()) > MOST_CHARACTERS:
            raise BadRequestError(
                f"the stored rule groups have more than {MOST_CHARACTERS:,} characters;"
                " delete some, or write them to a rule file"
            )

    async def change(
        self, group_id: int, version: int, definition: Mapping[str, Any], author: str
    ) -> StoredRuleGroup:
        """See `ManagedRuleGroups.change`."""
        content = await asyncio.to_thread(_content, definition)
        return await self._changed(group_id, version, content, author)

    async def change_by_file(
        self, group_id: int, version: int, text: str, author: str
    ) -> StoredRuleGroup:
        """See `ManagedRuleGroups.change_by_file`."""
        contents = await asyncio.to_thread(_contents_of_file, text)
        if len(contents) != 1:
            raise BadRequestError(
                f"rules: the file of a stored group has one group, not {len(contents)}", "rules"
            )
        return await self._changed(group_id, version, contents[0], author)

    async def _changed(
        self, group_id: int, version: int, content: RuleGroupContent, author: str
    ) -> StoredRuleGroup:
        async def store() -> StoredRuleGroup:
            self._check_room([content])
            return await self._records.change(group_id, version, content, author, self._clock())

        return await self._applied(store)

    async def remove(self, group_id: int, version: int | None = None) -> StoredRuleGroup:
        """See `ManagedRuleGroups.remove`."""
        return await self._applied(lambda: self._records.remove(group_id, version))

    async def _applied(self, store: Callable[[], Awaitable[T]]) -> T:
        """Store a change, then evaluate the groups of now."""
        if self._changing is None or self._evaluate is None:
            raise RuntimeError("stored rules follow no server")
        # Else a client that leaves could leave a change stored and not evaluated.
        return await uninterrupted(
            self._stored_and_evaluated(store, self._changing, self._evaluate)
        )

    async def _stored_and_evaluated(
        self,
        store: Callable[[], Awaitable[T]],
        changing: Changing,
        evaluate: Callable[[Iterable[RuleGroup]], Awaitable[None]],
    ) -> T:
        async with changing() as running:
            result = await store()
            await self.load()
            await evaluate(self.joined(running))
        return result


def _parsed(stored: StoredRuleGroup) -> RuleGroup | str:
    """Return the group, or what is wrong with it."""
    try:
        return stored_group(json.loads(stored.definition), parse)
    except (RuleGroupError, ValueError) as exc:
        return str(exc)


def _content(definition: Mapping[str, Any]) -> RuleGroupContent:
    try:
        stored_group(definition, parse)
    except RuleGroupError as exc:
        field, _ = exc.problems[0]
        raise BadRequestError(str(exc), f"group.{field}" if field else "group") from exc
    return _content_of(definition_of(definition), "group")


def _contents_of_file(text: str) -> list[RuleGroupContent]:
    try:
        definitions = definitions_of_file(text, "rules", parse)
    except RuleFileError as exc:
        raise BadRequestError(f"rules: {exc}", "rules") from exc
    return [_content_of(each, "rules") for each in definitions]


def _content_of(definition: Definition, field: str) -> RuleGroupContent:
    name, text = definition["name"], json.dumps(definition, ensure_ascii=False)
    if len(name) > _LONGEST_NAME:
        raise BadRequestError(f"{field}: the name of a group has at most 200 characters", field)
    if len(text) > LONGEST_RULES:
        raise BadRequestError(f"{field}: a group has at most {LONGEST_RULES:,} characters", field)
    return RuleGroupContent(name, text)
