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

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alerting.book.states import Timing
from alerting.checks.checks import CheckName, rule_identity
from alerting.errors import RuleFileError, TemplateError
from alerting.rules.rules import ALERT_NAME, AlertRule, RecordingRule, Rule, RuleGroup
from alerting.rules.templates import Template, parse_template
from model.documents import Document, DocumentError, Place, document_error, parse_document
from model.labels import METRIC_NAME, Labels
from model.quantities import DurationMs, PositiveDurationMs

ParseExpression = Callable[[str], object]
"""Parses PromQL; raises an error whose text says what is wrong with it."""

_NO_DATA_FOR_MS = 300_000
_Model = TypeVar("_Model", bound="_Document")


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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


class _File:
    """One file on its way to groups; collects everything that is wrong with it."""

    def __init__(self, path: Path, document: Document, parse: ParseExpression) -> None:
        self._path, self._document, self._parse = path, document, parse
        self.problems: list[tuple[int, str]] = []

    def _wrong(self, place: Place, title: str, reason: str) -> None:
        text = f"{title}: {reason}" if title else reason
        self.problems.append((self._document.line(place), text))

    def groups(self) -> list[RuleGroup]:
        data = self._document.data
        if not isinstance(data, dict) or set(data) - {"groups"}:
            self._wrong((), "", "a rule file holds one key, groups")
            return []
        found = data.get("groups") or []
        if not isinstance(found, list):
            self._wrong(("groups",), "groups", "must be a list")
            return []
        groups = [self._group(number, document) for number, document in enumerate(found)]
        names = Counter(group.name for group in groups if group is not None)
        for name, count in names.items():
            if count > 1:
                self._wrong((), f"group {name!r}", "the name is used twice in this file")
        return [group for group in groups if group is not None]

    def _validated(
        self, model: type[_Model], place: Place, title: str, data: object
    ) -> _Model | None:
        try:
            return model.model_validate(data)
        except ValidationError as exc:
            for error, (_, message) in zip(
                exc.errors(), document_error(self._document, exc).problems, strict=True
            ):
                self._wrong((*place, *error["loc"]), title, message)
            return None

    def _group(self, number: int, data: object) -> RuleGroup | None:
        place: Place = ("groups", number)
        name = data.get("name") if isinstance(data, dict) else None
        title = f"group {name!r}" if isinstance(name, str) else f"group {number + 1}"
        group = self._validated(_GroupDocument, place, title, data)
        if group is None:
            return None
        rules = [
            self._rule((*place, "rules", position), f"{title}, rule {position + 1}", group, entry)
            for position, entry in enumerate(group.rules)
        ]
        return RuleGroup(
            group.name,
            str(self._path),
            tuple(rule for rule in rules if rule is not None),
            group.interval,
            group.limit,
            group.query_offset,
        )

    def _rule(self, place: Place, title: str, group: _GroupDocument, data: object) -> Rule | None:
        name = (data.get("alert") or data.get("record")) if isinstance(data, dict) else None
        title += f" ({name})" if name else ""
        rule = self._validated(_RuleDocument, place, title, data)
        if rule is None:
            return None
        if (rule.record is None) == (rule.alert is None):
            self._wrong(place, title, "give either record or alert")
            return None
        for field in ("expr", "recovery_expr", "data_expr"):
            self._check_expression((*place, field), f"{title}: {field}", getattr(rule, field))
        labels = {**group.labels, **rule.labels}
        for label in labels:
            # Anything else in UTF-8 is a label name since Prometheus 3.
            if not label or label in (METRIC_NAME, ALERT_NAME):
                self._wrong(
                    (*place, "labels", label), f"{title}: labels", f"{label!r} cannot be set"
                )
        if rule.record is not None:
            return self._recording(place, title, rule.record, rule, labels)
        return AlertRule(
            identity=f"{group.name}/{rule.alert}",
            name=rule.alert or "",
            expression=rule.expr,
            timing=Timing(rule.for_ms, rule.keep_firing_for, rule.no_data_for),
            labels=self._templates((*place, "labels"), f"{title}: labels", labels),
            annotations=self._templates(
                (*place, "annotations"), f"{title}: annotations", rule.annotations
            ),
            recovery=rule.recovery_expr,
            data=rule.data_expr,
        )

    def _recording(
        self, place: Place, title: str, name: str, rule: _RuleDocument, labels: dict[str, str]
    ) -> RecordingRule:
        for field in rule.model_fields_set - {"record", "expr", "labels"}:
            key = "for" if field == "for_ms" else field
            self._wrong((*place, key), f"{title}: {key}", "only an alerting rule has it")
        return RecordingRule(name, rule.expr, Labels.of(labels))

    def _check_expression(self, place: Place, title: str, expression: str | None) -> None:
        if expression is None:
            return
        try:
            self._parse(expression)
        except Exception as exc:  # noqa: BLE001 - which errors a parser raises, its owner knows
            self._wrong(place, title, str(exc))

    def _templates(self, place: Place, title: str, texts: Mapping[str, str]) -> dict[str, Template]:
        parsed = {}
        for name, text in texts.items():
            try:
                parsed[name] = parse_template(text)
            except TemplateError as exc:
                self._wrong((*place, name), f"{title}: {name}", str(exc))
        return parsed


def parse_rule_file(text: str, path: Path, parse: ParseExpression) -> list[RuleGroup]:
    """Read the text of one rule file.

    Args:
        text: YAML.
        path: names it in errors.
        parse: parses one PromQL expression, raising what is wrong with it.

    Raises:
        RuleFileError: it is no rule file; everything wrong with it, each with file,
            line, group and rule.
    """
    try:
        document = parse_document(text, str(path), plain_text=True)
    except DocumentError as exc:
        raise RuleFileError(path, exc.problems) from exc
    file = _File(path, document, parse)
    groups = file.groups()
    if file.problems:
        raise RuleFileError(path, sorted(file.problems))
    return groups


def load_rule_files(paths: Iterable[Path], parse: ParseExpression) -> tuple[RuleGroup, ...]:
    """Read rule files; blocks. Rules that would share an identity are told apart.

    Raises:
        RuleFileError: a file cannot be read or is no rule file.
    """
    groups: list[RuleGroup] = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as exc:
            raise RuleFileError(path, [(0, exc.strerror or str(exc))]) from exc
        except UnicodeDecodeError as exc:
            raise RuleFileError(path, [(0, str(exc))]) from exc
        groups.extend(parse_rule_file(text, path, parse))
    return _told_apart(groups)


def _told_apart(groups: Iterable[RuleGroup]) -> tuple[RuleGroup, ...]:
    """Return the groups with no identity twice.

    Rules of one name usually differ in a label (`severity`), which names them whatever
    their order; only true duplicates are numbered.
    """
    groups = tuple(groups)
    plain = Counter(rule.identity for group in groups for rule in _alerting(group))
    # A group called "host" must not take over the host checks' alerts.
    plain.update(map(rule_identity, CheckName))
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
