"""Names of Prometheus's own receiver, case by case.

The peer that tests run beside us is built without an OTLP receiver, so it cannot be asked. These
are facts of the test cases of its translator (`otlptranslator`, and the receiver before it):
name, unit and type, and the name that Prometheus gives. Cases with a namespace are left out,
since no setting of the receiver sets one.
"""

import pytest

from ingest.otlp.names import MetricKind, label_name, metric_name
from ingest.otlp.translation_settings import TranslationSettings, TranslationStrategy

G, C = MetricKind.GAUGE, MetricKind.COUNTER
UP_DOWN, H, S = MetricKind.UP_DOWN_COUNTER, MetricKind.HISTOGRAM, MetricKind.SUMMARY

Case = tuple[MetricKind, str, str, str]

ESCAPED_WITH_SUFFIXES: list[Case] = [
    (C, "requests", "", "requests_total"),
    (G, "cpu_usage", "1", "cpu_usage_ratio"),
    (C, "items", "1", "items_total"),
    (G, "response_time", "ms", "response_time_milliseconds"),
    (G, "memory_usage", "By", "memory_usage_bytes"),
    (G, "requests", "1/s", "requests_per_second"),
    (C, "requests", "1/s", "requests_per_second_total"),
    (G, "throughput", "By/s", "throughput_bytes_per_second"),
    (G, "custom_metric", "custom_unit", "custom_metric_custom_unit"),
    (G, "custom_metric", "{custom}", "custom_metric"),
    (G, "custom_metric", "By/{custom}", "custom_metric_bytes"),
    (C, "requests_total", "", "requests_total"),
    (G, "cpu_usage_ratio", "1", "cpu_usage_ratio"),
    (G, "response_time_seconds", "s", "response_time_seconds"),
    (
        G,
        "metric__with__multiple__underscores",
        "unit__multiple__underscores",
        "metric_with_multiple_underscores_unit_multiple_underscores",
    ),
    (
        G,
        "custom_metric",
        "unit@with#special/chars",
        "custom_metric_unit_with_special_per_chars",
    ),
    (G, "@#$%", "", ""),
    (H, "request_duration", "s", "request_duration_seconds"),
    (H, "request_size", "By", "request_size_bytes"),
    (S, "response_time", "ms", "response_time_milliseconds"),
    (UP_DOWN, "active_connections", "", "active_connections"),
    (G, "uptime", "d", "uptime_days"),
    (G, "duration", "h", "duration_hours"),
    (G, "timeout", "min", "timeout_minutes"),
    (G, "latency", "us", "latency_microseconds"),
    (G, "precision_time", "ns", "precision_time_nanoseconds"),
    (G, "cache_size", "KiBy", "cache_size_kibibytes"),
    (G, "memory", "MiBy", "memory_mebibytes"),
    (G, "storage", "GiBy", "storage_gibibytes"),
    (G, "capacity", "TiBy", "capacity_tibibytes"),
    (G, "transfer", "KBy", "transfer_kilobytes"),
    (G, "download", "MBy", "download_megabytes"),
    (G, "backup", "GBy", "backup_gigabytes"),
    (G, "archive", "TBy", "archive_terabytes"),
    (G, "distance", "m", "distance_meters"),
    (G, "voltage", "V", "voltage_volts"),
    (G, "current", "A", "current_amperes"),
    (G, "energy", "J", "energy_joules"),
    (G, "power", "W", "power_watts"),
    (G, "weight", "g", "weight_grams"),
    (G, "temperature", "Cel", "temperature_celsius"),
    (G, "frequency", "Hz", "frequency_hertz"),
    (G, "cpu_usage", "%", "cpu_usage_percent"),
    (G, "requests", "1/m", "requests_per_minute"),
    (G, "events", "1/h", "events_per_hour"),
    (G, "transactions", "1/d", "transactions_per_day"),
    (G, "reports", "1/w", "reports_per_week"),
    (G, "invoices", "1/mo", "invoices_per_month"),
    (G, "renewals", "1/y", "renewals_per_year"),
    (G, "custom", "1/custom_unit", "custom_per_custom_unit"),
    (G, "metric", "By/", "metric_bytes"),
    (G, "metric", " By / s ", "metric_bytes_per_second"),
    (G, "metric", "/", "metric"),
    (H, "http.request.duration", "ms", "http_request_duration_milliseconds"),
    (C, "http.requests", "1", "http_requests_total"),
    (G, "system.filesystem.usage", "By", "system_filesystem_usage_bytes"),
    (C, "network_transmitted_bytes_total", "By", "network_transmitted_bytes_total"),
    (G, "\t system.filesystem.usage       ", "  By\t", "system_filesystem_usage_bytes"),
    (G, "system.network.dropped", "{packets}", "system_network_dropped"),
    (G, "system.network.dropped", "nonstandard:_1", "system_network_dropped_nonstandard:_1"),
    (C, "system.network.dropped", "{packets}", "system_network_dropped_total"),
    (G, "system.network.dropped", "packets", "system_network_dropped_packets"),
    (G, "system.network.packets.dropped", "packets", "system_network_packets_dropped"),
    (G, "system.network.packets", "packets", "system_network_packets"),
    (C, "system.network.dropped", "packets", "system_network_dropped_packets_total"),
    (C, "system.network.packets.dropped", "packets", "system_network_packets_dropped_total"),
    (C, "system.network.packets", "packets", "system_network_packets_total"),
    (G, "hw.gpu.memory.utilization", "1", "hw_gpu_memory_utilization_ratio"),
    (G, "hw.fan.speed_ratio", "1", "hw_fan_speed_ratio"),
    (C, "objects", "1", "objects_total"),
    (G, "hw.cpu.speed_limit", "Hz", "hw_cpu_speed_limit_hertz"),
    (G, "broken.metric.speed", "km/h", "broken_metric_speed_km_per_hour"),
    (G, "astro.light.speed_limit", "m/s", "astro_light_speed_limit_meters_per_second"),
    (G, "system.network.dropped", "non/standard:_1", "system_network_dropped_non_per_standard:_1"),
    (G, "broken.metric.speed", "km/°", "broken_metric_speed_km"),
    (G, "broken.metric.success_ratio", "%", "broken_metric_success_ratio_percent"),
    (G, "broken.metric.success_percent", "%", "broken_metric_success_percent"),
    (G, "test.metric.no_unit", "", "test_metric_no_unit"),
    (G, "test.metric.spaces", "   \t  ", "test_metric_spaces"),
    (
        G,
        "active_directory.ds.replication.object.rate",
        "{objects}/s",
        "active_directory_ds_replication_object_rate_per_second",
    ),
    (G, "apache.current_connections", "connections", "apache_current_connections"),
    (G, "apache.workers", "connections", "apache_workers_connections"),
    (
        C,
        "bigip.virtual_server.request.count",
        "{requests}",
        "bigip_virtual_server_request_count_total",
    ),
    (C, "system.disk.operation_time", "s", "system_disk_operation_time_seconds_total"),
    (G, "system.cpu.load_average.15m", "1", "system_cpu_load_average_15m_ratio"),
    (G, "memcached.operation_hit_ratio", "%", "memcached_operation_hit_ratio_percent"),
    (
        G,
        "mongodbatlas.process.db.query_targeting.scanned_per_returned",
        "{scanned}/{returned}",
        "mongodbatlas_process_db_query_targeting_scanned_per_returned",
    ),
    (
        G,
        "mongodbatlas.process.oplog.rate",
        "GiBy/h",
        "mongodbatlas_process_oplog_rate_gibibytes_per_hour",
    ),
    (G, "nginx.requests", "requests", "nginx_requests"),
    (G, "nginx.connections_accepted", "connections", "nginx_connections_accepted"),
    (G, "redis.latest_fork", "us", "redis_latest_fork_microseconds"),
    (G, "3.14 digits", "", "_3_14_digits"),
    (G, "envoy__rule_engine_zlib_buf_error", "", "envoy_rule_engine_zlib_buf_error"),
    (G, ":foo::bar", "", ":foo::bar"),
    (C, ":foo::bar", "", ":foo::bar_total"),
    (C, "system.io", "foo/bar", "system_io_foo_per_bar_total"),
    (C, "metric_with_字符_foreign_characters", "", "metric_with_foreign_characters_total"),
]
ESCAPED_WITHOUT_SUFFIXES: list[Case] = [
    (G, "simple_metric", "", "simple_metric"),
    (G, "metric@with#special$chars", "", "metric_with_special_chars"),
    (G, "123metric", "", "_123metric"),
    (G, "", "", ""),
    (G, "metric@@##$$name", "", "metric_name"),
    (G, "@#$%", "", ""),
    (C, "system.io", "By", "system_io"),
    (G, "3.14 digits", "By", "_3_14_digits"),
    (G, "envoy__rule_engine_zlib_buf_error", "", "envoy__rule_engine_zlib_buf_error"),
    (G, ":foo::bar", "", ":foo::bar"),
    (C, ":foo::bar", "", ":foo::bar"),
    (G, "foo.bar", "1", "foo_bar"),
    (C, "system.io", "foo/bar", "system_io"),
    (C, "metric_with_字符_foreign_characters", "", "metric_with___foreign_characters"),
]
UTF8_WITH_SUFFIXES: list[Case] = [
    (C, "requêsts", "", "requêsts_total"),
    (G, "cpu_usagé", "1", "cpu_usagé_ratio"),
    (G, "respønse_time", "ms", "respønse_time_milliseconds"),
    (G, "requêsts", "1/s", "requêsts_per_second"),
    (C, "@#$%", "", "@#$%_total"),
    (C, "requests_total", "", "requests_total"),
    (G, "cpu_usage_ratio", "1", "cpu_usage_ratio"),
    (G, "response_time_seconds", "s", "response_time_seconds"),
    (C, "cpu_seconds_total", "s", "cpu_seconds_total"),
    (C, "system.io", "By", "system.io_bytes_total"),
    (G, "3.14 digits", "", "3.14 digits"),
    (G, "envoy__rule_engine_zlib_buf_error", "", "envoy__rule_engine_zlib_buf_error"),
    (G, ":foo::bar", "", ":foo::bar"),
    (C, ":foo::bar", "", ":foo::bar_total"),
    (G, "foo.bar", "1", "foo.bar_ratio"),
    (C, "system.io", "foo/bar", "system.io_foo_per_bar_total"),
    (C, "metric_with_字符_foreign_characters", "", "metric_with_字符_foreign_characters_total"),
]
NONE: list[Case] = [
    (G, "métric_with_ñ_chars", "", "métric_with_ñ_chars"),
    (H, "http.request.duration", "ms", "http.request.duration"),
    (C, "http.requests", "1", "http.requests"),
    (C, "system.io", "By", "system.io"),
    (G, "3.14 digits", "", "3.14 digits"),
    (C, ":foo::bar", "", ":foo::bar"),
    (G, "system_io_seconds", "s", "system_io_seconds"),
    (C, "system_io_total", "", "system_io_total"),
]
CASES = {
    TranslationStrategy.ESCAPED_WITH_SUFFIXES: ESCAPED_WITH_SUFFIXES,
    TranslationStrategy.ESCAPED_WITHOUT_SUFFIXES: ESCAPED_WITHOUT_SUFFIXES,
    TranslationStrategy.UTF8_WITH_SUFFIXES: UTF8_WITH_SUFFIXES,
    TranslationStrategy.NONE: NONE,
}


