from scraper.discovery.hashicorp.nomad import NomadLookup
from scraper.fetching.http_access import HttpAccess
from tests.scraper.discovery.api_server import ApiServer, labels_by_address, looked_up
from tests.scraper.discovery.hostile import check_hostile_answers

LIST = [{"Namespace": "default", "Services": [{"ServiceName": "web", "Tags": ["a"]}]}]
INSTANCES = [
    {
        "ID": "i1",
        "ServiceName": "web",
        "Namespace": "default",
        "NodeID": "n1",
        "Datacenter": "dc1",
        "Address": "10.0.0.1",
        "Port": 8080,
        "Tags": ["a", "b"],
    },
    {"ID": "i2", "ServiceName": "web", "Address": "fd00::1", "Port": 1, "Tags": None},
]


def lookup(server: str) -> NomadLookup:
    return NomadLookup(server, HttpAccess(), "ns", "eu", allow_stale=True, tag_separator=",")


async def test_instances_of_each_service_are_targets() -> None:
    answers = {"/v1/services": LIST, "/v1/service/web": INSTANCES}
    async with ApiServer(answers).serving() as api:
        found = labels_by_address(await looked_up(lookup(api.url)), "__meta_nomad_")
    assert found["10.0.0.1:8080"] == {
        "address": "10.0.0.1",
        "dc": "dc1",
        "namespace": "default",
        "node_id": "n1",
        "service": "web",
        "service_address": "10.0.0.1",
        "service_id": "i1",
        "service_port": "8080",
        "tags": ",a,b,",
    }
    assert "tags" not in found["[fd00::1]:1"]
    assert dict(api.requests[0].query) == {"namespace": "ns", "region": "eu", "stale": ""}


def test_hostile_answers_are_discovery_errors_or_targets() -> None:
    samples = {"/v1/services": LIST, "/v1/service/web": INSTANCES}
    check_hostile_answers(lookup("http://x"), samples)
