import re
from typing import Any

import pytest
from pydantic import ValidationError

from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.registry import HostCheckRegistry
from model.labels import Labels
from storage.api.alerts import CheckOverride, Severity

SETTINGS = HostCheckSettings()
HOST = "web-1:9100"


def cpu(**own: float | bool) -> CheckOverride:
    return CheckOverride(HOST, "cpu", **own)  # type: ignore[arg-type]


def test_registry_returns_a_host_to_the_defaults() -> None:
    registry = HostCheckRegistry(SETTINGS)
    registry.set_override(cpu(warning=50.0))
    assert registry.check_of(HOST, CheckName.CPU).warning == 50
    assert registry.check_of("other", CheckName.CPU).warning == 85
    registry.remove_override(HOST, CheckName.CPU)
    registry.remove_override(HOST, CheckName.CPU)
    assert registry.check_of(HOST, CheckName.CPU).warning == 85
    assert registry.own == {}


DATABASES = HostCheckSettings.model_validate(
    {
        "selectors": [
            {"match": '{role="db"}', "checks": {"cpu": {"warning": 90, "for": "1h"}}},
            {"match": '{role=~"db|web"}', "checks": {"units": {"severity": "critical"}}},
        ]
    }
)


def test_first_selector_that_matches_a_host_decides_and_an_override_comes_before_it() -> None:
    registry = HostCheckRegistry(DATABASES)
    registry.set_override(CheckOverride("db-2", "cpu", critical=99.0))
    registry.observe(
        Labels.of(job="node", instance=instance, role=role)
        for instance, role in (("db-1", "db"), ("db-2", "db"), ("web-1", "web"), ("x", ""))
    )

    def thresholds(instance: str) -> tuple[float | None, float | None, int]:
        check = registry.check_of(instance, CheckName.CPU)
        return check.warning, check.critical, check.timing.for_ms

    hour_ms = 3_600_000
    assert thresholds("db-1") == (90, 95, hour_ms)
    assert thresholds("db-2") == (90, 99, hour_ms)
    assert thresholds("web-1") == thresholds("x") == (85, 95, 300_000)
    units = {name: registry.check_of(name, CheckName.UNITS).severity for name in ("db-1", "web-1")}
    assert units == {"db-1": Severity.WARNING, "web-1": Severity.CRITICAL}

    registry.remove_override("db-2", CheckName.CPU)
    assert thresholds("db-2") == (90, 95, hour_ms)
    registry.observe([Labels.of(instance="db-1", role="web")])
    assert thresholds("db-1") == (85, 95, 300_000)
    registry.reconfigure(SETTINGS)
    assert registry.own == {}


@pytest.mark.parametrize(
    ("match", "checks", "problem"),
    [
        ("role=", {"cpu": {"warning": 90}}, 'write it as {role="db"}'),
        ("{role='a'}", {"cpu": {"warning": 99}}, "selectors.0.checks.cpu: recovery must not"),
        ("{role='a'}", {"cpu": {"critical": 101}}, "selectors.0.checks.cpu: thresholds must be"),
        ("{role='a'}", {"units": {"warning": 1}}, "selectors.0.checks.units: has no warning"),
        ("{role='a'}", {"fans": {"warning": 1}}, "fans"),
        ("{role='a'}", {}, "at least 1 item"),
    ],
)
def test_selector_that_does_not_fit_is_refused_with_its_place(
    match: str, checks: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(problem)):
        HostCheckSettings.model_validate({"selectors": [{"match": match, "checks": checks}]})