@pytest.mark.parametrize("strategy", TranslationStrategy)
def test_metric_names_are_prometheus_names(strategy: TranslationStrategy) -> None:
    cases = CASES[strategy]
    assert len(set(cases)) == len(cases)
    found = [
        (kind, name, unit, metric_name(name, unit, kind, strategy)) for kind, name, unit, _ in cases
    ]
    assert found == cases


@pytest.mark.parametrize(
    ("attribute", "expected", "without_prefix"),
    [
        ("label:with:colons", "label_with_colons", "label_with_colons"),
        ("LabelWithCapitalLetters", "LabelWithCapitalLetters", "LabelWithCapitalLetters"),
        ("label!with&special$chars)", "label_with_special_chars_", "label_with_special_chars_"),
        (
            "label_with_foreign_characters_字符",
            "label_with_foreign_characters___",
            "label_with_foreign_characters___",
        ),
        ("label.with.dots", "label_with_dots", "label_with_dots"),
        ("regular label", "regular_label", "regular_label"),
        ("123label", "key_123label", "key_123label"),
        ("_label_with_underscore", "key_label_with_underscore", "_label_with_underscore"),
        ("__label_with_2underscores", "__label_with_2underscores", "__label_with_2underscores"),
    ],
)
def test_label_names_are_prometheus_names(
    attribute: str, expected: str, without_prefix: str
) -> None:
    assert label_name(attribute, TranslationSettings()) == expected
    plain = TranslationSettings(prefix_underscores=False)
    assert label_name(attribute, plain) == without_prefix
    for strategy in (TranslationStrategy.NONE, TranslationStrategy.UTF8_WITH_SUFFIXES):
        assert label_name(attribute, TranslationSettings(strategy)) == attribute
