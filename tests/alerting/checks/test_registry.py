from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.registry import HostCheckRegistry
from storage.api.alerts import CheckOverride

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
    assert registry.overrides == []
