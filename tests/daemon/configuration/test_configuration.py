from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from daemon.configuration.configuration import Configuration, ConfigurationSource
from daemon.errors import ConfigurationError
from model.documents import parse_document
from model.labels import Labels

Write = Callable[[Mapping[str, str]], None]
RULES = "groups: [{name: g, rules: [{record: a, expr: b}]}]"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes files to a directory other than the working directory."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    def write(files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write


def read(tmp_path: Path, scrape_config: str | None = None) -> Configuration:
    given = tmp_path / scrape_config if scrape_config else None
    return ConfigurationSource(tmp_path / "redshank.yml", scrape_config=given).read()


def test_prometheus_file_is_relative_to_the_file_that_names_it(
    tmp_path: Path, write: Write
) -> None:
    write(
        {
            "redshank.yml": "scrape: {config_file: prom/p.yml}\nalerting: {rule_files: [own*.yml]}",
            "own.yml": RULES,
            "prom/p.yml": "global: {evaluation_interval: 7s, external_labels: {site: a}}\n"
            "rule_files: [r/*.yml]\n"
            "scrape_configs: [{job_name: j}]",
            "prom/r/theirs.yml": RULES.replace("name: g", "name: h"),
        }
    )
    found = read(tmp_path)
    assert [job.name for job in found.jobs] == ["j"]
    assert found.files == (tmp_path / "redshank.yml", tmp_path / "prom/p.yml")
    # The interval of the Prometheus file applies to its own rules only.
    assert [(group.name, group.interval_ms) for group in found.rule_groups] == [
        ("g", None),
        ("h", 7_000),
    ]
    # Templates of all rules know the external labels.
    assert {group.external_labels for group in found.rule_groups} == {Labels.of(site="a")}


def test_offset_of_queries_of_a_prometheus_file_holds_for_its_groups_without_one(
    tmp_path: Path, write: Write
) -> None:
    groups = "groups: [{name: a}, {name: b, query_offset: 0s}, {name: c, query_offset: 5s}]"
    write(
        {
            "redshank.yml": "scrape: {config_file: p.yml}\nalerting: {rule_files: [own.yml]}",
            "own.yml": "groups: [{name: own}]",
            "p.yml": "global: {rule_query_offset: 1m30s}\nrule_files: [theirs.yml]",
            "theirs.yml": groups,
        }
    )
    found = read(tmp_path)
    offsets = {group.name: group.offset_ms for group in found.rule_groups}
    assert offsets == {"own": None, "a": 90_000, "b": 0, "c": 5_000}
    assert not [each for each in found.warnings if "offset" in each]


ROUTES = """\
global:
  http_config:
    follow_redirects: false
    oauth2:
      client_id: a
      token_url: http://tokens
      claims: {a: b}
route: {receiver: ops}
receivers:
- name: ops
  webhook_configs:
  - url: http://one
  - url: http://two
    http_config:
      proxy_url: socks5://proxy
  - url: http://three
    http_config:
      authorization:
        credentials_ref: vault
      http_headers: {Accept: {values: [x]}}
"""


def test_http_config_of_a_receiver_is_refused_with_its_line_where_it_cannot_take_effect(
    tmp_path: Path, write: Write
) -> None:
    write(
        {"redshank.yml": "alerting: {alertmanager_file: alertmanager.yml}"}
        | {"alertmanager.yml": ROUTES}
    )
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path)
    unknown = "Redshank does not support this key"
    reserved = "header Accept is set by Redshank itself"
    own = "receivers.0.webhook_configs"
    assert str(refused.value).replace(str(tmp_path), "") == "\n".join(
        (
            f"/alertmanager.yml:7: global.http_config.oauth2.claims: {unknown}",
            f"/alertmanager.yml:15: {own}.1.http_config.proxy_url: only HTTP proxies are supported",
            f"/alertmanager.yml:19: {own}.2.http_config.authorization.credentials_ref: {unknown}",
            f"/alertmanager.yml:20: {own}.2.http_config.http_headers: {reserved}",
        )
    )


def test_key_of_a_receiver_without_an_effect_is_warned_of(tmp_path: Path, write: Write) -> None:
    slack = "slack_configs:\n  - {app_token: t, channel: c}\n  - {app_token: t, channel: c,\n"
    routes = (
        f"route: {{receiver: a}}\nreceivers:\n- name: a\n  {slack}     update_message: true}}\n"
    )
    write({"redshank.yml": "alerting: {alertmanager_file: a.yml}", "a.yml": routes})
    [warning] = read(tmp_path).warnings
    assert warning.startswith(f"{tmp_path}/a.yml:7: receivers.0.slack_configs.1.update_message has")


