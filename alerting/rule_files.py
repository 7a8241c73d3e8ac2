"""Reads Prometheus's rule files.

Beside Prometheus's own keys an alerting rule may have three of ours: `recovery_expr`
(the alert fires on while this still holds), `data_expr` (an alert whose series this
does not return has no data, instead of having recovered) and `no_data_for`.

Source: Prometheus documentation, "Defining recording rules" and "Alerting rules".
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alerting.errors import RuleFileError, TemplateError
from alerting.rules import ALERT_NAME, AlertRule, RecordingRule, Rule, RuleGroup
from alerting.settings import DurationMs, PositiveDurationMs
from alerting.states import Timing
from alerting.templates import Template, parse_template
from model.labels import METRIC_NAME, Labels

ParseExpression = Callable[[str], object]
"""Parses PromQL; raises an error whose text says what is wrong with it."""

_NO_DATA_FOR_MS = 300_000
_Model = TypeVar("_Model", bound="_Document")


class _Document(BaseModel):
    # Numbers as text, because YAML reads `expr: 1` and `version: 2` as numbers.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class _RuleDocument(_Document):
    record: str | None = Field(default=None, min_length=1)
    alert: str | None = Field(default=None, min_length=1)
    expr: str
    for_ms: DurationMs = Field(default=0, alias="for")
    keep_firing_for: DurationMs = 0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    recovery_expr: str | None = None
    data_expr: str | None = None
    no_data_for: DurationMs = _NO_DATA_FOR_MS


class _GroupDocument(_Document):
    name: str = Field(min_length=1)
    interval: PositiveDurationMs | None = None
    limit: int = Field(default=0, ge=0)
    query_offset: DurationMs = 0
    labels: dict[str, str] = {}
    rules: list[Any] = []


class _Loader(yaml.CSafeLoader):
    """YAML without what would pass silently: a key that is given twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, count in Counter(map(repr, keys)).items():
            if count > 1:
                raise yaml.constructor.ConstructorError(
                    problem=f"key {key} is given twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep)


class _File:
    """One file on its way to groups; errors name where they are."""

    def __init__(self, path: Path, parse: ParseExpression) -> None:
        self._path = path
        self._parse = parse

    def _error(self, place: str, reason: str) -> RuleFileError:
        return RuleFileError(self._path, place, reason)

    def groups(self, text: str) -> list[RuleGroup]:
        try:
            document = yaml.load(text, _Loader)  # noqa: S506 - derived from the safe loader
        except (yaml.YAMLError, RecursionError, ValueError) as exc:
            raise self._error("", f"not YAML: {exc}") from exc
        if document is None:
            return []
        if not isinstance(document, dict) or set(document) - {"groups"}:
            raise self._error("", "a rule file holds one key, groups")
        found = document.get("groups") or []
        if not isinstance(found, list):
            raise self._error("groups", "must be a list")
        groups = [self._group(number, group) for number, group in enumerate(found, 1)]
        for name, count in Counter(group.name for group in groups).items():
            if count > 1:
                raise self._error(f"group {name!r}", "the name is used twice in this file")
        return groups

    def _validated(self, model: type[_Model], place: str, document: object) -> _Model:
        try:
            return model.model_validate(document)
        except ValidationError as exc:
            raise self._error(place, _first_error(exc)) from exc

    def _group(self, number: int, document: object) -> RuleGroup:
        name = document.get("name") if isinstance(document, dict) else None
        place = f"group {name!r}" if isinstance(name, str) else f"group {number}"
        group = self._validated(_GroupDocument, place, document)
        rules = []
        for position, entry in enumerate(group.rules, 1):
            title = None
            if isinstance(entry, dict):
                title = entry.get("alert") or entry.get("record")
            at = f"{place}, rule {position}" + (f" ({title})" if title else "")
            rules.append(self._rule(at, group, self._validated(_RuleDocument, at, entry)))
        return RuleGroup(
            group.name,
            str(self._path),
            tuple(rules),
            group.interval,
            group.limit,
            group.query_offset,
        )

    def _rule(self, place: str, group: _GroupDocument, rule: _RuleDocument) -> Rule:
        if (rule.record is None) == (rule.alert is None):
            raise self._error(place, "give either record or alert")
        for field in ("expr", "recovery_expr", "data_expr"):
            self._check_expression(place, field, getattr(rule, field))
        labels = {**group.labels, **rule.labels}
        for name in labels:
            # Anything else in UTF-8 is a label name since Prometheus 3.
            if not name or name in (METRIC_NAME, ALERT_NAME):
                raise self._error(place, f"labels: {name!r} cannot be set")
        if rule.record is not None:
            return self._recording(place, rule.record, rule, labels)
        return AlertRule(
            identity=f"{group.name}/{rule.alert}",
            name=rule.alert or "",
            expression=rule.expr,
            timing=Timing(rule.for_ms, rule.keep_firing_for, rule.no_data_for),
            labels=self._templates(place, "labels", labels),
            annotations=self._templates(place, "annotations", rule.annotations),
            recovery=rule.recovery_expr,
            data=rule.data_expr,
        )

    def _recording(
        self, place: str, name: str, rule: _RuleDocument, labels: dict[str, str]
    ) -> RecordingRule:
        alone = rule.model_fields_set - {"record", "expr", "labels"}
        if alone:
            field = "for" if "for_ms" in alone else min(alone)
            raise self._error(place, f"{field}: only an alerting rule has it")
        return RecordingRule(name, rule.expr, Labels.of(labels))

    def _check_expression(self, place: str, field: str, expression: str | None) -> None:
        if expression is None:
            return
        try:
            self._parse(expression)
        except Exception as exc:  # the parser's own errors are its caller's business
            raise self._error(place, f"{field}: {exc}") from exc

    def _templates(self, place: str, field: str, texts: Mapping[str, str]) -> dict[str, Template]:
        parsed = {}
        for name, text in texts.items():
            try:
                parsed[name] = parse_template(text)
            except TemplateError as exc:
                raise self._error(place, f"{field}: {name}: {exc}") from exc
        return parsed


def _first_error(exc: ValidationError) -> str:
    error = exc.errors()[0]
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {where!r}"
    return f"{where}: {error['msg']}" if where else error["msg"]


def parse_rule_file(text: str, path: Path, parse: ParseExpression) -> list[RuleGroup]:
    """Read the text of one rule file.

    Args:
        text: YAML.
        path: names it in errors.
        parse: parses one PromQL expression, raising what is wrong with it.

    Raises:
        RuleFileError: it is no rule file, with file, group and rule named.
    """
    return _File(path, parse).groups(text)


def load_rule_files(paths: Iterable[Path], parse: ParseExpression) -> tuple[RuleGroup, ...]:
    """Read rule files; blocks. Rules that would share an identity are told apart.

    Raises:
        RuleFileError: a file cannot be read or is no rule file.
    """
    groups: list[RuleGroup] = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise RuleFileError(path, "", str(exc)) from exc
        groups.extend(parse_rule_file(text, path, parse))
    return _told_apart(groups)


def _told_apart(groups: Iterable[RuleGroup]) -> tuple[RuleGroup, ...]:
    """Return the groups with no identity twice.

    Rules of one name usually differ in a label (`severity`), which names them whatever
    their order; only true duplicates are numbered.
    """
    groups = tuple(groups)
    plain = Counter(rule.identity for group in groups for rule in _alerting(group))
    used: Counter[str] = Counter()
    result = []
    for group in groups:
        rules: list[Rule] = []
        for rule in group.rules:
            if isinstance(rule, AlertRule) and plain[rule.identity] > 1:
                labels = {name: template.source for name, template in rule.labels.items()}
                identity = f"{rule.identity}{Labels.of(labels)}"
                used[identity] += 1
                number = f" #{used[identity]}" if used[identity] > 1 else ""
                rule = replace(rule, identity=identity + number)  # noqa: PLW2901
            rules.append(rule)
        result.append(replace(group, rules=tuple(rules)))
    return tuple(result)


def _alerting(group: RuleGroup) -> Iterable[AlertRule]:
    return (rule for rule in group.rules if isinstance(rule, AlertRule))
