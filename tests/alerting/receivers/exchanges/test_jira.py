"""Requests equal to Alertmanager's are a test beside it; here is what goes wrong."""

from pathlib import Path
from typing import Any

import pytest

from alerting.errors import DeliveryError
from tests.alerting.alerting_doubles import HOST_DOWN_BODY
from tests.alerting.receivers.exchanges.scripted_clients import (
    ENDED_BODY,
    ScriptedClients,
    SteppedTime,
    receiver_of,
)

API = "/rest/api/2"
TRANSITIONS = {"transitions": [{"id": "5", "name": "Close"}]}


def found(category: str | None) -> dict[str, Any]:
    status = {} if category is None else {"status": {"statusCategory": {"key": category}}}
    return {"issues": [{"key": "P-1", "fields": status}]}


async def sent(folder: Path, body: str, options: str = "", **answers: Any) -> list[tuple[str, str]]:
    """Send a notification; `answers` are by the end of the path, without its slash."""
    clients = ScriptedClients({f"/{path}": answer for path, answer in answers.items()})
    section = (
        f"jira_configs: [{{api_url: 'http://jira{API}/', project: P, issue_type: B{options}}}]"
    )
    receiver = await receiver_of(folder, section, clients, SteppedTime())
    await receiver.send(body)
    return clients.sent


async def test_end_of_alerts_without_an_issue_creates_none(tmp_path: Path) -> None:
    assert await sent(tmp_path, ENDED_BODY, search={"issues": []}) == [("POST", f"{API}/search")]


@pytest.mark.parametrize(
    ("category", "body", "options", "moves"),
    [
        ("new", HOST_DOWN_BODY, ", reopen_transition: Close", False),
        ("done", HOST_DOWN_BODY, ", reopen_transition: Close", True),
        ("new", ENDED_BODY, ", resolve_transition: Close", True),
        ("done", ENDED_BODY, ", resolve_transition: Close", False),
        # Jira does not show the status, and nothing is configured.
        (None, ENDED_BODY, ", resolve_transition: Close", False),
        ("new", ENDED_BODY, "", False),
    ],
)
async def test_issue_is_moved_only_when_its_status_does_not_fit(
    tmp_path: Path, category: str | None, body: str, options: str, moves: bool
) -> None:
    steps = await sent(tmp_path, body, options, search=found(category), transitions=TRANSITIONS)
    path = f"{API}/issue/P-1"
    updated = [("POST", f"{API}/search"), ("PUT", path)]
    moved = [("GET", f"{path}/transitions"), ("POST", f"{path}/transitions")]
    assert steps == updated + (moved if moves else [])


@pytest.mark.parametrize(
    ("options", "answers", "message", "retryable"),
    [
        (
            ", reopen_transition: Open",
            {"search": found("done"), "transitions": TRANSITIONS},
            "P-1 has no transition 'Open' from its status",
            False,
        ),
        ("", {"search": b"<html>"}, "Jira answers no JSON", False),
        ("", {"search": b"[]"}, "Jira answers no JSON object", False),
        ("", {"search": 503}, "http://jira/…: answered 503", True),
        ("", {"search": {"issues": []}, "issue": 400}, "answered 400", False),
    ],
)
async def test_error_says_what_jira_refused(
    tmp_path: Path, options: str, answers: dict[str, Any], message: str, retryable: bool
) -> None:
    with pytest.raises(DeliveryError, match=message) as refused:
        await sent(tmp_path, HOST_DOWN_BODY, options, **answers)
    assert refused.value.retryable is retryable


async def test_text_as_description_of_version_3_is_refused_with_a_reason(tmp_path: Path) -> None:
    section = "jira_configs: [{api_url: 'http://j/rest/api/3', project: P, issue_type: B}]"
    clients = ScriptedClients({"/search": {"issues": []}})
    receiver = await receiver_of(tmp_path, section, clients, SteppedTime())
    with pytest.raises(DeliveryError, match="version 3 of Jira's API takes a document in JSON"):
        await receiver.send(HOST_DOWN_BODY)
