"""Any pushed body and any key is answered without a server error."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pytest_aiohttp import AiohttpClient

from tests.web.ingest.pushes import KEY, a_host, a_message, a_report, post, push, report
from tests.web.world import World, world_at
from web.ingest.models import MessageForm, ReportForm


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Let hypothesis read its own files between examples."""


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        await a_host(world)
        yield world


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
HOSTILE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def mutated(base: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """Return bodies that are nearly valid, and arbitrary bytes."""
    changed = st.dictionaries(st.sampled_from(sorted(base)), JSON, max_size=3)
    bodies = changed.map(lambda changes: json.dumps(base | changes).encode())
    return bodies | JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200)


@HOSTILE
@given(body=mutated(a_message()))
async def test_any_message_is_answered_without_a_server_error(world: World, body: bytes) -> None:
    status, answer = await push(world, body)
    assert status in (200, 400, 409), answer
    if status == 200:
        assert answer["status"] == "success"
        MessageForm.model_validate_json(body)
    else:
        assert answer["error"]


@HOSTILE
@given(body=mutated(a_report(host_key=KEY, int_ip="10.0.0.1", kernel_name="Linux")))
async def test_any_report_is_answered_without_a_server_error(world: World, body: bytes) -> None:
    status, answer = await report(world, body)
    assert status in (200, 400, 401, 409), answer
    if status == 200:
        assert answer["ok"] is True
    else:
        assert answer["error"]


@HOSTILE
@given(
    header=st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))
)
async def test_any_key_is_answered_without_a_server_error(world: World, header: str) -> None:
    headers = {"Authorization": header.strip()}
    status, answer = await post(world, "/report", a_report(), headers)
    assert status in (401, 403), answer
    assert answer["field"] == "host_key"


@given(st.binary())
def test_forms_raise_only_validation_errors(body: bytes) -> None:
    for form in (MessageForm, ReportForm):
        with pytest.raises(ValidationError):
            form.model_validate_json(body)
