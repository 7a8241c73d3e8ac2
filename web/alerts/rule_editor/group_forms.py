"""Bodies, parameters and documents of the API of stored rule groups."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict

from alerting.rules.file_models import GroupModel, RuleModel
from model.base_models import DeferredModel
from storage.api.rules.stored_groups import StoredRuleGroup
from web.http.parameters import Parameters, RecordId, RecordPath
from web.management.rule_groups import LONGEST_RULES, ManagedRuleGroups

Version = Annotated[int, Field(ge=1, le=2**31)]


class RuleGroupForm(GroupModel):
    """A group with the keys of Prometheus's rule files."""

    rules: list[RuleModel] = Field(default_factory=list)

    def definition(self) -> Mapping[str, Any]:
        """Return the group as a mapping with the keys of a rule file."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class _RuleGroupBody(DeferredModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewRuleGroupForm(_RuleGroupBody):
    """A new group."""

    group: RuleGroupForm


class RuleGroupChangeForm(_RuleGroupBody):
    """A group as it is from now on, and the version that the change starts from."""

    version: Version
    group: RuleGroupForm


class RuleFileDocument(TypedDict):
    """A rule file of Prometheus."""

    groups: list[dict[str, Any]]


class RuleImportForm(_RuleGroupBody):
    """A rule file; with `overwrite`, its groups replace those with the same names."""

    rules: Annotated[str, Field(min_length=1, max_length=LONGEST_RULES)]
    overwrite: bool = False


def _switch(value: object) -> object:
    return {"true": True, "false": False, "1": True, "0": False}.get(str(value).lower(), value)


class RuleImportQuery(Parameters):
    """`overwrite` of a body in YAML."""

    overwrite: Annotated[bool, BeforeValidator(_switch)] = False


class RemovedRuleGroupQuery(Parameters):
    """The version to delete; without one, any version."""

    version: RecordId | None = None


RuleGroupPath = RecordPath

RuleDefinitionDocument = TypedDict(
    "RuleDefinitionDocument",
    {
        "record": str,
        "alert": str,
        "expr": str,
        "for": str,
        "keep_firing_for": str,
        "labels": dict[str, str],
        "annotations": dict[str, str],
        "recovery_expr": str,
        "data_expr": str,
        "no_data_for": str,
    },
    total=False,
)


class _GroupOptionsDocument(TypedDict, total=False):
    interval: str
    limit: int
    query_offset: str
    labels: dict[str, str]


class GroupDefinitionDocument(_GroupOptionsDocument):
    """A group with the keys of Prometheus's rule files; defaults are left out."""

    name: str
    rules: list[RuleDefinitionDocument]


class StoredRuleGroupEntry(TypedDict):
    """A stored rule group without its rules; `problem` says why it is not evaluated."""

    id: int
    name: str
    version: int
    author: str
    created_ms: int
    changed_ms: int
    problem: str


class StoredRuleGroupDocument(StoredRuleGroupEntry):
    """A stored rule group."""

    group: GroupDefinitionDocument


def group_entry(stored: StoredRuleGroup, managed: ManagedRuleGroups) -> StoredRuleGroupEntry:
    """Return a stored group as an entry of the list."""
    return {
        "id": stored.id,
        "name": stored.name,
        "version": stored.version,
        "author": stored.author,
        "created_ms": stored.created_ms,
        "changed_ms": stored.changed_ms,
        "problem": managed.problem(stored.id),
    }


def group_document(stored: StoredRuleGroup, managed: ManagedRuleGroups) -> StoredRuleGroupDocument:
    """Return a stored group with its definition."""
    return {**group_entry(stored, managed), "group": json.loads(stored.definition)}
