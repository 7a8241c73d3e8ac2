import pytest

from scraper.fetching.protocols import EscapingScheme
from web.prometheus.name_escaping import escaped_name, negotiated_escaping

# What Prometheus 3.5.3 sends on /federate.
_NAMES = {
    "plain_total": ("plain_total", "plain_total", "plain_total", "plain_total"),
    "my.metric_x.é": (
        "my.metric_x.é",
        "my_metric_x__",
        "my_dot_metric__x_dot___",
        "U__my_2e_metric__x_2e__e9_",
    ),
    "1st": ("1st", "_st", "__st", "U___31_st"),
}


_ACCEPT_OF_PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize("name", _NAMES)
def test_names_are_escaped_as_prometheus_does(name: str) -> None:
    schemes = (
        EscapingScheme.ALLOW_UTF_8,
        EscapingScheme.UNDERSCORES,
        EscapingScheme.DOTS,
        EscapingScheme.VALUES,
    )
    assert tuple(escaped_name(name, scheme) for scheme in schemes) == _NAMES[name]


@pytest.mark.parametrize(
    ("accept", "scheme"),
    [
        ("", "underscores"),
        ("*/*", "underscores"),
        ("text/plain;version=0.0.4;escaping=dots", "dots"),
        ("text/plain;escaping=nonsense", "underscores"),
        ("TEXT/PLAIN;ESCAPING=dots", "underscores"),
        (_ACCEPT_OF_PROMETHEUS_3, "allow-utf-8"),
        ("application/openmetrics-text;escaping=dots;q=0.1,text/plain;q=0.2", "underscores"),
        (
            "application/openmetrics-text;escaping=dots;q=0.3,text/plain;escaping=values;q=0.2",
            "values",
        ),
        ("application/openmetrics-text;escaping=dots", "dots"),
        ("text/html;escaping=dots;q=0.5,text/plain;version=0.0.4", "underscores"),
        ("text/plain;q=x;escaping=dots", "dots"),
    ],
)
def test_escaping_is_negotiated_as_prometheus_does(accept: str, scheme: str) -> None:
    assert negotiated_escaping(accept).value == scheme
