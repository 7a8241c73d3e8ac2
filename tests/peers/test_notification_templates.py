"""Notification templates give the same texts and errors as in Alertmanager."""

import json
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import pytest

from alerting.errors import TemplateError
from alerting.templates.budget import IN_THREAD
from alerting.templates.library import TemplateLibrary
from alerting.templates.notification_data import (
    NotificationValue,
    NotifiedAlert,
    notification_data,
)
from model.labels import Labels
from tests.alerting.alerting_doubles import running_webhook
from tests.peers.template_grammar import TemplateGrammar
from tests.peers.test_alertmanager import running_alertmanager
from tests.programs import program, skip_before_version

pytestmark = pytest.mark.peer

OPERANDS = (
    *(".Status", ".Receiver", ".CommonLabels", ".GroupLabels.alertname", ".ExternalURL", "."),
    *(".CommonLabels.SortedPairs", ".CommonLabels.Names", ".Alerts", ".Alerts.Firing", "$"),
    *("(index .Alerts 0).Labels", "(index .Alerts 1).Annotations.summary", ".CommonLabels.nosuch"),
    *("(index .Alerts 0).StartsAt", "(index .Alerts 1).EndsAt", "(list 1 `x`)", "(dict `a` 2)"),
    *("(stringSlice `b` `a`)", ".GroupLabels.SortedPairs.Values", ".Nosuch", "(index .Alerts 1)"),
)
CALLS = (
    *("toUpper {}", "toLower {}", "title {}", "trimSpace {}", "join {} {}", 'join "," {}'),
    *("match {} {}", 'match "[a-z]+" {}', 'reReplaceAll "(.)e?" "<$1>" {}', "safeHtml {}"),
    *("stringSlice {} {}", "list {} {}", "append {} {}", "dict {} {}", "dict `k` {}", "toJson {}"),
    *('date "2006-01-02 15:04:05.000 MST" {}', 'tz "Europe/Paris" {}', "tz {} {}", "safeUrl {}"),
    *("humanizeDuration {}", "urlUnescape {}", ".CommonLabels.Remove {}", ".CommonLabels.Names"),
    *('(index .Alerts 0).StartsAt.Format "Jan _2 3:04PM"', "(index .Alerts 1).EndsAt.Sub {}"),
)
LISTS = (
    *(".Alerts", ".Alerts.Firing", ".Alerts.Resolved", ".CommonLabels", ".CommonLabels.Names"),
    *(".CommonLabels.SortedPairs", "list 1 2", "(stringSlice `a` `b`)", "(dict `a` 1 `b` 2)", "2"),
)
URL = "http://am.example.org:9093/x"
ALERTS = (
    NotifiedAlert(
        Labels.of(alertname="A", instance="a:1", severity="warning", job="n"),
        Labels.of(summary="S <1> & é", d='"x"'),
        1_772_719_629_500,
        None,
        "http://p/graph?a=1&b=2",
    ),
    NotifiedAlert(
        Labels.of(alertname="A", instance="b:1", severity="critical", job="n"),
        Labels.of(summary="S2"),
        1_772_719_000_000,
        1_772_719_629_000,
    ),
)
DATA = notification_data("team/x+y", Labels.of(alertname="A"), ALERTS, URL)


WITH_ALL_FUNCTIONS = (0, 33, 0)
"""Alertmanager and amtool of Debian stable have fewer functions and default templates."""


def ours(template: str, data: NotificationValue = DATA, *, html: bool = False) -> str:
    """Return our text, or our error as amtool prints it."""
    library = TemplateLibrary()
    try:
        return library.text(template, html=html).expand(data, 1_772_719_700_000, IN_THREAD.start())
    except TemplateError as exc:
        return f"amtool: error: {exc}"


def _command(amtool: str) -> list[str]:
    # Without a glob amtool ends; one that matches nothing adds nothing.
    return [amtool, "template", "render", "--template.glob=/nonexistent/*"]


