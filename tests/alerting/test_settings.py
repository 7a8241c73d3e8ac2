import pytest
from pydantic import ValidationError

from alerting.settings import AlertingSettings, WebhookReceiverSettings
from storage.api.alerts import Severity

WEBHOOK = {"name": "ops", "type": "webhook", "url": "http://user:secret@ops.example.org/hook"}


def test_defaults_check_every_host_and_notify_the_log() -> None:
    settings = AlertingSettings()
    assert [receiver.name for receiver in settings.routed] == ["log"]
    assert settings.checks.down.for_ms == 60_000
    assert (settings.checks.cpu.warning, settings.checks.cpu.critical) == (85, 95)
    assert settings.checks.disk.recovery == 80


def test_durations_are_written_as_in_prometheus() -> None:
    settings = AlertingSettings.model_validate(
        {"evaluation_interval": "1s", "checks": {"cpu": {"for": "2s", "window": "1m30s"}}}
    )
    assert settings.evaluation_interval_ms == 1_000
    assert settings.checks.cpu.for_ms == 2_000
    assert settings.checks.cpu.window_ms == 90_000
    dumped = settings.model_dump(mode="json", by_alias=True)
    assert dumped["checks"]["cpu"]["window"] == "1m30s"
    assert AlertingSettings.model_validate(dumped) == settings


def test_url_of_a_receiver_is_never_shown() -> None:
    settings = AlertingSettings.model_validate({"receivers": [WEBHOOK]})
    [receiver] = settings.receivers
    assert isinstance(receiver, WebhookReceiverSettings)
    assert receiver.url.get_secret_value() == WEBHOOK["url"]
    assert "secret" not in repr(settings) + settings.model_dump_json()


def test_route_selects_the_receivers() -> None:
    settings = AlertingSettings.model_validate(
        {"receivers": [WEBHOOK | {"severities": ["critical"]}, {"name": "log", "type": "log"}],
         "route": ["ops"]}
    )  # fmt: skip
    [receiver] = settings.routed
    assert receiver.name == "ops"
    assert receiver.severities == {Severity.CRITICAL}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"unknown": 1}, "Extra inputs are not permitted"),
        ({"evaluation_interval": 15}, "write a duration with its unit"),
        ({"evaluation_interval": "0s"}, "greater than 0"),
        ({"checks": {"cpu": {"warning": 96}}}, "nor warning above critical"),
        ({"checks": {"cpu": {"recovery": 90}}}, "recovery must not be above warning"),
        ({"checks": {"cpu": {"warning": None, "critical": None}}}, "give warning or critical"),
        ({"checks": {"disk": {"ignored_fstypes": "("}}}, "error parsing regexp"),
        ({"checks": {"memory": {"warning": 101}}}, "less than or equal to 100"),
        ({"receivers": [WEBHOOK, WEBHOOK]}, "the name 'ops' is used twice"),
        ({"receivers": [{"name": "x", "type": "pigeon"}]}, "does not match any of the expected"),
        ({"receivers": [WEBHOOK | {"url": "ftp://x"}]}, "must begin with http:// or https://"),
        ({"route": ["nobody"]}, "route: no receiver 'nobody'"),
    ],
)
def test_invalid_settings_are_rejected_by_name(document: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        AlertingSettings.model_validate(document)


def test_error_about_a_receiver_does_not_show_its_url() -> None:
    for fault in ({"url": "ftp://s3cret"}, {"url": ["http://s3cret"]}, {"urls": "http://s3cret"}):
        with pytest.raises(ValidationError) as caught:
            AlertingSettings.model_validate({"receivers": [WEBHOOK | fault]})
        assert "s3cret" not in str(caught.value)
