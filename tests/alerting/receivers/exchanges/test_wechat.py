"""Requests equal to Alertmanager's are a test beside it; here is the life of the token."""

from pathlib import Path

import pytest

from alerting.errors import DeliveryError
from alerting.receivers.receiver import Receiver
from tests.alerting.alerting_doubles import HOST_DOWN_BODY
from tests.alerting.receivers.exchanges.scripted_clients import (
    ScriptedClients,
    SteppedTime,
    receiver_of,
)

TOKEN, SEND = ("GET", "/cgi-bin/gettoken"), ("POST", "/cgi-bin/message/send")
SECTION = "wechat_configs: [{api_url: 'http://we/cgi-bin', corp_id: c, api_secret: hidden}]"


async def wechat(folder: Path) -> tuple[Receiver, ScriptedClients, SteppedTime]:
    clock = SteppedTime()
    clients = ScriptedClients({"/gettoken": {"access_token": "t"}, "/send": {"errcode": 0}})
    return await receiver_of(folder, SECTION, clients, clock), clients, clock


async def test_token_is_kept_for_two_hours(tmp_path: Path) -> None:
    receiver, clients, clock = await wechat(tmp_path)
    for now_ms in (0, 7_199_999, 7_200_000):
        clock.now_ms = now_ms
        await receiver.send(HOST_DOWN_BODY)
    assert clients.sent == [TOKEN, SEND, SEND, TOKEN, SEND]


async def test_withdrawn_token_is_replaced_at_the_next_attempt(tmp_path: Path) -> None:
    receiver, clients, _ = await wechat(tmp_path)
    clients.answers["/send"] = {"errcode": 42001, "errmsg": "access_token expired"}
    with pytest.raises(DeliveryError, match="access_token expired") as refused:
        await receiver.send(HOST_DOWN_BODY)
    assert refused.value.retryable
    clients.answers["/send"] = {"errcode": 0}
    await receiver.send(HOST_DOWN_BODY)
    assert clients.sent == [TOKEN, SEND, TOKEN, SEND]


async def test_refused_message_is_not_tried_again(tmp_path: Path) -> None:
    receiver, clients, _ = await wechat(tmp_path)
    clients.answers["/send"] = {"errcode": 81013, "errmsg": "user & party & tag all invalid"}
    with pytest.raises(DeliveryError, match="all invalid") as refused:
        await receiver.send(HOST_DOWN_BODY)
    assert not refused.value.retryable


@pytest.mark.parametrize("answer", [{"errcode": 40013}, {"access_token": 7}, {"access_token": ""}])
async def test_wrong_secret_is_an_error_that_does_not_show_it(
    tmp_path: Path, answer: object
) -> None:
    receiver, clients, _ = await wechat(tmp_path)
    clients.answers["/gettoken"] = answer
    with pytest.raises(DeliveryError, match="api_secret does not fit the corp_id 'c'") as refused:
        await receiver.send(HOST_DOWN_BODY)
    assert "hidden" not in str(refused.value)