@pytest.mark.parametrize("routes", ["", "alertmanager_file: a.yml, "])
def test_escalation_to_an_unknown_receiver_is_refused(
    tmp_path: Path, write: Write, routes: str
) -> None:
    step = "{receiver: ops, after: 10m, to: nobody}"
    receivers = "receivers: [{name: ops, type: log}]"
    own = f"alerting: {{{routes}{receivers}, escalations: [{step}]}}"
    write({"redshank.yml": own, "a.yml": "route: {receiver: ops}\nreceivers: [{name: ops}]"})
    message = 'alerting.escalations: there is no receiver "nobody"'
    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path)


def test_flags_take_precedence_over_the_file(tmp_path: Path, write: Write) -> None:
    write(
        {
            "redshank.yml": "server: {listen: ':1'}\nscrape: {config_file: none.yml}",
            "p.yml": "scrape_configs: [{job_name: flag}]",
        }
    )
    source = ConfigurationSource(tmp_path / "redshank.yml", ":2", tmp_path / "p.yml")
    found = source.read()
    assert (found.settings.server.listen, found.jobs[0].name) == (":2", "flag")


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"redshank.yml": "scrape:\n  x: 1"}, "redshank.yml:2: scrape.x"),
        ({"p.yml": "scrape_configs:\n  - job_nam: 1"}, "p.yml:2: "),
        ({"p.yml": "rule_files: [r.yml]", "r.yml": "groups:\n- nam: x"}, "r.yml:2: "),
    ],
)
def test_error_is_reported_with_its_place(
    tmp_path: Path, write: Write, files: Mapping[str, str], place: str
) -> None:
    write({"redshank.yml": "scrape: {config_file: p.yml}", "p.yml": ""} | dict(files))
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path)
    assert place in str(caught.value)


def test_setting_without_effect_is_reported_with_its_place(tmp_path: Path, write: Write) -> None:
    write(
        {
            "redshank.yml": "",
            "p.yml": "rule_files: [missing.yml]\nremote_read: [{url: 'http://x'}]",
        }
    )
    assert read(tmp_path, "p.yml").warnings == (
        f"{tmp_path}/p.yml:2: remote_read has no effect in Redshank",
        f"{tmp_path}/missing.yml: no rule file has this name",
    )


def test_text_is_a_prometheus_configuration_without_secrets(tmp_path: Path, write: Write) -> None:
    job = "{name: own, targets: ['a:1'], labels: {port: '80'}, interval: 5s, timeout: 1s}"
    write(
        {
            "redshank.yml": f"scrape: {{jobs: [{job}]}}",
            "p.yml": "global: {scrape_interval: 9s}\nscrape_configs:\n"
            "- {job_name: j, basic_auth: {username: u, password: hidden}}",
        }
    )
    text = read(tmp_path, "p.yml").text
    assert "hidden" not in text
    document = parse_document(text, "text", plain_text=True).data
    assert document["global"] == {"scrape_interval": "9s"}
    own, theirs = document["scrape_configs"]
    assert (own["job_name"], own["scrape_interval"]) == ("own", "5s")
    assert own["static_configs"] == [{"targets": ["a:1"], "labels": {"port": "80"}}]
    assert theirs["job_name"] == "j"


def test_names_and_labels_of_our_own_file_are_kept_as_written(tmp_path: Path, write: Write) -> None:
    labels = "{v: 1.10, on: on, n: 010, t: 1:30, d: 2026-01-01, e: }"
    job = f"{{name: 5, targets: ['a:1'], labels: {labels}, interval: 7}}"
    write({"redshank.yml": f"scrape: {{jobs: [{job}]}}\nweb: {{metrics_public: no}}"})
    settings = ConfigurationSource(tmp_path / "redshank.yml").read().settings
    [found] = settings.scrape.jobs
    assert (found.name, found.interval) == ("5", 7.0)
    assert found.labels == {
        "v": "1.10",
        "on": "on",
        "n": "010",
        "t": "1:30",
        "d": "2026-01-01",
        "e": "",
    }
    assert not settings.web.metrics_public


def test_without_files_there_are_the_defaults(write: Write) -> None:
    found = ConfigurationSource().read()
    assert found.files == ()
    assert parse_document(found.text, "text").data == {
        "global": {
            "scrape_interval": "15s",
            "scrape_timeout": "10s",
            "evaluation_interval": "15s",
        },
        "scrape_configs": [],
    }
