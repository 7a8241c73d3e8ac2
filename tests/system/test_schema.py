"""The server keeps to its own API document, whatever it is sent and whoever sends it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.transport import SerializationContext
from schemathesis.transport.requests import REQUESTS_TRANSPORT
from schemathesis.transport.serialization import serialize_binary

from tests.system.processes import Server, redshank_exporter, redshank_server, until

EXAMPLES = {"none": 2, "viewer": 2, "editor": 3, "admin": 6}
"""Good and bad requests of each operation by role: 1,500 requests in half a minute."""

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FREE = {"url": {"type": "string", "pattern": r"^10\.[1-9]\.[1-9]\.[1-9]$"}}
"""Fields whose rules a schema cannot tell; these values are good, and few are taken."""

PASSWORD = "a password for the test"


@REQUESTS_TRANSPORT.serializer("application/x-protobuf")
def protobuf(_: SerializationContext, value: Any) -> dict[str, Any]:
    """Send what is made up as it is; it will hardly be a message."""
    return {"data": serialize_binary(value)}


def closed(part: Any) -> Any:
    """Return a schema that knows no properties but those it names."""
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: closed(each) for name, each in part.items()}
    if found.get("type") == "object" and "properties" in found:
        found.setdefault("additionalProperties", False)
    return found


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with every object closed: an answer must hold nothing untold."""
    components = document["components"]
    return document | {"components": components | {"schemas": closed(components["schemas"])}}


def acquainted(part: Any, address: str) -> Any:
    """Return a schema whose parameters and fields may also be such as the server knows."""
    known: dict[str, list[Any]] = {
        "key": [address, "1"],
        "id": [1, 2, 3],
        "query": [
            "up",
            "up[1m]",
            "sum(up) > bool 0",
            "1 + 1",
            '"text"',
            "rate(up[",
            "up + on() up",
        ],
        "time": ["now", "1763820000", "2026-11-22T12:00:00Z"],
        "start": ["1763820000", "2026-11-22T12:00:00Z"],
        "end": ["1763820600.5", "2026-11-22T12:10:00Z"],
        "step": ["60", "1m", "0"],
        "stats": ["all"],
        "metric": ["up"],
        "match[]": [["up"], ['{job="node"}'], ['{job=""}']],
        "match_target": ['{job="node"}'],
        "labels": [{}, {"site": "home"}],
        "interval_s": [15, None],
        "timeout_s": [10, None],
        "label": ["a program"],
        "password": [PASSWORD],
        "username": ["admin", "schema-viewer", "nobody"],
    }

    if isinstance(part, list):
        return [acquainted(each, address) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: acquainted(each, address) for name, each in part.items()}
    if "in" in found and found["name"] in known:
        found["schema"] = {"anyOf": [{"enum": known[found["name"]]}, found["schema"]]}
    if str(found.get("title")).endswith(("Form", "Parameters")) and "properties" in found:
        found["properties"] = {
            name: {"enum": known[name]} if name in known else FREE.get(name, each)
            for name, each in found["properties"].items()
        }
    return found


class Sender:
    """Sends what schemathesis makes up, as one role."""

    def __init__(self, url: str, role: str, tokens: Iterator[str]) -> None:
        self._url, self._role, self._tokens = url, role, tokens
        self.statuses: dict[str, set[int]] = {}
        self.failures: list[str] = []

    def try_everything(self, document: dict[str, Any]) -> None:
        """Send examples of every operation, good and bad ones."""
        schema = schemathesis.openapi.from_dict(document)
        with requests.Session() as session:
            for found in schema.get_all_operations():
                assert isinstance(found, Ok), found
                operation = found.ok()
                # Of its own: an operation may end the one it came with.
                token = next(self._tokens, None)
                headers = {} if token is None else {"Authorization": f"Bearer {token}"}
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    self._try(operation.as_strategy(generation_mode=mode), session, headers)

    def _try(self, cases: Any, session: requests.Session, headers: dict[str, str]) -> None:
        @settings(
            max_examples=EXAMPLES[self._role],
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases)
        def send(case: Case[Any]) -> None:
            answer = case.call(base_url=self._url, session=session, headers=headers, timeout=30)
            self.statuses.setdefault(case.operation.label, set()).add(answer.status_code)
            case.validate_response(answer, checks=CHECKS)

        try:
            send()
        except Unsatisfiable:
            # Without parameters and body there is nothing to get wrong.
            pass
        except Exception as exc:  # noqa: BLE001 -- told with those of all other operations
            self.failures.append(f"as {self._role}: {exc}")


async def tokens(server: Server, role: str, count: int) -> list[str]:
    """Return tokens of a new user, one for each operation; nobody has none."""
    if role == "none":
        return []
    name = f"schema-{role}"
    await server.post("/api/users", {"name": name, "role": role, "password": PASSWORD}, 201)
    path, form = f"/api/users/{name}/tokens", {"label": "schema"}
    return [(await server.post(path, form, 201))["access_token"] for _ in range(count)]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_server_keeps_to_its_document_for_every_role(tmp_path: Path) -> None:
    async with redshank_exporter() as (_, address):
        job = {"name": "node", "hosts": True, "targets": [address]}
        configuration = {"scrape": {"interval": "1s", "timeout": "1s", "jobs": [job]}}
        async with redshank_server(tmp_path / "data", configuration) as server:

            async def scraped() -> bool:
                return bool(await server.query("up == 1"))

            await until(scraped, "the first scrape")
            document = acquainted(strict(await server.get("/openapi.json")), address)
            operations = sum(map(len, document["paths"].values()))
            for role in EXAMPLES:
                sender = Sender(server.url, role, iter(await tokens(server, role, operations)))
                await asyncio.to_thread(sender.try_everything, document)
                assert not sender.failures, "\n\n".join(sender.failures)
                if role == "none":
                    assert 401 in sender.statuses["GET /api/fleet"]
                if role == "viewer":
                    assert sender.statuses["POST /api/hosts"] <= {403}
                if role == "admin":
                    # What is made up is good now and then: all was not refused.
                    made = set().union(*sender.statuses.values())
                    assert {200, 201, 204} <= made, made
            assert not [line for line in server.process.lines if "request_failed" in line]