def rendered_by_amtool(templates: Sequence[str], folder: Path, kind: str = "text") -> list[str]:
    """Return what `amtool template render` writes for each template, or its error."""
    skip_before_version("amtool", WITH_ALL_FUNCTIONS)
    amtool = program("amtool")
    file = folder / "data.json"
    file.write_text(ours("{{ toJson . }}"))

    def render(template: str) -> str:
        done = subprocess.run(
            [
                *(*_command(amtool), f"--template.type={kind}"),
                *(f"--template.data={file}", f"--template.text={template}"),
            ],
            capture_output=True,
            check=False,
        )
        output = done.stderr.rstrip(b"\n") if done.returncode else done.stdout
        return output.decode(errors="surrogateescape")

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(render, templates))


@pytest.mark.parametrize("seed", range(3))
def test_generated_templates_give_the_same_texts_and_errors(seed: int, tmp_path: Path) -> None:
    grammar = TemplateGrammar(seed, OPERANDS, CALLS, LISTS)
    templates = [grammar.template() for _ in range(150)]
    different = {}
    for template, theirs in zip(templates, rendered_by_amtool(templates, tmp_path), strict=True):
        if "*time.Location" in theirs or "uint64=" in theirs:
            # The inside of a time, printed with a verb for numbers.
            continue
        if ours(template) != theirs:
            different[template] = (ours(template), theirs)
    assert different == {}


HTML = (
    '<a href="{{ .ExternalURL }}">{{ (index .Alerts 0).Annotations.summary }}</a>',
    '<p title={{ "a b>" }}>{{ "<i>&" }}</p>',
    '<a href="{{ "javascript:alert(1)" }}" x="{{ `"<>` }}">',
    '<a href="/x?q={{ "a b&c" }}&z={{ "é/" }}">',
    '<div style="color: {{ "red" }}">{{ safeHtml "<b>" }}{{ .Status }}</div>',
    '<!-- {{ .Status }} --><b>{{ "x" }}',
    '<style>p { color: {{ "red" }} }</style>',
    '<textarea>{{ "<b>" }}</textarea><title>{{ "<b>&" }}</title>',
    "{{ range .Alerts }}<li>{{ .Labels.instance }} {{ .StartsAt }}</li>{{ end }}",
    '<a {{ "x" }}>',
    '<img src="{{ safeUrl "javascript:1" }}">',
    '<img src={{ "a b" }}>',
    "<a href='{{ \"a'b\" }}'>",
    '{{ define "t" }}<b>{{ . }}</b>{{ end }}{{ template "t" "<" }}',
    '{{ define "t" }}<b>{{ . }}</b>{{ end }}<i title="{{ template "t" "<" }}">',
    '{{ html "<" }} {{ "<" | urlquery }} {{ print 1 2.5 }}',
    '{{ dict "a" 1 }}|{{ (dict).x }}|',
    '<a href="http://x/{{ "a b/ü?#&" }}">',
    '<a href="{{ `http://x/a b?c=d e&f="` }}">',
    "<p>{{ 1.5e7 }}{{ true }}</p>",
    '<a href="mailto:{{ "x@y z" }}">',
    'a &lt; < b {{ "<" }} <br/>{{ "é" }}',
    '<p {{ if true }}title="{{ "<" }}"{{ end }}>x',
    '<b title="{{ safeHtml "<i>&amp;\'</i>" }}">',
    '<div style="background: {{ "url(x)" }}; width: {{ 5 }}px">',
    '<!DOCTYPE html>\n<html><body bgcolor={{ "#fff" }}>{{ .CommonLabels }}',
    '<a href="{{ "http" }}://{{ "x" }}/{{ "a?b" }}">',
    '<a href="#{{ "a b" }}">',
    '<p title="">{{ "" }}</p><p title={{ "" }}>',
    '<td width="600" {{ "data" }}="x">',
)


def test_values_are_escaped_for_their_place_in_html(tmp_path: Path) -> None:
    theirs = rendered_by_amtool(HTML, tmp_path, "html")
    assert [ours(template, html=True) for template in HTML] == theirs


