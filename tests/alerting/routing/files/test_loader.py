"""`alertmanager.yml` is accepted and refused as amtool 0.33 does; refusals name the line."""

import json
from pathlib import Path

import pytest

from alerting.errors import RoutingFileError
from alerting.routing.files import sections
from alerting.routing.files.loader import load_routing_file, parse_routing
from alerting.routing.tree import AlertRoute
from model.labels import Labels

VERDICTS = Path(__file__).with_name("verdicts.json")
"""Documents with the verdict of amtool; tests/peers/test_alertmanager_files.py asks it again."""

ROUTED = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 5s
  routes:
  - match: {severity: page}
    receiver: pager
    group_by: ['...']
    continue: true
    routes:
    - matchers: [team=~"db|store", env!=test]
      repeat_interval: 1d
  - match_re: {severity: 'page|ticket'}
receivers: [{name: ops}, {name: pager}]
"""


def parsed(text: str) -> AlertRoute:
    return parse_routing(text, Path("alertmanager.yml")).route


def refusal(text: str) -> str:
    with pytest.raises(RoutingFileError) as error:
        parse_routing(text, Path("alertmanager.yml"))
    return str(error.value)


def test_verdicts_are_those_of_amtool(tmp_path: Path) -> None:
    cases = json.loads(VERDICTS.read_text())
    different = []
    for number, case in enumerate(cases):
        file = tmp_path / f"{number}.yml"
        file.write_text(case["document"])
        try:
            load_routing_file(file)
        except RoutingFileError as exc:
            if case["accepted"]:
                different.append((case["document"], str(exc)))
        else:
            if not case["accepted"]:
                different.append((case["document"], "accepted"))
    assert different == []
    assert len(cases) > 400


def test_every_problem_is_named_with_its_line() -> None:
    text = refusal(
        "route:\n  receiver: ops\n  routes:\n  - receiver: nobody\n    mute_time_intervals: [x]\n"
        "receivers:\n- name: ops\n  slack_configs:\n  - channel: a\n"
    )
    slack, receiver, interval = text.splitlines()
    assert slack.startswith("alertmanager.yml:9: receivers.0.slack_configs.0: give api_url or app_")
    assert receiver == 'alertmanager.yml:4: route.routes.0.receiver: there is no receiver "nobody"'
    assert interval.startswith("alertmanager.yml:5: route.routes.0.mute_time_intervals: there is")


def test_secret_is_not_in_a_refusal() -> None:
    text = refusal(
        "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'ftp://hunter2'}]}]"
    )
    assert "must begin with http" in text
    assert "hunter2" not in text


def test_section_does_not_print_its_secrets() -> None:
    found = parse_routing(
        "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://hunter2'}]}]",
        Path("a.yml"),
    )
    assert "hunter2" not in repr(found.integrations)


def test_route_inherits_what_it_leaves_out() -> None:
    root = parsed(ROUTED)
    pager, both = root.routes
    [inner] = pager.routes
    assert (root.group_by, pager.group_by, inner.group_by) == (("alertname",), None, None)
    assert (inner.receiver, both.receiver) == ("pager", "ops")
    assert (inner.group_wait_ms, inner.group_interval_ms) == (5000, 300_000)
    assert (inner.repeat_interval_ms, pager.repeat_interval_ms) == (86_400_000, 14_400_000)
    assert inner.key == '{}/{severity="page"}/{env!="test",team=~"db|store"}'
    assert pager.proceeds
    assert not both.proceeds


def test_receiver_inherits_from_global() -> None:
    found = parse_routing(
        "global: {smtp_smarthost: 'mail:25', smtp_from: a@b, http_config: {bearer_token: x}}\n"
        "route: {receiver: a}\n"
        "receivers: [{name: a, email_configs: [{to: c@d}], webhook_configs: [{url: 'http://x'}]}]",
        Path("a.yml"),
    )
    webhook, email = found.integrations["a"]
    assert (webhook.name, email.name) == ("a/webhook[0]", "a/email[0]")
    assert (email.section.smarthost, email.section.from_address) == ("mail:25", "a@b")
    assert email.section.require_tls
    assert webhook.section.http_config.bearer_token == "x"
    assert (webhook.send_resolved, email.send_resolved) == (True, False)


def test_malformed_template_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tmpl").write_text("{{ define")
    file = tmp_path / "a.yml"
    file.write_text("route: {receiver: a}\nreceivers: [{name: a}]\ntemplates: ['*.tmpl']")
    with pytest.raises(RoutingFileError, match=r"a\.yml: templates: .*a\.tmpl"):
        load_routing_file(file)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RoutingFileError, match="cannot be read"):
        load_routing_file(tmp_path / "no.yml")


def test_local_zone_is_that_of_the_machine_or_utc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "localtime"
    monkeypatch.setattr(sections, "_LOCAL_ZONE", file)
    text = (
        "route: {receiver: a}\nreceivers: [{name: a}]\n"
        "time_intervals: [{name: x, time_intervals: [{location: Local}]}]\n"
    )
    parse_routing(text, Path("alertmanager.yml"))
    assert str(sections._local_zone()) == "UTC"
    file.write_bytes(b"not a zone")
    assert str(sections._local_zone()) == "UTC"


def test_key_of_an_old_pattern_is_anchored_as_in_alertmanager() -> None:
    text = "{route: {receiver: a, routes: [{match_re: {x: b|c}}]}, receivers: [{name: a}]}"
    (route,) = parse_routing(text, Path("a.yml")).route.routes
    assert route.key == '{}/{x=~"^(?:b|c)$"}'
    assert route.matching(Labels.of(x="c"))
    assert not route.matching(Labels.of(x="bc"))
