"""Reads Prometheus's rule files.

Alerting rules may have three more keys than in Prometheus: `recovery_expr` (the alert
keeps firing while this holds), `data_expr` (an alert whose series is not in this result
has no data, instead of having recovered) and `no_data_for`.

Source: Prometheus documentation, "Defining recording rules" and "Alerting rules".
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from alerting.book.identities import BUILT_IN_IDENTITIES, rule_identity
from alerting.book.lifecycle import RuleTiming
from alerting.errors import RuleFileError, RuleGroupError, TemplateError
from alerting.rules.definitions import AlertingRule, RecordingRule, Rule, RuleGroup
from alerting.rules.file_models import GroupModel, RuleFileModel, RuleModel
from alerting.rules.templates import Template, parse_template
from model.documents import Document, DocumentError, Place, document_error, parse_document
from model.labels import METRIC_NAME, Labels
from model.process.regular_files import read_regular_text

ParseExpression = Callable[[str], object]
"""Parses a PromQL expression; raises an error whose text describes the mistake."""

_Model = TypeVar("_Model", bound=RuleFileModel)


class _RuleFile:
    """Turns one parsed YAML file into groups, and collects the problems.

    A `place` is the path of keys and indexes to a value in the YAML document. A `title`
    names group and rule in messages.

    Attributes:
        problems: line and message of each problem.
        places: their places, in the same order.
    """

    def __init__(
        self, path: Path, document: Document, parse: ParseExpression, *, ignore_unknown: bool
    ) -> None:
        self._path, self._document, self._parse = path, document, parse
        self._ignore_unknown = ignore_unknown
        self.problems: list[tuple[int, str]] = []
        self.places: list[Place] = []

    def _add_problem(self, place: Place, title: str, reason: str) -> None:
        text = f"{title}: {reason}" if title else reason
        self.problems.append((self._document.line(place), text))
        self.places.append(place)

    def groups(self) -> list[RuleGroup]:
        data = self._document.data
        if not isinstance(data, dict) or (set(data) - {"groups"} and not self._ignore_unknown):
            self._add_problem((), "", "a rule file holds one key, groups")
            return []
        found = data.get("groups")
        if found is None:
            return []
        if not isinstance(found, list):
            self._add_problem(("groups",), "groups", "must be a list")
            return []
        groups = [
            self._group(number, entry) for number, entry in enumerate(found) if entry is not None
        ]
        names = Counter(group.name for group in groups if group is not None)
        for name, count in names.items():
            if count > 1:
                self._add_problem((), f"group {name!r}", "the name is used twice in this file")
        return [group for group in groups if group is not None]

    def _validated(
        self, model: type[_Model], place: Place, title: str, data: object
    ) -> _Model | None:
        if self._ignore_unknown and isinstance(data, dict):
            known = {field.alias or name for name, field in model.model_fields.items()}
            data = {key: value for key, value in data.items() if key in known}
        try:
            return model.model_validate(data)
        except ValidationError as exc:
            for error, (_, message) in zip(
                exc.errors(), document_error(self._document, exc).problems, strict=True
            ):
                self._add_problem((*place, *error["loc"]), title, message)
            return None

    def _group(self, number: int, data: object) -> RuleGroup | None:
        place: Place = ("groups", number)
        name = data.get("name") if isinstance(data, dict) else None
        title = f"group {name!r}" if isinstance(name, str) else f"group {number + 1}"
        group = self._validated(GroupModel, place, title, data)
        if group is None:
            return None
        self._check_names((*place, "labels"), f"{title}: labels", group.labels)
        rules = [
            self._rule((*place, "rules", position), f"{title}, rule {position + 1}", group, entry)
            for position, entry in enumerate(group.rules)
            if entry is not None
        ]
        return RuleGroup(
            group.name,
            str(self._path),
            tuple(rule for rule in rules if rule is not None),
            group.interval or None,
            max(group.limit, 0),
            group.query_offset,
        )

    def _check_names(self, place: Place, title: str, texts: Mapping[str, str]) -> None:
        """Report names that no label can have; since Prometheus 3 other UTF-8 text is valid."""
        for name in texts:
            if name in ("", METRIC_NAME):
                self._add_problem((*place, name), title, f"{name!r} cannot be set")

    def _rule(self, place: Place, title: str, group: GroupModel, data: object) -> Rule | None:
        name = (data.get("alert") or data.get("record")) if isinstance(data, dict) else None
        title += f" ({name})" if name else ""
        rule = self._validated(RuleModel, place, title, data)
        if rule is None:
            return None
        if bool(rule.record) == bool(rule.alert):
            self._add_problem(place, title, "give either record or alert")
            return None
        if not rule.expr:
            self._add_problem((*place, "expr"), f"{title}: expr", "the expression is missing")
        for field in ("expr", "recovery_expr", "data_expr"):
            self._check_expression((*place, field), f"{title}: {field}", getattr(rule, field))
        self._check_names((*place, "labels"), f"{title}: labels", rule.labels)
        labels = {**group.labels, **rule.labels}
        if rule.record:
            return self._recording(place, title, rule, labels)
        if "" in rule.annotations:
            self._add_problem((*place, "annotations", ""), title, "an annotation needs a name")
        return AlertingRule(
            identity=rule_identity(group.name, rule.alert),
            name=rule.alert,
            expression=rule.expr,
            timing=RuleTiming(rule.for_ms, rule.keep_firing_for, rule.no_data_for),
            labels=self._templates((*place, "labels"), f"{title}: labels", rule.alert, labels),
            annotations=self._templates(
                (*place, "annotations"), f"{title}: annotations", rule.alert, rule.annotations
            ),
            recovery=rule.recovery_expr,
            data=rule.data_expr,
        )

    def _recording(
        self, place: Place, title: str, rule: RuleModel, labels: dict[str, str]
    ) -> RecordingRule:
        for key in rule.alerting_keys():
            self._add_problem((*place, key), f"{title}: {key}", "only an alerting rule has it")
        if set(rule.record) & {"{", "}"}:
            self._add_problem(
                (*place, "record"),
                f"{title}: record",
                "the name of a series has no braces: labels stand in labels, a query in expr",
            )
        return RecordingRule(rule.record, rule.expr, labels)

    def _check_expression(self, place: Place, title: str, expression: str | None) -> None:
        if not expression:
            return
        try:
            self._parse(expression)
        except Exception as exc:  # noqa: BLE001 - the caller chooses the parser, and so its errors
            self._add_problem(place, title, str(exc))

    def _templates(
        self, place: Place, title: str, alert: str, texts: Mapping[str, str]
    ) -> dict[str, Template]:
        parsed = {}
        for name, text in texts.items():
            try:
                parsed[name] = parse_template(text, alert)
            except TemplateError as exc:
                self._add_problem((*place, name), f"{title}: {name}", str(exc))
        return parsed


def parse_rule_file(
    text: str, path: Path, parse: ParseExpression, *, ignore_unknown: bool = False
) -> list[RuleGroup]:
    """Return the groups of one rule file.

    Args:
        text: the content of the file, YAML.
        path: the path of the file, for errors.
        parse: parses one PromQL expression.
        ignore_unknown: leave out unknown keys instead of refusing them.

    Raises:
        RuleFileError: the file is invalid; lists every problem with file, line, group
            and rule.
    """
    try:
        document = parse_document(text, str(path), plain_text=True)
    except DocumentError as exc:
        raise RuleFileError(path, exc.problems) from exc
    file = _RuleFile(path, document, parse, ignore_unknown=ignore_unknown)
    groups = file.groups()
    if file.problems:
        raise RuleFileError(path, sorted(file.problems))
    return groups


def parse_rule_group(data: object, path: Path, parse: ParseExpression) -> RuleGroup:
    """Return the group of a mapping with the keys of a rule file.

    Args:
        data: the mapping.
        path: the file of the group.
        parse: parses one PromQL expression.

    Raises:
        RuleGroupError: the mapping is invalid; lists every problem with its field.
    """
    document = Document(str(path), {"groups": [data]}, {})
    file = _RuleFile(path, document, parse, ignore_unknown=False)
    groups = file.groups()
    if file.problems or not groups:
        fields = (".".join(map(str, place[2:])) for place in file.places)
        texts = (text for _, text in file.problems)
        raise RuleGroupError(list(zip(fields, texts, strict=True)) or [("", "the group is empty")])
    return groups[0]


def load_rule_files(
    paths: Iterable[Path], parse: ParseExpression, *, ignore_unknown: bool = False
) -> tuple[RuleGroup, ...]:
    """Return the groups of several rule files, no two rules with the same identity; blocks.

    Raises:
        RuleFileError: a file cannot be read or is invalid.
    """
    groups: list[RuleGroup] = []
    for path in paths:
        try:
            text = read_regular_text(path)
        except OSError as exc:
            raise RuleFileError(path, [(0, exc.strerror or str(exc))]) from exc
        except UnicodeDecodeError as exc:
            raise RuleFileError(path, [(0, str(exc))]) from exc
        groups.extend(parse_rule_file(text, path, parse, ignore_unknown=ignore_unknown))
    return _with_unique_identities(groups)


def _with_unique_identities(groups: Iterable[RuleGroup]) -> tuple[RuleGroup, ...]:
    """Return the groups with each identity used once.

    Rules with the same name usually differ in a label (`severity`). Their labels become
    part of the identity, so the order of the rules does not matter; only rules with the
    same labels too are numbered.
    """
    groups = tuple(groups)
    uses = Counter(rule.identity for group in groups for rule in _alerting_rules(group))
    # A group called "host" must not take over the alerts of host checks.
    uses.update(BUILT_IN_IDENTITIES)
    numbers: Counter[str] = Counter()
    result = []
    for group in groups:
        rules: list[Rule] = []
        for rule in group.rules:
            if isinstance(rule, AlertingRule) and uses[rule.identity] > 1:
                labels = {name: template.source for name, template in rule.labels.items()}
                identity = f"{rule.identity}{Labels.of(labels)}"
                numbers[identity] += 1
                number = f" #{numbers[identity]}" if numbers[identity] > 1 else ""
                rule = replace(rule, identity=identity + number)  # noqa: PLW2901
            rules.append(rule)
        result.append(replace(group, rules=tuple(rules)))
    return tuple(result)


def _alerting_rules(group: RuleGroup) -> Iterable[AlertingRule]:
    return (rule for rule in group.rules if isinstance(rule, AlertingRule))
