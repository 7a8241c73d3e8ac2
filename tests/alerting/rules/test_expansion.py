import asyncio
import threading

import pytest
from structlog.testing import capture_logs

from alerting.rules.definitions import AlertingRule
from alerting.rules.expansion import MAX_QUERIES, TemplateExpander
from alerting.rules.templates import Template, parse_template
from model.labels import Labels
from model.limits import LimitName, Refusals
from promql.api import Answer, EvaluationError, String
from tests.alerting.alerting_doubles import NOW_MS
from tests.alerting.rules.expansions import SAMPLE, expanded, expander
from tests.promql.scripted_engine import Script, ScriptedEngine

FAILED = "<error expanding template: error executing template __alert_A: "
UP = {Labels.of(__name__="up", i="b"): 2.0, Labels.of(__name__="up", i="a"): 5.0}


def engine_with(**answers: Script) -> ScriptedEngine:
    return ScriptedEngine(answers=answers)


# The texts are those of promtool 3.5.3.
@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ range query `up` }}{{ .Labels.i }}={{ .Value }};{{ end }}", "b=2;a=5;"),
        ("{{ range query `up` | sortByLabel `i` }}{{ label `i` . }}{{ end }}", "ab"),
        ("{{ query `up` | first | value | humanize }}", "2"),
        ("{{ with query `none` }}{{ . | first }}{{ else }}nothing{{ end }}", "nothing"),
        ("{{ len (query (printf `%s` `up`)) }}", "2"),
        ("{{ strvalue (query `up` | first) }}|", "|"),
    ],
)
async def test_a_template_sees_the_result_of_a_query(source: str, text: str) -> None:
    engine = engine_with(up=UP)
    assert await expanded(source, engine) == text
    assert len(engine.asked) == 1


async def test_a_query_runs_at_the_time_of_the_evaluation() -> None:
    engine = engine_with()
    await expanded("{{ query `up` }}", engine)
    assert engine.asked == [("up", NOW_MS, NOW_MS, 0)]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(String(NOW_MS, "x")), "rule result is not a vector or scalar"),
        (EvaluationError("the samples are gone"), "the samples are gone"),
    ],
)
async def test_the_error_of_a_query_is_in_the_text(answer: Script, error: str) -> None:
    assert await expanded('{{ query "up" }}', engine_with(up=answer)) == (
        f'{FAILED}template: __alert_A:1:115: executing "__alert_A" at <query "up">: '
        f"error calling query: {error}>"
    )


async def test_alerts_of_one_rule_share_the_results_of_queries() -> None:
    engine = engine_with(up=UP)
    rule = AlertingRule(
        "g/A",
        "A",
        "x",
        annotations={name: parse_template("{{ query `up` | len }}") for name in "ab"},
    )
    found = await expander(engine).annotations(rule, [SAMPLE] * 3, NOW_MS)
    assert found == [Labels.of(a="2", b="2")] * 3
    assert len(engine.asked) == 1


async def test_a_template_with_too_many_queries_is_refused() -> None:
    engine = engine_with()
    with capture_logs() as logs:
        text = await expanded("{{ range 1000 }}{{ query (print `up` .) }}{{ end }}", engine)
    assert text == f"{FAILED}too many queries>"
    assert len(engine.asked) == MAX_QUERIES
    assert [entry["limit"] for entry in logs] == ["template_queries"]


async def test_a_refused_template_is_counted() -> None:
    refusals = Refusals()
    expander = TemplateExpander(engine_with(), refusals=refusals)
    rule = AlertingRule(
        "g/A", "A", "x", labels={"a": parse_template("{{ range 9999999 }}{{ end }}")}
    )
    await expander.alert_labels(rule, [SAMPLE, SAMPLE], NOW_MS)
    assert refusals.totals()[LimitName.TEMPLATE_STEPS] == 2


HOSTILE = {
    "{{ range 1000 }}{{ range 1000 }}{{ range 1000 }}x{{ end }}{{ end }}{{ end }}": "many steps",
    "{{ range 9999999999 }}{{ end }}": "many steps",
    '{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}': "maximum template depth",
    '{{ printf "%999999d%999999d%999999d%999999d%999999d" 1 2 3 4 5 }}': "too long",
    "{{ $x := args 1 }}{{ range 60 }}{{ $x = args $x $x }}{{ end }}{{ print $x }}": "deeply",
    "{{ $x := `aaaa` }}{{ range 30 }}{{ $x = print $x $x }}{{ end }}{{ $x }}": "too long",
    "{{ $x := `aaaaaaaaaaaa` }}"
    + "{{ $x = reReplaceAll `a` `aaaaaaaaaaaaaaaaaaaaaa` $x }}" * 7: "too many steps",
    "{{ range 9999 }}{{ $x := reReplaceAll `(a|b|c|d)*x` `` (printf `%9999d` 1) }}{{ end }}": "too",
    '{{ html (printf "%99999d" 1) | js | urlquery | html | js | urlquery | html }}'
    * 60: "too long",
}


@pytest.mark.parametrize("source", HOSTILE)
async def test_hostile_templates_are_refused_off_the_event_loop(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    expand = Template.expand

    def watched(*arguments: object) -> str:
        threads.append(threading.current_thread())
        return expand(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Template, "expand", watched)
    text = await expanded(source)
    assert text.startswith(FAILED)
    assert HOSTILE[source] in text
    # What takes long does so in a thread.
    if "maximum template depth" not in text and "deeply" not in text:
        assert threads[-1] is not threading.main_thread()


async def test_a_long_template_is_expanded_in_full() -> None:
    assert await expanded("{{ range 5000 }}x{{ end }}") == "x" * 5000


async def test_many_alerts_let_other_tasks_run() -> None:
    rounds = 0

    async def count() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    rule = AlertingRule(
        "g/A", "A", "x", annotations={"a": parse_template("{{ range $labels }}{{ . }}{{ end }}")}
    )
    task = asyncio.create_task(count())
    await expander().annotations(rule, [SAMPLE] * 30_000, NOW_MS)
    task.cancel()
    assert rounds > 2
