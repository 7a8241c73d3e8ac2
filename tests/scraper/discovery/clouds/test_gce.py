import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

from scraper.discovery.clouds.gce import GceLookup
from scraper.discovery.clouds.google_credentials import GoogleCredentials
from scraper.discovery.groups import DiscoveryError
from tests.scraper.discovery.api_server import ApiServer, labels_by_address, looked_up
from tests.scraper.discovery.hostile import check_hostile_answers

LIST = "/compute/v1/projects/p/zones/z/instances"
TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"
INSTANCE: dict[str, Any] = {
    "id": "123456789012345678",
    "name": "web",
    "status": "RUNNING",
    "zone": "https://g/zones/z",
    "machineType": "https://g/machineTypes/e2",
    "networkInterfaces": [
        {
            "name": "nic0",
            "network": "https://g/networks/default",
            "subnetwork": "https://g/subnetworks/s",
            "networkIP": "10.0.0.1",
            "accessConfigs": [{"type": "ONE_TO_ONE_NAT", "natIP": "203.0.113.1"}],
        },
        {"name": "nic1", "networkIP": "10.1.0.1"},
    ],
    "tags": {"items": ["a", "b"]},
    "metadata": {"items": [{"key": "start-up", "value": "x"}, {"key": "empty"}]},
    "labels": {"env": "prod"},
}


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.delenv("GCE_METADATA_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def page(request: web.Request) -> dict[str, Any]:
    assert request.headers["Authorization"] == "Bearer hush"
    if "pageToken" in request.query:
        return {"items": [{"name": "no network"}]}
    return {"items": [INSTANCE], "nextPageToken": "more"}


def lookup(url: str) -> GceLookup:
    return GceLookup("p", "z", "labels.env=prod", 80, ",", GoogleCredentials(url), url)


async def test_instances_of_all_pages_are_targets() -> None:
    answers = {LIST: page, TOKEN: {"access_token": "hush", "expires_in": 3599}}
    async with ApiServer(answers).serving() as api:
        found = labels_by_address(await looked_up(lookup(api.url)), "__meta_gce_")
    assert found == {
        "10.0.0.1:80": {
            "project": "p",
            "zone": "https://g/zones/z",
            "instance_id": "123456789012345678",
            "instance_name": "web",
            "instance_status": "RUNNING",
            "machine_type": "https://g/machineTypes/e2",
            "network": "https://g/networks/default",
            "subnetwork": "https://g/subnetworks/s",
            "private_ip": "10.0.0.1",
            "public_ip": "203.0.113.1",
            "interface_ipv4_nic0": "10.0.0.1",
            "interface_ipv4_nic1": "10.1.0.1",
            "tags": ",a,b,",
            "metadata_start_up": "x",
            "label_env": "prod",
        }
    }
    assert api.requests[0].headers["Metadata-Flavor"] == "Google"
    assert api.requests[1].query["filter"] == "labels.env=prod"


async def test_service_account_signs_a_token_request(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = RSAKey.generate_key(2048)
    answers = {LIST: page, "/token": {"access_token": "hush"}}
    async with ApiServer(answers).serving() as api:
        account = {
            "type": "service_account",
            "client_email": "me@p",
            "private_key": key.as_pem(private=True).decode(),
            "private_key_id": "k1",
            "token_uri": f"{api.url}/token",
        }
        await asyncio.to_thread((tmp_path / "key.json").write_text, json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
        assert len(await looked_up(lookup(api.url))) == 1
    claims = jwt.decode(dict(parse_qsl(api.bodies[0].decode()))["assertion"], key).claims
    assert (claims["iss"], claims["aud"]) == ("me@p", f"{api.url}/token")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Invalid JSON"),
        ('{"type": "external_account"}', 'type "external_account" are not supported'),
        ('{"type": "service_account", "private_key": "x"}', "private_key"),
    ],
)
async def test_unusable_keys_are_refused_by_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, message: str
) -> None:
    await asyncio.to_thread((tmp_path / "key.json").write_text, text)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    with pytest.raises(DiscoveryError) as raised:
        await looked_up(lookup("http://127.0.0.1:1"))
    assert message in str(raised.value)
    assert "key.json" in str(raised.value)


def test_hostile_answers_are_discovery_errors_or_targets() -> None:
    samples = {LIST: {"items": [INSTANCE]}, TOKEN: {"access_token": "x"}}
    check_hostile_answers(lookup("http://x"), samples)