NAMES = (
    *("__alertmanager", "__alertmanagerURL", "__description", "__subject", "__text_alert_list"),
    *("__text_alert_list_markdown", "discord.default.content", "discord.default.message"),
    *("discord.default.title", "email.default.subject", "jira.default.description"),
    *("jira.default.priority", "jira.default.summary", "msteams.default.summary"),
    *("msteams.default.text", "msteams.default.title", "msteamsv2.default.text"),
    *("msteamsv2.default.title", "opsgenie.default.description", "opsgenie.default.message"),
    *("opsgenie.default.source", "pagerduty.default.client", "pagerduty.default.clientURL"),
    *("pagerduty.default.description", "pushover.default.message", "pushover.default.title"),
    *("pushover.default.url", "rocketchat.default.alias", "rocketchat.default.title"),
    *("slack.default.callbackid", "slack.default.color", "slack.default.fallback"),
    *("slack.default.footer", "slack.default.iconemoji", "slack.default.iconurl"),
    *("slack.default.pretext", "slack.default.text", "slack.default.title"),
    *("slack.default.titlelink", "slack.default.username", "sns.default.message"),
    *("sns.default.subject", "telegram.default.message", "victorops.default.entity_display_name"),
    *("victorops.default.monitoring_tool", "victorops.default.state_message"),
    *("webex.default.message", "wechat.default.agent_id", "wechat.default.message"),
    *("wechat.default.to_party", "wechat.default.to_tag", "wechat.default.to_user"),
)


def use_of(name: str) -> str:
    """Return a text that uses a template; the bars show the space around it."""
    argument = ".Alerts" if "list" in name else "."
    return f'|{{{{ template "{name}" {argument} }}}}|{{{{ toJson . }}}}'


async def notifications_of_alertmanager(folder: Path) -> dict[str, str]:
    """Send two alerts through one Slack configuration per template; return its text."""
    alerts = [
        {
            "labels": dict(alert.labels),
            "annotations": dict(alert.annotations),
            "generatorURL": alert.generator_url,
        }
        for alert in ALERTS
    ]
    async with running_webhook() as webhook:
        slack = [{"api_url": webhook.url, "title": name, "pretext": use_of(name)} for name in NAMES]
        route = {"receiver": "team/x+y", "group_by": ["alertname"], "group_wait": "1s"}
        receivers = [{"name": "team/x+y", "slack_configs": slack}]
        configuration = json.dumps({"route": route, "receivers": receivers})
        async with (
            running_alertmanager(folder, configuration) as url,
            aiohttp.ClientSession() as session,
            session.post(f"{url}/api/v2/alerts", json=alerts) as response,
        ):
            assert response.status == 200, await response.text()
            bodies = [await webhook.next() for _ in NAMES]
    attachments = [body["attachments"][0] for body in bodies]
    return {item["title"]: item["pretext"] for item in attachments}


async def test_default_templates_give_the_texts_of_alertmanager(tmp_path: Path) -> None:
    skip_before_version("prometheus-alertmanager", WITH_ALL_FUNCTIONS)
    compared = 0
    for name, text in (await notifications_of_alertmanager(tmp_path)).items():
        _, theirs, document = text.split("|", 2) if text.count("|") > 1 else ("", "", "")
        if not document:
            # Debian's Alertmanager lacks the template.
            continue
        if name == "slack.default.fallback":
            start = text.index('|{"')
            theirs, document = text[1:start], text[start + 1 :]
        sent = json.loads(document)
        alerts = [
            NotifiedAlert(
                Labels.of(alert["labels"]),
                Labels.of(alert["annotations"]),
                0,
                None if alert["status"] == "firing" else 1,
                alert["generatorURL"],
            )
            for alert in sent["alerts"]
        ]
        group = Labels.of(sent["groupLabels"])
        data = notification_data("team/x+y", group, alerts, sent["externalURL"])
        assert ours(use_of(name), data).startswith(f"|{theirs}|"), name
        compared += 1
    assert compared > 30
