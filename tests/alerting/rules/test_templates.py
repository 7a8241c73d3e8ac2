import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.errors import TemplateError
from alerting.rules.templates import TemplateData, parse_template
from alerting.templates.budget import IN_THREAD
from alerting.templates.expansion import Expansion, QueryNeededError
from alerting.templates.values.values import LimitExceededError
from model.labels import Labels
from tests.alerting.rules.expansions import EXTERNAL_URL, SAMPLE

DATA = TemplateData(*SAMPLE, EXTERNAL_URL, Labels.of(replica="r1"))


def rendered(source: str) -> str:
    return parse_template(source, "A").expand(
        DATA, Expansion(IN_THREAD.start(), external_url=EXTERNAL_URL)
    )


# The texts are those of promtool 3.5.3.
@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain text", "plain text"),
        ("", ""),
        ("{{ $labels.instance }} is down", "web-1.example.org:9100 is down"),
        ("{{$labels.job}}{{ $labels.site }}", "nodea"),
        ("{{ .Labels.job }} at {{ .Value }}", "node at 91.5"),
        ("[{{ $labels.unknown }}]", "[]"),
        ("{{ .Value }} {{ .Labels.job }} {{ .ExternalLabels.replica }}", "91.5 node r1"),
        ("{{ $externalURL }} {{ pathPrefix }}", f"{EXTERNAL_URL} /prefix"),
        ("{{ $labels }}", "map[instance:web-1.example.org:9100 job:node site:a]"),
        ("{{ if $value }}a{{ else }}b{{ end }}c", "ac"),
        ("{{ if gt $value 95.0 }}a{{ else if eq $value 91.5 }}b{{ else }}c{{ end }}", "b"),
        ("{{ with $labels.nosuch }}{{ . }}{{ else with 5 }}{{ . }}{{ end }}", "5"),
        ("{{ with $value }}{{ $labels.job }} {{ $.Labels.job }}{{ end }}", "node node"),
        (
            "{{ range $k, $v := $labels }}{{ $k }}={{ $v }} {{ else }}none{{ end }}",
            "instance=web-1.example.org:9100 job=node site=a ",
        ),
        (
            "{{ range $i, $e := args 1 2 }}{{ if eq . 2 }}{{ break }}{{ end }}{{ $i }}{{ end }}",
            "arg0",
        ),
        ("{{ range 3 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}", "02"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 3 }}{{ end }}{{ $x }}", "2"),
        ('{{ define "a" }}[{{ . }}]{{ end }}{{ template "a" $value }}', "[91.5]"),
        ('{{ block "a" 1 }}{{ . }}{{ end }}{{ template "a" 2 }}', "12"),
        ("a {{- $labels.job -}} b{{/* nothing }} here */}}", "anodeb"),
        ('{{ printf "}}" }} {{ `{{` }}', "}} {{"),
        ("{{ and 0 (index $labels 5) }} {{ or 1 (index $labels 5) }}", "0 1"),
    ],
)
def test_templates_give_the_texts_of_prometheus(source: str, text: str) -> None:
    assert rendered(source) == text


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ $value", "unclosed action"),
        ("\n{{ $value\n", "__alert_A:3: unclosed action started at __alert_A:2"),
        ('{{ "a }}', "unterminated quoted string"),
        ("a {{ b }} {{", 'function "b" not defined'),
        ("{{ }}", "missing value for command"),
        ("{{ $unknown }}", 'undefined variable "$unknown"'),
        ("{{ range $value }}x", "unexpected EOF"),
        ("x{{ end }}", "unexpected {{end}}"),
        ("{{ os.system }}", 'function "os" not defined'),
        ("{{ $value | 5 }}", "non executable command in pipeline stage 2"),
        ("{{ ($value }}", "unclosed left paren"),
        ("{{ break }}", "{{break}} outside {{range}}"),
        ("{{ if $value }}" * 99 + "{{ end }}" * 99, "nested too deeply"),
        ("{{ " + "(" * 99 + "$value" + ")" * 99 + " }}", "nested too deeply"),
    ],
)
def test_malformed_templates_are_refused_in_the_words_of_go(source: str, reason: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template(source, "A")
    assert str(caught.value).startswith("template: __alert_A:")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("source", "place", "error"),
    [
        (
            "{{ humanize $labels.job }}",
            "1:115",
            (
                "<humanize $labels.job>: error calling humanize: "
                'strconv.ParseFloat: parsing "node": invalid syntax'
            ),
        ),
        (
            "a\n{{ .Foo }}",
            "2:3",
            (
                "<.Foo>: can't evaluate field Foo in type struct { Labels map[string]string; "
                "ExternalLabels map[string]string; ExternalURL string; Value interface {} }"
            ),
        ),
        (
            "{{ humanize 1 2 }}",
            "1:115",
            "<humanize>: wrong number of args for humanize: want 1 got 2",
        ),
        (
            "{{ toUpper $value }}",
            "1:123",
            "<$value>: wrong type for value; expected string; got float64",
        ),
        ("{{ if false }}{{ end }}{{ $x = 1 }}", "1:143", "<1>: undefined variable: $x"),
        ('{{ template "a" }}', "1:124", '<{{template "a"}}>: template "a" not defined'),
    ],
)
def test_error_of_a_template_is_its_text(source: str, place: str, error: str) -> None:
    assert rendered(source) == (
        "<error expanding template: error executing template __alert_A: "
        f'template: __alert_A:{place}: executing "__alert_A" at {error}>'
    )


_WORDS = (
    *(
        "{{",
        "}}",
        "{{- ",
        " -}}",
        "|",
        "(",
        ")",
        ".",
        ".a",
        "$",
        "$x",
        ":=",
        "=",
        ",",
        '"s"',
        "`r`",
    ),
    *(
        " ",
        "1",
        "1.5",
        "if",
        "else",
        "end",
        "range",
        "with",
        "define",
        "template",
        "block",
        "break",
    ),
    *("nil", "true", "print", "printf", '"%*d"', '"%[3]v"', "len", "index", "slice", "html", "js"),
    *("humanize", "reReplaceAll", "match", "args", "query", "$labels", "$value", "\n", "text"),
    *("{{ end }}", "{{ if true }}", "{{ range 9999999 }}", "{{ else }}", '{{ template "s" . }}'),
    *('{{ define "s" }}{{ template "s" . }}{{ end }}', "1e999", "99999999999999999999", "'a'"),
)


@given(st.text() | st.lists(st.sampled_from(_WORDS), max_size=25).map("".join))
def test_hostile_templates_end_with_a_text_or_one_of_the_known_errors(source: str) -> None:
    with contextlib.suppress(TemplateError, LimitExceededError, QueryNeededError):
        rendered(source)


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_actions_is_unchanged(source: str) -> None:
    assert rendered(source) == source


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,5}", fullmatch=True), st.text(min_size=1)))
def test_label_values_are_never_parsed_as_templates(labels: dict[str, str]) -> None:
    for name, value in labels.items():
        template = parse_template("{{ $labels." + name + " }}")
        data = TemplateData(Labels.of(labels), 0.0)
        assert template.expand(data, Expansion(IN_THREAD.start())) == value
