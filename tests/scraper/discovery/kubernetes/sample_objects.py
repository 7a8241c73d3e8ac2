"""Objects of every role, with every member that becomes a label."""

from tests.scraper.discovery.kubernetes.fake_cluster import FakeCluster, Object, metadata


def pod(name: str = "web-0", namespace: str = "default", ip: str = "10.0.0.1") -> Object:
    return {
        "metadata": metadata(
            name,
            namespace,
            labels={"app.kubernetes.io/name": "web", "tier": ""},
            annotations={"prometheus.io/scrape": "true"},
            ownerReferences=[
                {"kind": "Other", "name": "o"},
                {"kind": "StatefulSet", "name": "web", "controller": True},
            ],
        ),
        "spec": {
            "nodeName": "node-1",
            "containers": [
                {
                    "name": "main",
                    "image": "web:1",
                    "ports": [
                        {"containerPort": 8080, "name": "http", "protocol": "TCP"},
                        {"containerPort": 9090, "protocol": "TCP"},
                    ],
                },
                {"name": "side", "image": "side:2"},
            ],
            "initContainers": [
                {
                    "name": "setup",
                    "image": "setup:3",
                    "ports": [{"containerPort": 7070, "name": "init", "protocol": "UDP"}],
                }
            ],
        },
        "status": {
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}, {"ip": "fd00::1"}, {"ip": "10.9.9.9"}],
            "hostIP": "192.168.0.1",
            "conditions": [
                {"type": "Initialized", "status": "True"},
                {"type": "Ready", "status": "False"},
            ],
            "containerStatuses": [{"name": "main", "containerID": "containerd://m"}],
            "initContainerStatuses": [{"name": "setup", "containerID": "containerd://s"}],
        },
    }


def bare_pod(name: str, ip: str, port: int = 80) -> Object:
    return {
        "metadata": metadata(name),
        "spec": {"containers": [{"name": "c", "ports": [{"containerPort": port}]}]},
        "status": {"podIP": ip},
    }


def node(name: str = "node-1") -> Object:
    return {
        "metadata": metadata(
            name, "", labels={"zone": "a", "x/y.z": "1"}, annotations={"note": "n"}
        ),
        "spec": {"providerID": "cloud://1"},
        "status": {
            "addresses": [
                {"type": "Hostname", "address": "h"},
                {"type": "ExternalIP", "address": "203.0.113.5"},
                {"type": "InternalIP", "address": "192.168.0.1"},
                {"type": "InternalIP", "address": "192.168.0.2"},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        },
    }


def service(name: str = "web", kind: str = "ClusterIP") -> Object:
    return {
        "metadata": metadata(name, labels={"s": "1"}, annotations={"a-b": "2"}),
        "spec": {
            "type": kind,
            "clusterIP": "10.1.0.1",
            "externalName": "ext.example",
            "loadBalancerIP": "203.0.113.9",
            "ports": [
                {"name": "http", "port": 80, "protocol": "TCP"},
                {"port": 53, "protocol": "UDP"},
            ],
        },
    }


def endpoints(name: str = "web") -> Object:
    return {
        "metadata": metadata(name, labels={"e": "1"}, annotations={"ea": "2"}),
        "subsets": [
            {
                "addresses": [
                    {
                        "ip": "10.0.0.1",
                        "nodeName": "node-1",
                        "hostname": "web-0",
                        "targetRef": {"kind": "Pod", "namespace": "default", "name": "web-0"},
                    },
                    {"ip": "10.0.0.7", "targetRef": {"kind": "Node", "name": "node-1"}},
                ],
                "notReadyAddresses": [{"ip": "fd00::7"}],
                "ports": [
                    {"name": "http", "port": 8080, "protocol": "TCP"},
                    {"port": 7070, "protocol": "TCP"},
                ],
            }
        ],
    }


def endpoint_slice(name: str = "web-abc", service_name: str = "web") -> Object:
    return {
        "metadata": metadata(
            name, labels={"kubernetes.io/service-name": service_name}, annotations={"sa": "1"}
        ),
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": ["10.0.0.1"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "hostname": "web-0",
                "nodeName": "node-1",
                "zone": "a",
                "targetRef": {"kind": "Pod", "namespace": "default", "name": "web-0"},
                "deprecatedTopology": {"topology.kubernetes.io/region": "r"},
            },
            {"addresses": ["10.0.0.8"], "targetRef": {"kind": "Node", "name": "node-1"}},
        ],
        "ports": [
            {"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "h2c"},
            {"name": "", "port": 7070, "protocol": "TCP"},
        ],
    }


def ingress(name: str = "front") -> Object:
    return {
        "metadata": metadata(name, labels={"i": "1"}, annotations={"ia": "2"}),
        "spec": {
            "ingressClassName": "nginx",
            "tls": [{"hosts": ["*.example.com", "b.example.org"]}],
            "rules": [
                {"host": "a.example.com", "http": {"paths": [{"path": "/x"}, {"path": ""}]}},
                {"host": "a.b.example.com"},
                {"host": "b.example.org", "http": {"paths": [{"path": "/y"}]}},
                {"http": {"paths": [{"path": "/z"}]}},
            ],
        },
    }


def filled() -> FakeCluster:
    """Return a cluster with objects of every resource."""
    cluster = FakeCluster()
    cluster.put("pods", pod(), bare_pod("six", "fd00::6"), bare_pod("pending", ""))
    cluster.put("nodes", node(), {"metadata": metadata("lost", "")})
    cluster.put(
        "services", service(), service("ext", "ExternalName"), service("lb", "LoadBalancer")
    )
    cluster.put("endpoints", endpoints(), {"metadata": metadata("none"), "subsets": None})
    cluster.put("endpointslices", endpoint_slice(), endpoint_slice("other", "absent"))
    cluster.put("ingresses", ingress())
    return cluster
