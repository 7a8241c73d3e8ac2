"""Reads a kubeconfig file: the API server and the credentials of its current context.

Source: Kubernetes documentation, "Client Authentication and kubeconfig (v1)".
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import Field, ValidationError

from model.documents import DocumentError, parse_document
from model.process.regular_files import read_regular_text
from scraper.discovery.engine.api import ApiObject, unexpected
from scraper.discovery.groups import DiscoveryError
from scraper.discovery.kubernetes.cluster import Cluster
from scraper.fetching.http_access import Authorization, BasicAuth, HttpAccess
from scraper.fetching.proxies import ProxyAccess
from scraper.fetching.secrets import Secret
from scraper.fetching.tls import TlsAccess


class _Context(ApiObject):
    cluster: str = ""
    user: str = ""


class _NamedContext(ApiObject):
    name: str
    context: _Context = _Context()


class _Cluster(ApiObject):
    server: str = ""
    ca_file: str = Field("", alias="certificate-authority")
    ca_data: str = Field("", alias="certificate-authority-data")
    insecure: bool = Field(default=False, alias="insecure-skip-tls-verify")
    server_name: str = Field("", alias="tls-server-name")
    proxy_url: str = Field("", alias="proxy-url")


class _NamedCluster(ApiObject):
    name: str
    cluster: _Cluster = _Cluster()


class _User(ApiObject):
    cert_file: str = Field("", alias="client-certificate")
    cert_data: str = Field("", alias="client-certificate-data")
    key_file: str = Field("", alias="client-key")
    key_data: str = Field("", alias="client-key-data")
    token: str = ""
    token_file: str = Field("", alias="tokenFile")
    username: str = ""
    password: str = ""
    exec: Any = None
    auth_provider: Any = Field(None, alias="auth-provider")


class _NamedUser(ApiObject):
    name: str
    user: _User = _User()


class _KubeconfigDocument(ApiObject):
    current: str = Field("", alias="current-context")
    contexts: tuple[_NamedContext, ...] = ()
    clusters: tuple[_NamedCluster, ...] = ()
    users: tuple[_NamedUser, ...] = ()


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The API server that a kubeconfig file names; read before each request."""

    file: Path

    def find(self) -> Cluster:
        """See `ClusterSource.find`."""
        document = self._read()
        context = self._named(document.contexts, document.current, "current-context").context
        cluster = self._named(document.clusters, context.cluster, "cluster").cluster
        user = self._named(document.users, context.user, "user").user if context.user else _User()
        if not cluster.server:
            raise self._error(f'cluster "{context.cluster}" has no server')
        for name, value in (("exec", user.exec), ("auth-provider", user.auth_provider)):
            if value is not None:
                raise self._error(
                    f'user "{context.user}" uses {name}, which Redshank does not run: '
                    "give a token, tokenFile or client certificate"
                )
        return Cluster(
            cluster.server.rstrip("/"),
            HttpAccess(
                self._auth(user), tls=self._tls(cluster, user), proxy=ProxyAccess(cluster.proxy_url)
            ),
        )

    def _read(self) -> _KubeconfigDocument:
        try:
            text = read_regular_text(self.file)
            return _KubeconfigDocument.model_validate(parse_document(text, str(self.file)).data)
        except (OSError, UnicodeDecodeError) as exc:
            raise self._error(str(exc)) from exc
        except DocumentError as exc:
            raise DiscoveryError(str(exc)) from exc
        except ValidationError as exc:
            raise self._error(unexpected(exc)) from exc

    def _named(self, items: Iterable[N], name: str, kind: str) -> N:
        for item in items:
            if item.name == name:
                return item
        raise self._error(f'{kind} "{name}" is not defined')

    def _auth(self, user: _User) -> BasicAuth | Authorization | None:
        if user.token_file:
            return Authorization("Bearer", Secret(file=self.file.parent / user.token_file))
        if user.token:
            return Authorization("Bearer", Secret(user.token))
        if user.username:
            return BasicAuth(Secret(user.username), Secret(user.password))
        return None

    def _tls(self, cluster: _Cluster, user: _User) -> TlsAccess:
        return TlsAccess(
            self._secret(cluster.ca_data, cluster.ca_file),
            self._secret(user.cert_data, user.cert_file),
            self._secret(user.key_data, user.key_file),
            cluster.server_name,
            cluster.insecure,
        )

    def _secret(self, data: str, file: str) -> Secret:
        """Return base64 data, which wins, or the contents of a file."""
        if not data:
            return Secret(file=self.file.parent / file) if file else Secret()
        try:
            return Secret(base64.b64decode(data, validate=True).decode())
        except (binascii.Error, UnicodeDecodeError) as exc:
            raise self._error(f"a certificate or key is not base64: {exc}") from exc

    def _error(self, message: str) -> DiscoveryError:
        return DiscoveryError(f"{self.file}: {message}")
