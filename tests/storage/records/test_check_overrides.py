from storage.api.alerts import (
    CheckOverride,
)
from storage.records.alerts import SqliteAlerts


async def test_override_replaces_the_earlier_one_of_its_host_and_check(
    alerts: SqliteAlerts,
) -> None:
    await alerts.set_override(CheckOverride("a:9100", "cpu", warning=50.0))
    latest = CheckOverride("a:9100", "cpu", enabled=False, critical=99.0, for_s=2.5)
    other = CheckOverride("a:9100", "disk", recovery=70.0)
    await alerts.set_override(latest)
    await alerts.set_override(other)
    assert list(await alerts.overrides()) == [latest, other]
    await alerts.remove_override("a:9100", "cpu")
    await alerts.remove_override("a:9100", "cpu")
    assert list(await alerts.overrides()) == [other]
