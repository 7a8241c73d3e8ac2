import threading
from pathlib import Path

import pytest

from alerting.errors import TemplateError
from alerting.templates.budget import IN_THREAD
from alerting.templates.library import NotificationText, TemplateLibrary
from tests.alerting.templates.notifications import DATA, NOW_MS


def expanded(source: str, library: TemplateLibrary | None = None) -> str:
    text = (library or TemplateLibrary()).text(source)
    return text.expand(DATA, NOW_MS, IN_THREAD.start())


# The texts are those of Alertmanager 0.33.
@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('{{ template "slack.default.title" . }}', "[FIRING:1] A (n)"),
        ('{{ template "slack.default.titlelink" . }}', "http://am/#/alerts?receiver=team%5C.x"),
        ('{{ template "slack.default.text" . }}', ""),
        ('{{ template "jira.default.priority" . }}', ""),
        (
            '{{ template "opsgenie.default.description" . }}',
            (
                "\nAlerts Firing:\nLabels:\n - alertname = A\n - instance = a:1\n - job = n\n"
                "Annotations:\n - summary = S <1>\nSource: http://p/graph\n"
                "\nAlerts Resolved:\nLabels:\n - alertname = A\n - instance = b:1\n - job = n\n"
                "Annotations:\n - summary = S2\nSource: \n"
            ),
        ),
        ("{{ range .Alerts.Firing }}{{ .Labels.instance }}{{ end }}", "a:1"),
        (
            "{{ .CommonLabels }} {{ .CommonLabels.Names | join `,` }}",
            "alertname=A, job=n alertname,job",
        ),
        ('{{ .CommonLabels.Remove (stringSlice "job") }}', "alertname=A"),
        ("{{ (index .Alerts 1).Labels.Values }} {{ len .Alerts.Resolved }}", "[A b:1 n] 1"),
        (
            "{{ with index .Alerts.Firing 0 }}{{ since .StartsAt }} {{ .EndsAt.IsZero }}{{ end }}",
            "1m10.5s true",
        ),
        ('{{ date "15:04" (tz "Europe/Paris" now) }}', "15:08"),
        ("{{ title `hELLO wORLD` }} {{ trimSpace ` x ` }}|", "Hello World x|"),
        ('{{ dict "a" (list 1 "b") | toJson }}', '{"a":[1,"b"]}'),
        ("{{ append (list 1) 2 }} {{ urlUnescape `a%20b` }} {{ safeUrl `x` }}", "[1 2] a b x"),
        ("{{ .Receiver }} {{ .NotificationReason }}|", r"team\.x |"),
    ],
)
def test_texts_of_notifications(source: str, text: str) -> None:
    assert expanded(source) == text


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("{{ .Foo }}", "can't evaluate field Foo in type template.Data"),
        ('{{ template "x" . }}', 'template "x" not defined'),
        ('{{ dict "a" }}', "error calling dict: dict requires an even number of arguments"),
        ("{{ dict 1 2 }}", "error calling dict: dict keys must be strings"),
        ('{{ tz "X/Y" now }}', "error calling tz: unknown time zone X/Y"),
        ('{{ urlUnescape "%zz" }}', 'error calling urlUnescape: invalid URL escape "%zz"'),
        ('{{ join "," (list "a") }}', "expected []string; got []interface {}"),
    ],
)
def test_errors_are_those_of_alertmanager(source: str, error: str) -> None:
    with pytest.raises(TemplateError) as caught:
        expanded(source)
    assert str(caught.value).startswith("template: :1:")
    assert error in str(caught.value)


def test_files_add_templates_and_replace_those_before(tmp_path: Path) -> None:
    (tmp_path / "a.tmpl").write_text('{{ define "own" }}{{ template "__subject" . }}!{{ end }}')
    (tmp_path / "b.tmpl").write_text(
        '{{ define "__subject" }}{{ .Status }}{{ end }}{{ define "own" }} {{ end }}'
    )
    library = TemplateLibrary.from_files(["*.tmpl"], tmp_path)
    assert expanded('{{ template "own" . }}', library) == "firing!"
    assert expanded('{{ template "slack.default.title" . }}', library) == "firing"
    absolute = TemplateLibrary.from_files([str(tmp_path / "a.tmpl"), "none*"], Path("/"))
    assert expanded('{{ template "own" . }}', absolute) == "[FIRING:1] A (n)!"


def test_a_malformed_file_is_refused_with_its_name_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.tmpl").write_text("x\n{{ nosuch }}")
    with pytest.raises(TemplateError, match=r'template: a\.tmpl:2: function "nosuch" not defined'):
        TemplateLibrary.from_files(["a.tmpl"], tmp_path)
    (tmp_path / "b.tmpl").mkdir()
    with pytest.raises(TemplateError, match=r"b\.tmpl: Is a directory"):
        TemplateLibrary.from_files(["b.tmpl"], tmp_path)


async def test_a_template_that_takes_long_runs_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    expand = NotificationText.expand

    def watched(*arguments: object) -> str:
        threads.append(threading.current_thread() is threading.main_thread())
        return expand(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(NotificationText, "expand", watched)
    library = TemplateLibrary()
    assert await library.text("{{ range 4000 }}x{{ end }}").expand_bounded(DATA, 0) == "x" * 4000
    assert await library.text("{{ .Status }}").expand_bounded(DATA, 0) == "firing"
    with pytest.raises(TemplateError, match="too many steps"):
        await library.text("{{ range 999999999 }}x{{ end }}").expand_bounded(DATA, 0)
    assert threads == [True, False, True, True, False]
