"""The filters and pages of `/api/v1/rules`: by type, name, group, file or labels.

Source: Prometheus, web/api/v1/api.go (rules and its parameters).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from alerting.views import GroupView, RuleKind, RuleView
from model.labels import Labels
from model.matchers import Matcher, matches_all
from web.prometheus.parameters import (
    Parameters,
    boolean,
    invalid,
    selectors_parameter,
    whole_number,
)

_KINDS: Final = {"": None, "alert": RuleKind.ALERTING, "record": RuleKind.RECORDING}


@dataclass(frozen=True, slots=True)
class RuleFilters:
    """The filters of one request; an empty set does not filter.

    Attributes:
        kind: alerting or recording rules; None for both.
        rules: names of rules.
        groups: names of groups.
        files: names of rule files.
        selectors: a rule's labels must match one of these.
        without_alerts: leave out the alerts of each rule.
        max_groups: the largest number of groups on a page, 0 for all.
        page: the token of the last group of the page before, "" for the first page.
    """

    kind: RuleKind | None
    rules: frozenset[str]
    groups: frozenset[str]
    files: frozenset[str]
    selectors: Sequence[Sequence[Matcher]]
    without_alerts: bool
    max_groups: int
    page: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RuleFilters":
        """Return the filters of a request.

        Raises:
            BadRequestError: a parameter is invalid.
        """
        kind = parameters.get("type", "")
        if kind.lower() not in _KINDS:
            raise invalid("type", f'not supported value "{kind}"')
        exclude = parameters.get("exclude_alerts", "")
        without_alerts = boolean(exclude)
        if without_alerts is None:
            reason = f'strconv.ParseBool: parsing "{exclude}": invalid syntax'
            raise invalid("exclude_alerts", f"error converting exclude_alerts: {reason}")
        return cls(
            _KINDS[kind.lower()],
            frozenset(parameters.getall("rule_name[]", [])),
            frozenset(parameters.getall("rule_group[]", [])),
            frozenset(parameters.getall("file[]", [])),
            selectors_parameter(parameters),
            without_alerts,
            _max_groups(parameters),
            parameters.get("group_next_token", ""),
        )

    def of(self, groups: Sequence[GroupView]) -> tuple[list[GroupView], str]:
        """Return one page of groups, and the token of the next page, "" after the last.

        Groups without matching rules are left out.

        Raises:
            BadRequestError: no group has the page's token.
        """
        found = [kept for group in groups if (kept := self._filtered(group)).rules]
        if self.page:
            tokens = [_token(group) for group in found]
            if self.page not in tokens:
                reason = f"invalid group_next_token '{self.page}'. were rule groups changed?"
                raise invalid("group_next_token", reason)
            found = found[tokens.index(self.page) + 1 :]
        if not self.max_groups or len(found) <= self.max_groups:
            return found, ""
        page = found[: self.max_groups]
        return page, _token(page[-1])

    def _filtered(self, group: GroupView) -> GroupView:
        if (self.groups and group.name not in self.groups) or (
            self.files and group.file not in self.files
        ):
            return replace(group, rules=())
        rules = tuple(rule for rule in group.rules if self._matches(rule))
        if self.without_alerts:
            rules = tuple(replace(rule, alerts=()) for rule in rules)
        return replace(group, rules=rules)

    def _matches(self, rule: RuleView) -> bool:
        return (
            (self.kind is None or rule.kind is self.kind)
            and (not self.rules or rule.name in self.rules)
            and self._is_selected(rule)
        )

    def _is_selected(self, rule: RuleView) -> bool:
        labels = Labels.of(rule.labels)
        return not self.selectors or any(matches_all(each, labels) for each in self.selectors)


def _max_groups(parameters: Parameters) -> int:
    text = parameters.get("group_limit", "")
    if not text:
        if parameters.get("group_next_token"):
            reason = "group_limit needs to be present in order to paginate over the groups"
            raise invalid("group_next_token", reason)
        return 0
    limit = whole_number(text)
    if limit is None:
        reason = f'strconv.ParseInt: parsing "{text}": invalid syntax'
        raise invalid("group_limit", f"group_limit needs to be a valid number: {reason}")
    if limit <= 0:
        raise invalid("group_limit", "group_limit needs to be greater than 0")
    return limit


def _token(group: GroupView) -> str:
    """Return the token that identifies a group in a URL."""
    return hashlib.sha256(f"{group.file};{group.name}".encode()).hexdigest()[:40]
