import pytest

from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.overrides import validate_override
from alerting.errors import BadOverrideError
from storage.api.alerts import CheckOverride

SETTINGS = HostCheckSettings()
HOST = "web-1:9100"


def cpu(**own: float | bool) -> CheckOverride:
    return CheckOverride(HOST, "cpu", **own)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (CheckOverride(HOST, "fans"), "check: 'fans' is none of down, cpu, load, memory"),
        (CheckOverride("", "cpu"), "instance: must not be empty"),
        (CheckOverride(HOST, "down", warning=5.0), "warning: down has no thresholds"),
        (cpu(warning=101.0), "warning: must be between 0 and 100"),
        (cpu(recovery=float("nan")), "recovery: must be between 0 and 100"),
        (cpu(for_s=-1.0), "for_s: must be between"),
        (cpu(warning=96.0), "warning: warning 96 is above critical 95"),
        (cpu(critical=80.0), "critical: warning 85 is above critical 80"),
        (cpu(recovery=90.0), "recovery: is above the threshold 85"),
        (CheckOverride(HOST, "units", critical=1.0), "critical: units has no thresholds"),
        (CheckOverride(HOST, "load", warning=-1.0), r"warning: must be between 0 and 1e\+09"),
        (CheckOverride(HOST, "disk_full", warning=2.0), "warning: warning 2 is below critical 4"),
        (CheckOverride(HOST, "disk_full", recovery=9.0), "recovery: is below the threshold 24"),
    ],
)
def test_invalid_override_is_rejected_with_its_field(override: CheckOverride, message: str) -> None:
    with pytest.raises(BadOverrideError, match=message):
        validate_override(SETTINGS, override)


def test_valid_override_is_accepted() -> None:
    override = cpu(warning=50.0, critical=60.0, recovery=40.0, for_s=0.0)
    assert validate_override(SETTINGS, override) is CheckName.CPU
    down = CheckOverride(HOST, "down", for_s=10.0)
    assert validate_override(SETTINGS, down) is CheckName.DOWN
