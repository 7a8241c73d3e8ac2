import base64
from pathlib import Path

import pytest

from scraper.discovery.groups import DiscoveryError
from scraper.discovery.kubernetes.kubeconfig import Kubeconfig
from scraper.fetching.http_access import Authorization, BasicAuth
from scraper.fetching.secrets import Secret


def write(tmp_path: Path, user: str, cluster: str = "server: https://k:6443/") -> Kubeconfig:
    text = f"""
apiVersion: v1
kind: Config
current-context: work
contexts:
- {{name: other, context: {{cluster: nothing}}}}
- {{name: work, context: {{cluster: prod, user: me, namespace: x}}}}
clusters:
- name: prod
  cluster:
    {cluster}
users:
- name: me
  user:
    {user}
"""
    path = tmp_path / "config"
    path.write_text(text)
    return Kubeconfig(path)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_current_context_selects_cluster_and_user(tmp_path: Path) -> None:
    cluster = write(tmp_path, "token: hush").find()
    assert cluster.server == "https://k:6443"
    assert cluster.access.auth == Authorization("Bearer", Secret("hush"))


def test_token_file_wins_and_is_relative_to_the_kubeconfig(tmp_path: Path) -> None:
    auth = write(tmp_path, "token: hush\n    tokenFile: t").find().access.auth
    assert auth == Authorization("Bearer", Secret(file=tmp_path / "t"))


def test_user_name_and_password_are_basic_authentication(tmp_path: Path) -> None:
    auth = write(tmp_path, "username: u\n    password: p").find().access.auth
    assert auth == BasicAuth(Secret("u"), Secret("p"))


def test_certificates_are_files_or_data(tmp_path: Path) -> None:
    kubeconfig = write(
        tmp_path,
        f"client-certificate: /c.pem\n    client-key-data: {encoded('KEY')}",
        f"server: https://k\n    certificate-authority-data: {encoded('CA')}\n"
        "    tls-server-name: kube\n    insecure-skip-tls-verify: true\n"
        "    proxy-url: http://proxy:3128",
    )
    access = kubeconfig.find().access
    assert access.tls is not None
    assert access.tls.ca == Secret("CA")
    assert access.tls.cert == Secret(file=Path("/c.pem"))
    assert access.tls.key == Secret("KEY")
    assert (access.tls.server_name, access.tls.insecure_skip_verify) == ("kube", True)
    assert access.proxy.url == "http://proxy:3128"


@pytest.mark.parametrize(
    ("user", "cluster", "message"),
    [
        ("exec: {command: aws}", "server: https://k", 'user "me" uses exec, which Redshank does'),
        ("auth-provider: {name: gcp}", "server: https://k", "uses auth-provider"),
        ("token: [5]", "server: https://k", "users.0.user.token: Input should be a valid string"),
        ("client-key-data: '%'", "server: https://k", "is not base64"),
        ("token: x", "insecure-skip-tls-verify: true", 'cluster "prod" has no server'),
    ],
)
def test_unusable_files_are_refused_by_name(
    tmp_path: Path, user: str, cluster: str, message: str
) -> None:
    with pytest.raises(DiscoveryError) as raised:
        write(tmp_path, user, cluster).find()
    assert message in str(raised.value)
    assert str(tmp_path / "config") in str(raised.value)


@pytest.mark.parametrize("text", ["{", "[]", "current-context: x", "a: [", "contexts: 5"])
def test_malformed_files_are_discovery_errors(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(DiscoveryError):
        Kubeconfig(path).find()
    with pytest.raises(DiscoveryError):
        Kubeconfig(tmp_path / "missing").find()
