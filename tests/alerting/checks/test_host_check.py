import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.host_check import host_check
from storage.api.alerts import CheckOverride, Severity

SETTINGS = HostCheckSettings()
HOST = "web-1:9100"
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


def cpu(**own: float | bool) -> CheckOverride:
    return CheckOverride(HOST, "cpu", **own)  # type: ignore[arg-type]


def test_defaults_have_a_warning_a_critical_alert_and_recover_five_points_lower() -> None:
    check = host_check(SETTINGS, CheckName.CPU)
    assert check.severities == (CRITICAL, WARNING)
    assert [check.threshold(severity) for severity in check.severities] == [95, 85]
    assert [check.recovery_of(severity) for severity in check.severities] == [90, 80]
    assert check.timing.for_ms == 300_000


def test_down_is_critical_and_has_no_threshold() -> None:
    check = host_check(SETTINGS, CheckName.DOWN)
    assert check.severities == (CRITICAL,)
    assert check.threshold(CRITICAL) is None


@pytest.mark.parametrize(
    ("override", "warning", "critical", "recoveries"),
    [
        (cpu(warning=70.0), 70, 95, [90, 65]),
        (cpu(warning=90.0, critical=99.0), 90, 99, [94, 85]),
        (cpu(recovery=60.0), 85, 95, [70, 60]),
        (cpu(warning=2.0), 2, 95, [94, 1]),
        (cpu(warning=8.0), 8, 95, [91, 4]),
    ],
)
def test_override_replaces_defaults(
    override: CheckOverride, warning: float, critical: float, recoveries: list[float]
) -> None:
    check = host_check(SETTINGS, CheckName.CPU, override)
    assert (check.warning, check.critical, check.overridden) == (warning, critical, True)
    assert [check.recovery_of(severity) for severity in (CRITICAL, WARNING)] == recoveries


def test_override_changes_for_and_disables_the_check() -> None:
    assert host_check(SETTINGS, CheckName.CPU, cpu(for_s=2.5)).timing.for_ms == 2_500
    assert host_check(SETTINGS, CheckName.CPU, cpu(enabled=False)).severities == ()


PERCENT = st.none() | st.floats(0, 100)


@given(PERCENT, PERCENT, PERCENT, PERCENT)
def test_any_override_over_any_defaults_gives_ordered_thresholds(
    warning: float | None, critical: float | None, recovery: float | None, default: float | None
) -> None:
    values = {"warning": default if default is None else max(default, 80.0)}
    settings = HostCheckSettings.model_validate({"cpu": {**values, "critical": 100}})
    override = CheckOverride(HOST, "cpu", warning=warning, critical=critical, recovery=recovery)
    check = host_check(settings, CheckName.CPU, override)
    for severity in check.severities:
        threshold = check.threshold(severity)
        assert threshold is not None
        assert 0 <= check.recovery_of(severity) <= threshold <= 100
    if check.warning is not None and check.critical is not None:
        assert check.warning <= check.critical
