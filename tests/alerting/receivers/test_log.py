import structlog

from alerting.receivers.log import LogReceiver
from tests.alerting.alerting_doubles import HOST_DOWN_BODY


async def test_log_receiver_writes_one_line() -> None:
    with structlog.testing.capture_logs() as lines:
        await LogReceiver().send(HOST_DOWN_BODY)
    [line] = lines
    assert line["event"] == "alert_notification"
    assert line["title"] == "[FIRING] web-1 is down"
    assert line["labels"]["instance"] == "web-1:9100"
