"""Rule groups that people make: the definitions that the records keep, and their rules.

A definition is a mapping with the keys of Prometheus's rule files, without defaults:
the same group has one definition, whether it comes from a rule file or as JSON.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from alerting.book.identities import stored_rule_identity
from alerting.rules.definitions import AlertingRule, Rule, RuleGroup
from alerting.rules.file_models import GroupModel, RuleModel
from alerting.rules.files import ParseExpression, parse_rule_file, parse_rule_group
from model.documents import parse_document, render_document
from model.labels import Labels

STORED_FILE: Final = Path("records.db")
"""The `file` of stored groups. Rule files have absolute paths, so that none is called so."""

Definition = Mapping[str, Any]


def definitions_of_file(text: str, name: str, parse: ParseExpression) -> list[Definition]:
    """Return the definitions of all groups of a rule file.

    Args:
        text: the content of the file.
        name: the name of the file, for errors.
        parse: parses one PromQL expression.

    Raises:
        RuleFileError: the file is invalid; lists every problem with its line.
    """
    parse_rule_file(text, Path(name), parse)
    groups = parse_document(text, name, plain_text=True).data.get("groups") or ()
    return [definition_of(group) for group in groups if group is not None]


def definition_of(group: Mapping[str, Any]) -> Definition:
    """Return the definition of a valid group."""
    model = GroupModel.model_validate(group)
    rules = [RuleModel.model_validate(rule) for rule in model.rules if rule is not None]
    return {
        **model.model_dump(exclude={"rules"}, exclude_defaults=True),
        "rules": [rule.model_dump(by_alias=True, exclude_defaults=True) for rule in rules],
    }


def rule_file_of(definitions: Iterable[Definition]) -> str:
    """Return a rule file with these groups."""
    return render_document({"groups": [dict(each) for each in definitions]})


def stored_group(definition: object, parse: ParseExpression) -> RuleGroup:
    """Return the group of a definition.

    Raises:
        RuleGroupError: the definition is invalid; lists every problem with its field.
    """
    return parse_rule_group(definition, STORED_FILE, parse)


def with_stored_identities(
    groups: Iterable[RuleGroup], of_files: Iterable[RuleGroup]
) -> tuple[RuleGroup, ...]:
    """Return stored groups with each identity used once, also beside the groups of files.

    The labels of a rule are part of its identity, so that a further rule with the same name
    leaves it unchanged. The identities of files do not depend on stored groups.
    """
    numbers = Counter(
        rule.identity
        for group in of_files
        for rule in group.rules
        if isinstance(rule, AlertingRule)
    )

    def unique(group: RuleGroup, rule: Rule) -> Rule:
        if not isinstance(rule, AlertingRule):
            return rule
        labels = Labels.of({name: template.source for name, template in rule.labels.items()})
        identity = stored_rule_identity(group.name, rule.name, labels)
        numbers[identity] += 1
        number = f" #{numbers[identity]}" if numbers[identity] > 1 else ""
        return replace(rule, identity=identity + number)

    return tuple(
        replace(group, rules=tuple(unique(group, rule) for rule in group.rules)) for group in groups
    )
