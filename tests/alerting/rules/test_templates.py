import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.errors import TemplateError
from alerting.rules.template_actions import TemplateData
from alerting.rules.templates import parse_template
from model.labels import Labels

DATA = TemplateData(
    Labels.of(instance="web-1.example.org:9100", job="node", site="a"),
    91.5,
    "http://redshank.example.org",
)


def rendered(source: str) -> str:
    return parse_template(source).render(DATA)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain text", "plain text"),
        ("", ""),
        ("{{ $labels.instance }} is down", "web-1.example.org:9100 is down"),
        ("{{$labels.job}}{{ $labels.site }}", "nodea"),
        ("{{ .Labels.job }} at {{ .Value }}", "node at 91.5"),
        ("[{{ $labels.unknown }}]", "[]"),
        ("{{ $value }}", "91.5"),
        ("{{ if $value }}a{{ else }}b{{ end }}c", "ac"),
        ("{{ if gt $value 95.0 }}a{{ else if eq $value 91.5 }}b{{ else }}c{{ end }}", "b"),
        ("{{ with $labels.job -}} on {{ . }} {{- end }}!", "on node!"),
        ("{{ with $labels.nosuch }}{{ . }}{{ else }}none{{ end }}", "none"),
        ("{{ if or $labels.nosuch (not (lt $value 5.0)) }}{{ len $labels.job }}{{ end }}", "4"),
        ("{{ .Value }} {{ .Labels.job }} {{ .ExternalLabels.a }}", "91.5 node "),
        ("{{ 5 }} {{ 1000000 }} {{ 1e6 }}", "5 1000000 1e+06"),
        ('{{ "a b&c" | urlquery }}', "a+b%26c"),
        ("{{ $labels }}", "map[instance:web-1.example.org:9100 job:node site:a]"),
        ('{{ index $labels "job" }}', "node"),
        ("{{ $externalURL }}/x{{ $externalLabels.replica }}", "http://redshank.example.org/x"),
        ("{{ humanize 1234567.0 }}", "1.235M"),
        ("{{ 0.1234 | humanizePercentage }}", "12.34%"),
        ("{{ 3661 | humanizeDuration }}", "1h 1m 1s"),
        ("{{ humanize1024 1048576 }}B", "1MiB"),
        ("{{ humanizeTimestamp 0 }}", "1970-01-01 00:00:00 +0000 UTC"),
        ('{{ $value | printf "%.2f" }}', "91.50"),
        ('{{ printf "%.0f%% of %s" $value $labels.job }}', "92% of node"),
        ('{{ printf "%6.1f|%-6s|%v|%q" $value "a" $value "b\\"c" }}', '  91.5|a     |91.5|"b\\"c"'),
        ('{{ printf "%06.2f %+.1f %e" $value $value $value }}', "091.50 +91.5 9.150000e+01"),
        ("{{ ($value | humanize) | toUpper }}", "91.5"),
        ("{{ toUpper $labels.job }} {{ toLower `ABC` }} {{ title `a bc` }}", "NODE abc A Bc"),
        ("{{ stripPort $labels.instance }}", "web-1.example.org"),
        ("{{ stripDomain $labels.instance }}", "web-1:9100"),
        ('{{ stripPort "[::1]:9100" }} {{ stripDomain "10.0.0.5:9100" }}', "::1 10.0.0.5:9100"),
        ('{{ reReplaceAll "(.*):(\\\\d+)" "$2 ${1}$$" "a.b:90" }}', "90 a.b$"),
        ("a {{- $labels.job -}} b", "anodeb"),
        ("a {{/* nothing }} here */}} b", "a  b"),
        ('{{ printf "}}" }} {{ `{{` }}', "}} {{"),
        ("a }} b", "a }} b"),
    ],
)
def test_supported_templates(source: str, text: str) -> None:
    assert rendered(source) == text


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ $value", "never closed"),
        ('{{ "a }}', "never closed"),
        ("a {{ b }} {{", "'b' is not supported"),
        ("{{ }}", "a value is missing"),
        ("{{ $labels.a.b }}", r"'\$labels.a.b' is not supported"),
        ("{{ $unknown }}", r"'\$unknown' is not supported"),
        ("{{ .Nothing }}", "'.Nothing' is not supported"),
        ("{{ range $value }}x{{ end }}", "'range' is not supported"),
        ("{{ if $value }}x", "if is never closed with end"),
        ("{{ with $value }}x{{ else }}y", "with is never closed with end"),
        ("{{ if }}x{{ end }}", "a value is missing"),
        ("x{{ end }}", "'end' without if or with"),
        ("{{ . }}", "unexpected"),
        ("{{ with $value }}{{ .Labels.a }}{{ end }}", "inside with is not supported"),
        ("{{ if $value }}" * 60 + "{{ end }}" * 60, "nested too deeply"),
        ("{{ range query `up` }}", "'range' is not supported"),
        ("{{ query `up` }}", "'query' is not supported"),
        ("{{ os.system }}", "'os' is not supported"),
        ("{{ exec }}", "'exec' is not supported"),
        ("{{ humanize }}", "wrong number of arguments for humanize: 0"),
        ("{{ humanize 1 2 }}", "wrong number of arguments for humanize: 2"),
        ("{{ $value | 5 }}", "only a function can follow"),
        ("{{ $value $value }}", "unexpected"),
        ("{{ ($value }}", r"\( is never closed"),
        ("{{ $value ) }}", "unexpected"),
        ("{{ " + "(" * 60 + "$value" + ")" * 60 + " }}", "nested too deeply"),
        ('{{ toUpper "\\q" }}', "bad string"),
    ],
)
def test_unsupported_templates_are_rejected_when_parsed(source: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        parse_template(source)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("{{ humanize $labels.job }}", "'node' is not a number"),
        ("{{ humanize $labels }}", "labels are not a number"),
        ("{{ if eq $value 91 }}x{{ end }}", "incompatible types for comparison"),
        ("{{ lt $labels $labels }}", "labels cannot be compared"),
        ("{{ toUpper $value }}", "91.5 is not text"),
        ("{{ printf `%999999999f` $value }}", "is too wide"),
        ("{{ reReplaceAll `(` `` `` }}", "error parsing regexp"),
        ("{{ humanizeTimestamp 1e300 }}", "overflows int64"),
        ("{{ index `a` `b` }}", "index needs labels"),
    ],
)
def test_error_of_rendering_is_in_the_text(source: str, error: str) -> None:
    text = rendered(source)
    assert text.startswith("<error expanding template: ")
    assert error in text


@given(st.text() | st.from_regex(r"(\{\{[-a-z$ .|()\"`0-9/*]*\}\}?|[a-z ]*){0,4}", fullmatch=True))
def test_any_text_is_rendered_or_rejected(source: str) -> None:
    try:
        template = parse_template(source)
    except TemplateError:
        return
    template.render(DATA)


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_actions_is_unchanged(source: str) -> None:
    assert rendered(source) == source


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,5}", fullmatch=True), st.text(min_size=1)))
def test_label_values_are_never_parsed_as_templates(labels: dict[str, str]) -> None:
    for name, value in labels.items():
        template = parse_template("{{ $labels." + name + " }}")
        assert template.render(TemplateData(Labels.of(labels), 0.0)) == value
