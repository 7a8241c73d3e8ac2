from dataclasses import replace

import pytest

from model.labels import Labels
from storage.api.alerts import Alert, AlertState
from web.alerts.listing.open_alerts import (
    AlertListQuery,
    group_labels,
    listed,
    sections,
    severities,
)
from web.alerts.matched_alerts import Hold

HOSTS = {"a:9100": "Alpha", "b:9100": "Beta"}
HELD = {3: Hold((), (), ())}


def alert(number: int, state: AlertState, severity: str, **labels: str) -> Alert:
    own = Labels.of({"alertname": "Cpu", "severity": severity, **labels})
    annotations = Labels.of(summary=f"value {number} is high")
    return Alert(number, "r", own, annotations, state, 1.0, number, number, fired_ms=number)


ALERTS = [
    alert(1, AlertState.PENDING, "warning", instance="a:9100", team="db"),
    alert(2, AlertState.FIRING, "warning", instance="b:9100"),
    alert(3, AlertState.FIRING, "critical", instance="b:9100", team="web"),
    replace(alert(4, AlertState.FIRING, "page", alertname="Disk"), acknowledged_by="ann"),
]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, [3, 2, 1, 4]),
        ({"q": "ALPHA"}, [1]),
        ({"q": "beta high"}, [3, 2]),
        ({"q": "team=db"}, [1]),
        ({"q": "team=d"}, [1]),
        ({"q": "ann"}, [4]),
        ({"q": "absent"}, []),
        ({"severity": "page"}, [4]),
        ({"state": "pending"}, [1]),
        ({"handled": "nobody"}, [2, 1]),
        ({"handled": "acknowledged"}, [4]),
        ({"handled": "held"}, [3]),
        ({"handled": "held", "severity": "warning"}, []),
    ],
)
def test_query_narrows_the_list_and_the_most_urgent_come_first(
    query: dict[str, str], ids: list[int]
) -> None:
    found = listed(ALERTS, AlertListQuery.model_validate(query), HOSTS, HELD)
    assert [each.id for each in found] == ids


def test_groups_have_their_hosts_names_and_matchers() -> None:
    found = sections(listed(ALERTS, AlertListQuery(), HOSTS, {}), "instance", HOSTS)
    assert [(each.title, each.matchers, len(each.alerts)) for each in found] == [
        ("Beta", 'instance="b:9100"', 2),
        ("Alpha", 'instance="a:9100"', 1),
        ("", "", 1),
    ]
    assert [each.acknowledgeable for each in found] == [(3, 2), (1,), ()]
    (whole,) = sections(ALERTS, "", HOSTS)
    assert (whole.title, whole.matchers, len(whole.alerts)) == ("", "", 4)


def test_choices_are_those_of_the_open_alerts() -> None:
    assert group_labels(ALERTS) == ["alertname", "instance", "severity", "team"]
    assert severities(ALERTS) == ["critical", "warning", "page"]
    many = alert(9, AlertState.FIRING, "warning", **{f"l{number:02d}": "x" for number in range(50)})
    assert len(group_labels([many])) == 22
