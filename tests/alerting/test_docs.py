"""The program accepts the examples of docs/alerting.md."""

import re
from pathlib import Path

import yaml

from alerting.rules.files import parse_rule_file
from alerting.settings import AlertingSettings
from promql.syntax.parser import parse

PAGE = Path(__file__).parents[2] / "docs" / "alerting.md"


def examples(key: str) -> list[str]:
    """Return the examples that begin with a key."""
    found = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [example for example in found if example.startswith(f"{key}:")]


def test_documented_defaults_are_the_defaults() -> None:
    (text,) = (example for example in examples("alerting") if "evaluation_interval" in example)
    document = yaml.safe_load(text)["alerting"]
    settings, defaults = AlertingSettings.model_validate(document), AlertingSettings()
    assert {item.type for item in settings.receivers} == {"log", "webhook", "apprise"}
    theirs = ("receivers", "route", "rule_files", "external_url", "heartbeat")
    for name in AlertingSettings.model_fields.keys() - set(theirs):
        assert getattr(settings, name) == getattr(defaults, name), name


def test_documented_rules_are_read() -> None:
    (text,) = examples("groups")
    [group] = parse_rule_file(text, Path("rules.yml"), parse)
    assert len(group.rules) == 1


def test_documented_settings_are_accepted() -> None:
    found = examples("alerting")
    assert len(found) > 1
    for example in found:
        AlertingSettings.model_validate(yaml.safe_load(example)["alerting"])
