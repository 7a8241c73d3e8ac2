"""Names of series and labels; the expected ones are those of Prometheus's receiver."""

import pytest

from ingest.otlp.names import MetricKind, label_name, metric_name
from ingest.otlp.translation_settings import TranslationSettings, TranslationStrategy

GAUGE, COUNTER, OTHER = MetricKind.GAUGE, MetricKind.COUNTER, MetricKind.HISTOGRAM
DEFAULT = TranslationStrategy.ESCAPED_WITH_SUFFIXES


@pytest.mark.parametrize(
    ("name", "unit", "kind", "expected"),
    [
        ("system.filesystem.usage", "By", GAUGE, "system_filesystem_usage_bytes"),
        ("system.network.io", "By", COUNTER, "system_network_io_bytes_total"),
        ("system.network.io", "By/s", GAUGE, "system_network_io_bytes_per_second"),
        ("http.server.duration", "s", OTHER, "http_server_duration_seconds"),
        ("requests.total", "", COUNTER, "requests_total"),
        ("total.requests", "", COUNTER, "requests_total"),
        ("a.seconds", "s", GAUGE, "a_seconds"),
        ("memory_in_By", "By", GAUGE, "memory_in_By_bytes"),
        ("cpu.utilization", "1", GAUGE, "cpu_utilization_ratio"),
        ("cpu.ratio.x", "1", GAUGE, "cpu_x_ratio"),
        ("cpu", "1", COUNTER, "cpu_total"),
        ("presented.messages", "{messages}", COUNTER, "presented_messages_total"),
        ("m", "{packet}/s", GAUGE, "m_per_second"),
        ("m", "By/{x}", GAUGE, "m_bytes"),
        ("m", "%", GAUGE, "m_percent"),
        ("9lives", "", GAUGE, "_9lives"),
        ("_a__b-c_", "", GAUGE, "a_b_c"),
        ("ns:rule", "", GAUGE, "ns:rule"),
        ("a", "weird unit", GAUGE, "a_weird_unit"),
        ("a", "ms/mo", GAUGE, "a_milliseconds_per_month"),
        ("a", "TiBy", GAUGE, "a_tibibytes"),
        ("größe", "", GAUGE, "gr_e"),
        ("---", "", GAUGE, ""),
    ],
)
def test_names_with_suffixes(name: str, unit: str, kind: MetricKind, expected: str) -> None:
    assert metric_name(name, unit, kind, DEFAULT) == expected


@pytest.mark.parametrize(
    ("strategy", "name", "unit", "kind", "expected"),
    [
        (TranslationStrategy.NONE, "a.b", "s", COUNTER, "a.b"),
        (TranslationStrategy.UTF8_WITH_SUFFIXES, "a.b", "s", COUNTER, "a.b_seconds_total"),
        (
            TranslationStrategy.UTF8_WITH_SUFFIXES,
            "a.total",
            "By/s",
            COUNTER,
            "a_bytes_per_second_total",
        ),
        (TranslationStrategy.UTF8_WITH_SUFFIXES, "größe", "1", GAUGE, "größe_ratio"),
        (TranslationStrategy.ESCAPED_WITHOUT_SUFFIXES, "a.b__c", "s", COUNTER, "a_b__c"),
        (TranslationStrategy.ESCAPED_WITHOUT_SUFFIXES, "..1a", "s", COUNTER, "_1a"),
    ],
)
def test_names_by_strategy(
    strategy: TranslationStrategy, name: str, unit: str, kind: MetricKind, expected: str
) -> None:
    assert metric_name(name, unit, kind, strategy) == expected


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("http.method", "http_method"),
        ("a--b", "a__b"),
        ("0digit", "key_0digit"),
        ("_one", "key_one"),
        ("__two", "__two"),
        ("__x__", "__x__"),
        ("é", "key_"),
        ("", ""),
    ],
)
def test_label_names(attribute: str, expected: str) -> None:
    assert label_name(attribute, TranslationSettings()) == expected
    assert label_name(attribute, TranslationSettings(TranslationStrategy.NONE)) == attribute


def test_label_names_by_setting() -> None:
    plain = TranslationSettings(prefix_underscores=False, keep_underscore_runs=False)
    assert label_name("_one", plain) == "_one"
    assert label_name("a--b", plain) == "a_b"
    assert label_name("__x__", plain) == "__x__"
