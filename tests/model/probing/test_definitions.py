"""A definition of a probe is valid, or the error names the field and the fix."""

from typing import Any

import pytest
from pydantic import ValidationError

from model.probing.definitions import ProbeDefinition, status_ranges


def define(**fields: Any) -> ProbeDefinition:
    """Return a definition with defaults."""
    return ProbeDefinition.model_validate(
        {"name": "web", "kind": "http", "target": "https://example.org/"} | fields
    )


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"target": "ftp://x/"}, 'target: "ftp://x/" is not an http'),
        ({"target": "https://user:secret@x/"}, "must not contain a password"),
        ({"target": "https://x/a b"}, "percent-encode"),
        ({"target": "https://x:port/"}, "target:"),
        ({"target": ""}, "target: missing"),
        ({"kind": "tcp", "target": "host"}, "is not HOST:PORT"),
        ({"kind": "ping", "target": "a/b"}, "is not a host name"),
        ({"kind": "dns", "target": "a" * 64 + ".org"}, "is not a DNS name"),
        ({"kind": "heartbeat"}, "a heartbeat has none"),
        ({"name": "a/b"}, "slash"),
        ({"name": "a\nb"}, "control characters"),
        ({"labels": {"job": "x"}}, "the probe itself sets the label job"),
        ({"labels": {"1x": "x"}}, "is not the name of a label"),
        ({"interval": "20s", "retries": 2}, "give a longer interval"),
        ({"interval": 0.5, "timeout": 0.1, "retries": 0}, "once a second"),
        ({"http": {"statuses": "2xx"}}, "is not a list of statuses"),
        ({"http": {"statuses": "299-200"}}, "is not a list of statuses"),
        ({"http": {"headers": {"Host": "x"}}}, "the probe itself sends the header Host"),
        ({"http": {"headers": {"X-A": "a\r\nX-B: b"}}}, "control characters"),
        ({"http": {"json_path": "$..x"}}, "path to one value"),
    ],
)
def test_an_invalid_definition_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError) as raised:
        define(**fields)
    assert problem in str(raised.value)


def test_statuses_are_ranges() -> None:
    assert status_ranges("200-299, 401") == ((200, 299), (401, 401))
    http = define(http={"statuses": "200-204,418"}).http
    assert [http.accepts(status) for status in (200, 204, 205, 418)] == [True, True, False, True]


def test_a_heartbeat_may_be_rarer_than_its_time_out_allows() -> None:
    probe = define(kind="heartbeat", target="", interval="5s", heartbeat={"grace": "2m"})
    assert (probe.interval, probe.heartbeat.grace) == (5.0, 120.0)


def test_durations_are_read_as_in_other_sections() -> None:
    assert define(interval="5m", timeout="3s").interval == 300.0
