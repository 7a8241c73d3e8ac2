from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from web.fleet.hosts import FleetHost, HostState
from web.hosts.listing.search import HostSearch

HOST = FleetHost(
    name="Web-1",
    instance="10.0.0.5:9100",
    id=None,
    url="",
    labels=Labels.of(job="node", env="Prod", site="new york", note='say "x"'),
    state=HostState.UP,
    reason="",
    last_seen_ms=None,
    interval_s=None,
    timeout_s=None,
    created_ms=None,
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "web",
        "WEB prod",
        "10.0.0",
        "york",
        '"new york"',
        "env=prod",
        "env=prod web",
        'site="New York"',
        "env=pr*",
        "env=*",
        "name=web-1",
        "instance=10.0.*",
        "env!=lab",
        "rack!=b4",
        "rack=",
        "job=node",
    ],
)
def test_host_meets_a_search(text: str) -> None:
    assert HostSearch.parse(text).matches(HOST)


@pytest.mark.parametrize(
    "text",
    ["db", "web lab", "env=pro", "env!=prod", "rack=b4", "site=york", "env=prod db", "env=", "=x"],
)
def test_host_does_not_meet_a_search(text: str) -> None:
    assert not HostSearch.parse(text).matches(HOST)


@given(st.text())
def test_any_text_is_a_search(text: str) -> None:
    HostSearch.parse(text).matches(HOST)


@given(st.text(st.characters(blacklist_characters='"*', categories=["L", "N", "Zs", "P"])))
def test_host_meets_a_search_for_its_own_label(value: str) -> None:
    host = replace(HOST, labels=Labels.of(site=value))
    assert HostSearch.parse(f'site="{value}"').matches(host)
