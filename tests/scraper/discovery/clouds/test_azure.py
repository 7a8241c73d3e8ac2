import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from scraper.discovery.clouds.azure import AzureCloud, AzureLookup
from scraper.discovery.clouds.azure_credentials import AzureCredentials
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import HttpAccess
from tests.scraper.discovery.api_server import ApiServer, labels_by_address, looked_up
from tests.scraper.discovery.hostile import check_hostile_answers

GROUP = "/subscriptions/s/resourceGroups/rg1/providers"
ALL = "/subscriptions/s/providers/Microsoft.Compute"
NIC = f"{GROUP}/Microsoft.Network/networkInterfaces/nic1"
SCALE_SET = f"{GROUP}/Microsoft.Compute/virtualMachineScaleSets/set1"
SET_NIC = f"{SCALE_SET}/virtualMachines/0/networkInterfaces/nic2"
SET_NIC_URL = SET_NIC.replace("Microsoft.Compute", "microsoft.Compute")
OAUTH = AzureCredentials("OAuth", "tenant", "client", "hush")


def machine(name: str, nic: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{GROUP}/Microsoft.Compute/virtualMachines/{name}",
        "name": name,
        "type": "Microsoft.Compute/virtualMachines",
        "location": "westeurope",
        "tags": {"team:x": "a"},
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_B1s"},
            "storageProfile": {"osDisk": {"osType": "Linux"}},
            "osProfile": {"computerName": f"{name}-host"},
            "networkProfile": {"networkInterfaces": [{"id": nic}]},
        },
        **more,
    }


def interface(private: str | None, public: str | None = None, **more: Any) -> dict[str, Any]:
    address = {"publicIPAddress": {"properties": {"ipAddress": public}}} if public else {}
    configuration = {"properties": {"privateIPAddress": private, **address}}
    return {"properties": {"primary": True, "ipConfigurations": [configuration], **more}}


def answers() -> dict[str, Any]:
    return {
        "/tenant/oauth2/v2.0/token": {"access_token": "t", "expires_in": 3599},
        "/metadata/identity/oauth2/token": {"access_token": "m"},
        f"{ALL}/virtualMachines": {"value": [machine("web", NIC)]},
        f"{ALL}/virtualMachineScaleSets": {"value": [{"id": SCALE_SET, "name": "set1"}]},
        f"{SCALE_SET}/virtualMachines": {"value": [machine("node", SET_NIC, instanceId="0")]},
        NIC: interface("10.0.0.1", "203.0.113.1"),
        SET_NIC_URL: interface("10.0.0.2"),
    }


def lookup(url: str, credentials: AzureCredentials = OAUTH, group: str = "") -> AzureLookup:
    return AzureLookup(AzureCloud(url, url), credentials, HttpAccess(), "s", group, 80)


async def found(served: dict[str, Any]) -> dict[str, dict[str, str]]:
    async with ApiServer(served).serving() as api:
        return labels_by_address(await looked_up(lookup(api.url)), "__meta_azure_")


async def test_machines_and_those_of_scale_sets_are_targets() -> None:
    targets = await found(answers())
    common = {
        "subscription_id": "s",
        "tenant_id": "tenant",
        "machine_os_type": "Linux",
        "machine_location": "westeurope",
        "machine_resource_group": "rg1",
        "machine_size": "Standard_B1s",
        "machine_tag_team_x": "a",
    }
    assert targets == {
        "10.0.0.1:80": common
        | {
            "machine_id": f"{GROUP}/Microsoft.Compute/virtualMachines/web",
            "machine_name": "web",
            "machine_computer_name": "web-host",
            "machine_private_ip": "10.0.0.1",
            "machine_public_ip": "203.0.113.1",
        },
        "10.0.0.2:80": common
        | {
            "machine_id": f"{GROUP}/Microsoft.Compute/virtualMachines/node",
            "machine_name": "node",
            "machine_computer_name": "node-host",
            "machine_private_ip": "10.0.0.2",
            "machine_scale_set": "set1",
        },
    }


async def test_secret_is_exchanged_for_a_token_that_goes_to_azure_only() -> None:
    served = answers()
    async with ApiServer(served).serving() as api:
        await looked_up(lookup(api.url))
        form = dict(parse_qsl(api.bodies[0].decode()))
        assert form == {
            "grant_type": "client_credentials",
            "client_id": "client",
            "client_secret": "hush",
            "scope": f"{api.url}/.default",
        }
        assert {each.headers["Authorization"] for each in api.requests[1:]} == {"Bearer t"}
        served[f"{ALL}/virtualMachines"]["nextLink"] = "http://elsewhere.example/x"
        with pytest.raises(DiscoveryError, match=r"the next page is at http://elsewhere"):
            await looked_up(lookup(api.url))


async def test_pages_are_followed() -> None:
    served = answers()

    def page(request: web.Request) -> dict[str, Any]:
        if "page" in request.query:
            return {"value": []}
        return {"value": [machine("web", NIC)], "nextLink": f"{request.url}&page=2"}

    served[f"{ALL}/virtualMachines"] = page
    assert len(await found(served)) == 2


async def test_deallocated_machines_and_lost_interfaces_give_no_target() -> None:
    served = answers()
    served[NIC] = interface("10.0.0.1", primary=None)
    del served[SET_NIC_URL]
    assert await found(served) == {}


async def test_machine_without_private_address_fails_the_lookup() -> None:
    served = answers() | {NIC: interface(None)}
    with pytest.raises(DiscoveryError, match='machine "web" has no private address'):
        await found(served)


async def test_resource_group_restricts_the_lists() -> None:
    served = answers()
    served[f"{GROUP}/Microsoft.Compute/virtualMachines"] = {"value": [machine("web", NIC)]}
    served[f"{GROUP}/Microsoft.Compute/virtualMachineScaleSets"] = {"value": []}
    async with ApiServer(served).serving() as api:
        assert len(await looked_up(lookup(api.url, group="rg1"))) == 1


async def test_identity_of_the_machine_gives_a_token() -> None:
    async with ApiServer(answers()).serving() as api:
        own = AzureCredentials("ManagedIdentity", client_id="id", metadata=api.url)
        await looked_up(lookup(api.url, own))
        assert api.requests[0].headers["Metadata"] == "true"
        assert api.requests[0].query["client_id"] == "id"
        assert api.requests[1].headers["Authorization"] == "Bearer m"


async def test_sdk_method_uses_the_environment_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AZURE_CLIENT_SECRET", raising=False)
    monkeypatch.setenv("AZURE_TENANT_ID", "tenant")
    monkeypatch.setenv("AZURE_CLIENT_ID", "workload")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "jwt"))
    await asyncio.to_thread((tmp_path / "jwt").write_text, "assertion\n")
    async with ApiServer(answers()).serving() as api:
        await looked_up(lookup(api.url, AzureCredentials("SDK", metadata=api.url)))
        form = dict(parse_qsl(api.bodies[0].decode()))
    assert (form["client_id"], form["client_assertion"]) == ("workload", "assertion")


def test_hostile_answers_are_discovery_errors_or_targets() -> None:
    check_hostile_answers(lookup("http://x"), answers())
