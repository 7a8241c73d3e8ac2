"""Redshank accepts and refuses the field's files as Prometheus 3 does.

docs/configuration.md and docs/alerting.md, "Where we differ", say why for the differences.
"""

import re
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from alerting.errors import AlertingError
from alerting.rules.definitions import AlertingRule
from alerting.rules.files import load_rule_files
from model.documents import DocumentError
from promql.syntax.parser import parse
from scraper.configuration.prometheus_config import load_prometheus_config
from tests.peers.promtool import FIELD, config_refusal, field_files, promtool, rules_refusal
from tests.peers.test_scrape_config import fetch, prometheus
from tests.programs import program
from tests.scraper.configuration.ignored_sections.cases import ACCEPTED, REFUSED

pytestmark = pytest.mark.peer

RULES_THAT_DIFFER = {
    "rules/unit/promtool/features.yml": "experimental PromQL needs no flag",
}
CONFIGURATIONS_THAT_DIFFER = {
    "scrape/operator-AlertmanagerSigv4_Valid_Prom_Version.yml": (
        "alerts for Amazon's Alertmanager: requests to it are not signed, so none would arrive"
    ),
    "scrape/prometheus-scrape_config_local_infer_escaping.yml": "as Prometheus 3.6 and later",
}
# Redshank has keys that promtool 3.5 of Debian does not have.
OTHER_KEYS = {
    "retention": "newer than 3.5",
    "scrape_native_histograms": "newer than 3.5",
    "azure_sd_configs": "Debian leaves it out",
    "consul_sd_configs": "Debian leaves it out",
    "nomad_sd_configs": "Debian leaves it out",
}
_UNKNOWN_KEY = re.compile(r"line \d+: field (\w+) not found in type")
_UNSUPPORTED = "_sd_configs: not supported by Redshank"


def refusal(read: Callable[[Path], object], file: Path) -> str:
    """Return why Redshank refuses a file, "" if it accepts it."""
    try:
        read(file)
    except (DocumentError, AlertingError) as exc:
        return str(exc)
    return ""


def read_rules(file: Path) -> object:
    return load_rule_files([file], parse)


def differences(
    files: Iterable[Path], read: Callable[[Path], object], peer: Callable[[Path], str]
) -> dict[str, str]:
    """Return the files that only one accepts: their names, and the reason of the other."""
    files = list(files)
    with ThreadPoolExecutor(4) as pool:
        theirs = list(pool.map(peer, files))
    found = {}
    for file, their_reason in zip(files, theirs, strict=True):
        reason = refusal(read, file)
        if bool(reason) == bool(their_reason):
            continue
        # Kinds of service discovery that Redshank lacks are refused, with a way out.
        lacking = bool(reason) and all(_UNSUPPORTED in line for line in reason.splitlines())
        unknown = set(_UNKNOWN_KEY.findall(their_reason))
        if not lacking and not (unknown and unknown <= OTHER_KEYS.keys()):
            found[str(file.relative_to(FIELD))] = reason or their_reason
    return found


def test_rule_files_of_the_field_have_the_same_verdicts() -> None:
    promtool()
    found = differences(field_files("rules"), read_rules, rules_refusal)
    assert found.keys() == RULES_THAT_DIFFER.keys(), found


def test_configurations_of_the_field_have_the_same_verdicts() -> None:
    promtool()
    files = [path for path in field_files("scrape") if "sd-files" not in path.parts]
    found = differences(files, load_prometheus_config, config_refusal)
    assert found.keys() == CONFIGURATIONS_THAT_DIFFER.keys(), found


@pytest.mark.parametrize("text", ACCEPTED)
def test_promtool_accepts_the_accepted_sections(text: str, tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text(text)
    assert config_refusal(file) == ""


def test_promtool_refuses_the_refused_sections(tmp_path: Path) -> None:
    promtool()
    files = []
    for number, (text, _) in enumerate(REFUSED):
        files.append(tmp_path / f"{number}.yml")
        files[-1].write_text(text)
    with ThreadPoolExecutor(4) as pool:
        reasons = zip(REFUSED, pool.map(config_refusal, files), strict=True)
        assert [text for (text, _), reason in reasons if not reason] == []


def ours(file: Path) -> list[Any]:
    """Return the rules of a file, by the keys of `/api/v1/rules`."""
    groups = sorted(load_rule_files([file], parse), key=lambda group: group.name)
    return [
        {
            "group": group.name,
            "interval": (group.interval_ms or 60_000) / 1000,
            "limit": group.limit,
            "rules": [
                {
                    "name": rule.name,
                    "labels": {name: text.source for name, text in rule.labels.items()},
                    "annotations": {name: text.source for name, text in rule.annotations.items()},
                    "duration": rule.timing.for_ms / 1000,
                    "keepFiringFor": rule.timing.keep_firing_for_ms / 1000,
                }
                if isinstance(rule, AlertingRule)
                else {"name": rule.name, "labels": dict(rule.labels)}
                for rule in group.rules
            ],
        }
        for group in groups
        if group.rules
    ]


def theirs(groups: list[dict[str, Any]], file: Path) -> list[Any]:
    keys = ("name", "labels", "annotations", "duration", "keepFiringFor")
    return [
        {
            "group": group["name"],
            "interval": group["interval"],
            "limit": max(group.get("limit", 0), 0),
            "rules": [
                {
                    key: rule.get(key, {})
                    for key in (keys if rule["type"] == "alerting" else keys[:2])
                }
                for rule in group["rules"]
            ],
        }
        for group in groups
        if group["file"] == str(file)
    ]


async def test_rules_are_read_alike(tmp_path: Path) -> None:
    promtool()
    program("prometheus")
    files = []
    for number, path in enumerate(field_files("rules")):
        if refusal(read_rules, path) or rules_refusal(path):
            continue
        files.append(tmp_path / f"{number}.yml")
        shutil.copy(path, files[-1])
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(f"rule_files: ['{tmp_path}/[0-9]*.yml']\n")
    async with prometheus(configuration, tmp_path / "data") as url:
        groups = (await fetch(f"{url}/api/v1/rules"))["groups"]
    assert len(files) > 60
    for file in files:
        assert ours(file) == theirs(groups, file)
