"""The program accepts the examples of docs/alerting.md."""

import re
from pathlib import Path

import yaml

from alerting.rules.files import parse_rule_file
from alerting.settings import AlertingSettings
from promql.syntax.parser import parse

PAGE = Path(__file__).parents[2] / "docs" / "alerting.md"


def examples() -> tuple[str, str]:
    configuration, rules = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return configuration, rules


def test_documented_defaults_are_the_defaults() -> None:
    document = yaml.safe_load(examples()[0])["alerting"]
    settings, defaults = AlertingSettings.model_validate(document), AlertingSettings()
    assert {item.type for item in settings.receivers} == {"log", "webhook", "apprise"}
    theirs = ("receivers", "route", "rule_files", "external_url", "heartbeat")
    for name in AlertingSettings.model_fields.keys() - set(theirs):
        assert getattr(settings, name) == getattr(defaults, name), name


def test_documented_rules_are_read() -> None:
    [group] = parse_rule_file(examples()[1], Path("rules.yml"), parse)
    assert len(group.rules) == 1
