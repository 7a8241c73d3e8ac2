"""Answers of a Docker daemon, written from its API's documentation."""

from typing import Any


def _container(number: int, mode: str = "front", **more: Any) -> dict[str, Any]:
    return {
        "Id": f"id{number}",
        "Names": [f"/c{number}"],
        "Labels": {"com.docker.service": f"s{number}"},
        "Ports": [],
        "HostConfig": {"NetworkMode": mode},
        "NetworkSettings": {"Networks": {}},
        **more,
    }


def _networks(**addresses: str) -> dict[str, Any]:
    return {
        "Networks": {
            name: {"NetworkID": f"net-{name}", "IPAddress": ip} for name, ip in addresses.items()
        }
    }


CONTAINERS = [
    _container(
        1,
        NetworkSettings=_networks(front="10.0.0.1"),
        Ports=[
            {"PrivatePort": 80, "PublicPort": 8080, "IP": "0.0.0.0", "Type": "tcp"},
            {"PrivatePort": 81, "Type": "tcp"},
            {"PrivatePort": 53, "Type": "udp"},
        ],
    ),
    _container(2, NetworkSettings=_networks(zeta="10.0.2.2", back="10.0.1.2")),
    _container(3, "host", NetworkSettings=_networks(host="")),
    _container(4, "container:id1", Ports=[{"PrivatePort": 9000, "Type": "tcp"}]),
    _container(5, "container:id6"),
    _container(6, "container:id5"),
    _container(7, Names=[]),
    _container(8, "none"),
]
NETWORKS = [
    {
        "Id": "net-front",
        "Name": "front",
        "Scope": "local",
        "Internal": False,
        "Ingress": False,
        "Labels": {"net.label": "x"},
    },
    {"Id": "net-back", "Name": "back", "Scope": "swarm", "Internal": True, "Ingress": True},
    {"Id": "net-host", "Name": "host", "Scope": "local", "Labels": None},
]
SERVICES = [
    {
        "ID": "s1",
        "Spec": {
            "Name": "web",
            "Labels": {"team.name": "a"},
            "Mode": {"Replicated": {"Replicas": 2}},
            "TaskTemplate": {"ContainerSpec": {"Image": "web:1", "Hostname": "h"}},
        },
        "UpdateStatus": {"State": "completed"},
        "Endpoint": {
            "Ports": [
                {
                    "Name": "http",
                    "Protocol": "tcp",
                    "TargetPort": 80,
                    "PublishedPort": 8080,
                    "PublishMode": "ingress",
                },
                {"Protocol": "udp", "PublishedPort": 53},
            ],
            "VirtualIPs": [{"NetworkID": "net-front", "Addr": "10.1.0.2/24"}],
        },
    },
    {
        "ID": "s2",
        "Spec": {"Name": "agent", "Mode": {"Global": {}}, "TaskTemplate": {"ContainerSpec": {}}},
        "Endpoint": {"VirtualIPs": [{"NetworkID": "net-back", "Addr": "10.1.0.3/24"}]},
    },
]
NODES = [
    {
        "ID": "n1",
        "Spec": {"Role": "manager", "Availability": "active", "Labels": {"disk-type": "ssd"}},
        "Description": {
            "Hostname": "one",
            "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Engine": {"EngineVersion": "27.1"},
        },
        "Status": {"State": "ready", "Addr": "192.168.0.1"},
        "ManagerStatus": {
            "Leader": True,
            "Reachability": "reachable",
            "Addr": "192.168.0.1:2377",
        },
    },
    {
        "ID": "n2",
        "Spec": {"Role": "worker"},
        "Description": {"Hostname": "two"},
        "Status": {"State": "down", "Addr": "fd00::2"},
    },
]
TASKS = [
    {
        "ID": "t1",
        "ServiceID": "s1",
        "NodeID": "n1",
        "Slot": 1,
        "DesiredState": "running",
        "Spec": {"ContainerSpec": {"Labels": {"container.label": "c"}}},
        "Status": {
            "State": "running",
            "ContainerStatus": {"ContainerID": "abc"},
            "PortStatus": {
                "Ports": [
                    {"Protocol": "tcp", "PublishedPort": 9999, "PublishMode": "host"},
                    {"Protocol": "udp", "PublishedPort": 53},
                ]
            },
        },
        "NetworksAttachments": [{"Network": {"ID": "net-front"}, "Addresses": ["10.1.0.9/24"]}],
    },
    {
        "ID": "t2",
        "ServiceID": "s2",
        "NodeID": "n2",
        "DesiredState": "running",
        "Spec": {},
        "Status": {"State": "pending"},
        "NetworksAttachments": [{"Network": {"ID": "net-back"}, "Addresses": ["10.1.0.10/24"]}],
    },
]
ANSWERS: dict[str, Any] = {
    "/containers/json": CONTAINERS,
    "/networks": NETWORKS,
    "/services": SERVICES,
    "/nodes": NODES,
    "/tasks": TASKS,
}
