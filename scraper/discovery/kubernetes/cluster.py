"""Finds the API server of a cluster, and the credentials for it.

Source: Kubernetes documentation, "Accessing the Kubernetes API from a Pod".
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scraper.discovery.engine.target_labels import host_port
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import Authorization, HttpAccess
from scraper.fetching.secrets import Secret
from scraper.fetching.tls import TlsAccess

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Cluster:
    """An API server.

    Attributes:
        server: its URL, without a slash at the end.
        access: credentials and TLS.
        namespace: the namespace of this pod, "" outside of a cluster.
    """

    server: str
    access: HttpAccess
    namespace: str = ""


class ClusterSource(Protocol):
    """One way to find the API server."""

    def find(self) -> Cluster:
        """Return the API server; blocks.

        Raises:
            DiscoveryError: its address or the credentials are unknown.
        """


@dataclass(frozen=True, slots=True)
class ApiServer:
    """An API server whose URL and access are configured."""

    url: str
    access: HttpAccess

    def find(self) -> Cluster:
        """See `ClusterSource.find`."""
        url = self.url if "://" in self.url else f"http://{self.url}"
        return Cluster(url.rstrip("/"), self.access)


@dataclass(frozen=True, slots=True)
class InCluster:
    """The API server of the cluster that this process runs in.

    Attributes:
        directory: the files of the pod's service account. The token is read for each
            request, because Kubernetes replaces it every hour.
    """

    directory: Path = SERVICE_ACCOUNT

    def find(self) -> Cluster:
        """See `ClusterSource.find`."""
        host = os.environ.get("KUBERNETES_SERVICE_HOST")
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "")
        if not host or not port.isdecimal():
            raise DiscoveryError(
                "not running in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT "
                "are not set; give api_server or kubeconfig_file"
            )
        try:
            namespace = (self.directory / "namespace").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            # Only own_namespace needs it.
            namespace = ""
        access = HttpAccess(
            Authorization("Bearer", Secret(file=self.directory / "token")),
            tls=TlsAccess(ca=Secret(file=self.directory / "ca.crt")),
        )
        return Cluster(f"https://{host_port(host, int(port))}", access, namespace)
