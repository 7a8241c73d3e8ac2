"""The section `kubernetes_sd_configs`.

Source: Prometheus documentation, "Configuration", kubernetes_sd_config.
"""

import re
from pathlib import Path
from typing import Self, get_args

from pydantic import field_validator, model_validator

from scraper.configuration.http_settings import HttpSettings
from scraper.configuration.sections import Section
from scraper.discovery.kubernetes.client import ObjectSelector
from scraper.discovery.kubernetes.cluster import ApiServer, ClusterSource, InCluster
from scraper.discovery.kubernetes.discoverer import KubernetesDiscoverer
from scraper.discovery.kubernetes.kubeconfig import Kubeconfig
from scraper.discovery.kubernetes.resources import Role

_ALLOWED_SELECTORS: dict[str, tuple[str, ...]] = {
    "endpoints": ("pod", "service", "endpoints"),
    "endpointslice": ("pod", "service", "endpointslice"),
}

# Kubernetes documentation, "Labels and Selectors".
_LABEL_KEY = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_LABEL_REQUIREMENT = re.compile(
    rf"\s*(?:!\s*{_LABEL_KEY}|{_LABEL_KEY}(?:\s*(?:==?|!=|[<>])\s*[-A-Za-z0-9_.]*"
    r"|\s+(?:in|notin)\s*\([-A-Za-z0-9_.,\s]*\))?)\s*"
)
_LABEL_COMMA = re.compile(r",(?![^(]*\))")
_FIELD_REQUIREMENT = re.compile(r"[^=!,]*(?:==?|!=)[^,]*")


class NamespaceSettings(Section):
    """The namespaces to watch; none for all."""

    own_namespace: bool = False
    names: tuple[str, ...] = ()


class SelectorSettings(Section):
    """Restricts the objects of one role."""

    role: Role
    label: str = ""
    field: str = ""

    @field_validator("label")
    @classmethod
    def _check_label(cls, text: str) -> str:
        for part in _LABEL_COMMA.split(text) if text.strip() else ():
            if _LABEL_REQUIREMENT.fullmatch(part) is None:
                raise ValueError(f'"{part}" is not a label selector')
        return text

    @field_validator("field")
    @classmethod
    def _check_field(cls, text: str) -> str:
        for part in filter(None, text.split(",")):
            if _FIELD_REQUIREMENT.fullmatch(part) is None:
                raise ValueError(f'"{part}" is not a field selector')
        return text


class AttachSettings(Section):
    """Further labels of the targets."""

    node: bool = False


class KubernetesSdSettings(HttpSettings):
    """Targets from the objects of a Kubernetes cluster."""

    role: Role
    api_server: str = ""
    kubeconfig_file: str = ""
    namespaces: NamespaceSettings = NamespaceSettings()
    selectors: tuple[SelectorSettings, ...] = ()
    attach_metadata: AttachSettings = AttachSettings()

    @model_validator(mode="before")
    @classmethod
    def _check_role(cls, data: object) -> object:
        if isinstance(data, dict) and not data.get("role"):
            raise ValueError(f"role missing (one of: {', '.join(get_args(Role))})")
        return data

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if self.api_server and self.kubeconfig_file:
            raise ValueError("give either api_server or kubeconfig_file")
        if not self.api_server and not self.has_default_access():
            raise ValueError("options of HTTP requests require api_server")
        if self.namespaces.own_namespace and (self.api_server or self.kubeconfig_file):
            raise ValueError(
                "own_namespace is known only inside the cluster, without api_server and "
                "kubeconfig_file"
            )
        return self

    @model_validator(mode="after")
    def _check_selectors(self) -> Self:
        roles = [selector.role for selector in self.selectors]
        allowed = _ALLOWED_SELECTORS.get(self.role, (self.role,))
        for role in roles:
            if roles.count(role) > 1:
                raise ValueError(f"selectors: role {role} stands twice")
            if role not in allowed:
                raise ValueError(
                    f"role {self.role} supports only selectors of role {', '.join(allowed)}"
                )
        return self

    def discoverer(self, directory: Path) -> KubernetesDiscoverer:
        """Return the discoverer; file names are relative to `directory`."""
        return KubernetesDiscoverer(
            self._source(directory),
            self.role,
            self.namespaces.names,
            self.namespaces.own_namespace,
            tuple((each.role, ObjectSelector(each.label, each.field)) for each in self.selectors),
            self.attach_metadata.node,
        )

    def _source(self, directory: Path) -> ClusterSource:
        if self.kubeconfig_file:
            return Kubeconfig(directory / self.kubeconfig_file)
        if self.api_server:
            return ApiServer(self.api_server, self.access(directory))
        return InCluster()
