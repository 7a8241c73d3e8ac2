"""The verdicts are those of promtool 3.5.3; tests/peers/test_prometheus_files.py asks it again."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from model.documents import parse_document
from scraper.configuration.ignored_sections.sections import IgnoredSections
from scraper.discovery.job_targets import job_targets
from tests.scraper.configuration.ignored_sections.cases import ACCEPTED, REFUSED


def read(text: str) -> IgnoredSections:
    return IgnoredSections.model_validate(parse_document(text, "x", plain_text=True).data)


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_prometheus_accepts_is_accepted(text: str) -> None:
    read(text)


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_prometheus_refuses_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "storage: {tsdb: {retention: {time: 15d, size: 10GB, percentage: 80}}}",
        "storage: {tsdb: {stale_series_compaction_threshold: 0.5, chunk_encoding: {floats: xor2}}}",
        "otlp: {promote_scope_metadata: true, label_name_underscore_sanitization: false}",
        "remote_write: [{url: x, google_iam: {credentials_file: y}}]",
        "remote_write: [{url: x, azuread: {managed_identity: {client_id: y}}}]",
    ],
)
def test_keys_that_only_other_builds_of_prometheus_have_are_accepted(text: str) -> None:
    read(text)


@pytest.mark.parametrize(
    "text",
    [
        "storage: {tsdb: {retention: {percentage: 101}}}",
        "storage: {tsdb: {retention: {size: -1GB}}}",
        "storage: {tsdb: {retention: {time: -1h}}}",
        "storage: {tsdb: {chunk_encoding: {floats: XOR}}}",
        "remote_write: [{url: x, azuread: {}}]",
        "remote_write: [{url: x, azuread: {oauth: {client_id: a}}}]",
    ],
)
def test_values_of_these_keys_are_checked(text: str) -> None:
    with pytest.raises(ValidationError):
        read(text)


@pytest.mark.parametrize("keys", ["nerve_sd_configs: [{servers: [a], paths: [/b]}]", "sigv4: {}"])
def test_alertmanagers_that_redshank_cannot_reach_are_refused(keys: str) -> None:
    with pytest.raises(ValidationError, match="not supported by Redshank"):
        read(f"alerting: {{alertmanagers: [{{{keys}}}]}}")


def test_alertmanagers_become_jobs_with_their_own_path_label_and_alert_rules() -> None:
    alerting = read(
        "alerting: {alert_relabel_configs: [{action: labeldrop, regex: a}], alertmanagers: ["
        "{path_prefix: x/, scheme: https, timeout: 5s, static_configs: [{targets: [h]}], "
        "alert_relabel_configs: [{action: labeldrop, regex: b}]}, {}]}"
    ).alerting
    assert alerting is not None
    first, second = alerting.jobs(Path("/"))
    assert [rule.regex for rule in first.alert_rules] == ["a", "b"]
    assert [rule.regex for rule in second.alert_rules] == ["a"]
    assert first.job.metrics_path == "/x/api/v2/alerts"
    assert second.job.metrics_path == "/api/v2/alerts"
    (target,) = job_targets(first.job, first.job.static).targets
    assert target.url == "https://h/x/api/v2/alerts"
    assert target.discovered.get("__alerts_path__") == "/x/api/v2/alerts"
