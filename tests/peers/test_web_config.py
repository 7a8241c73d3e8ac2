"""node_exporter and Redshank accept and refuse the same web configuration files."""

import asyncio
from pathlib import Path

import pytest

from model.web_config.document import read_web_config
from model.web_config.errors import WebConfigError
from model.web_config.live import LiveWebConfig
from tests.certificates import Authority
from tests.ports import free_port
from tests.programs import node_exporter
from tests.system.processes import running

pytestmark = [pytest.mark.peer, pytest.mark.slow]

_PAIR = "cert_file: a.pem, key_file: a-key.pem"
_HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
_CA = "client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert"

SAME = {
    "empty": "",
    "pair": f"tls_server_config: {{{_PAIR}}}",
    "no_key": "tls_server_config: {cert_file: a.pem}",
    "no_cert": "tls_server_config: {key_file: a-key.pem}",
    "missing_file": "tls_server_config: {cert_file: no.pem, key_file: a-key.pem}",
    "wrong_key": "tls_server_config: {cert_file: a.pem, key_file: b-key.pem}",
    "junk_key": "tls_server_config: {cert_file: a.pem, key_file: junk.pem}",
    "clients": f"tls_server_config: {{{_PAIR}, {_CA}}}",
    "clients_if_given": (
        f"tls_server_config: {{{_PAIR}, client_ca_file: ca.pem,"
        " client_auth_type: VerifyClientCertIfGiven}"
    ),
    "no_auth_type": f"tls_server_config: {{{_PAIR}, client_ca_file: ca.pem}}",
    "bad_auth_type": f"tls_server_config: {{{_PAIR}, client_auth_type: Foo}}",
    "missing_ca": (
        f"tls_server_config: {{{_PAIR}, client_ca_file: no.pem,"
        " client_auth_type: RequireAndVerifyClientCert}"
    ),
    "sans": f"tls_server_config: {{{_PAIR}, {_CA}, client_allowed_sans: [a.example]}}",
    "versions": f"tls_server_config: {{{_PAIR}, min_version: TLS10, max_version: TLS13}}",
    "bad_version": f"tls_server_config: {{{_PAIR}, min_version: TLS111}}",
    "ciphers": (
        f"tls_server_config: {{{_PAIR}, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,"
        " TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,"
        " TLS_AES_256_GCM_SHA384], prefer_server_cipher_suites: false}"
    ),
    "invented_cipher": f"tls_server_config: {{{_PAIR}, cipher_suites: [TLS_FOO]}}",
    "insecure_cipher": f"tls_server_config: {{{_PAIR}, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}}",
    "curve": f"tls_server_config: {{{_PAIR}, curve_preferences: [CurveP256]}}",
    "invented_curve": f"tls_server_config: {{{_PAIR}, curve_preferences: [CurveP999]}}",
    "no_http2": f"tls_server_config: {{{_PAIR}}}\nhttp_server_config: {{http2: false}}",
    "headers": (
        "http_server_config: {headers: {Strict-Transport-Security: max-age=1,"
        " X-Frame-Options: deny, X-Content-Type-Options: nosniff, Content-Security-Policy: x}}"
    ),
    "bad_header": "http_server_config: {headers: {Foo: bar}}",
    "bad_header_value": "http_server_config: {headers: {X-Frame-Options: foo}}",
    "users": f"basic_auth_users: {{ann: {_HASH}}}",
    "bad_user": "basic_auth_users: {ann: secret}",
    "unknown_section": "tls_sever_config: {}",
    "unknown_key": f"tls_server_config: {{{_PAIR}, cert: x, foo: bar}}",
    "twice": f"tls_server_config: {{{_PAIR}}}\ntls_server_config: {{{_PAIR}}}",
    "no_yaml": "tls_server_config: [",
    "list": "- a",
}

REFUSED_BY_US = {
    "unverified": f"tls_server_config: {{{_PAIR}, client_auth_type: RequireAnyClientCert}}",
    "curves": f"tls_server_config: {{{_PAIR}, curve_preferences: [CurveP256, X25519]}}",
}


def _write(folder: Path, text: str) -> Path:
    authority = Authority(folder)
    authority.issue("a", "127.0.0.1")
    authority.issue("b", "127.0.0.1")
    (folder / "junk.pem").write_text("junk")
    file = folder / "web.yml"
    file.write_text(text)
    return file


def _ours_accepts(file: Path) -> bool:
    try:
        LiveWebConfig(str(file), lambda: read_web_config(file), (file,))
    except WebConfigError:
        return False
    return True


async def _theirs_accepts(file: Path) -> bool:
    address = f"127.0.0.1:{free_port()}"
    flags = (f"--web.listen-address={address}", f"--web.config.file={file}")
    async with running(node_exporter(), *flags) as process:
        try:
            await process.line(r"TLS is (en|dis)abled")
        except AssertionError:
            # It ended; else this is a time-out.
            assert process.closed, process.output
            return False
        return True


@pytest.mark.parametrize("name", SAME)
async def test_both_accept_or_refuse_a_file(name: str, tmp_path: Path) -> None:
    file = await asyncio.to_thread(_write, tmp_path, SAME[name])
    assert _ours_accepts(file) == await _theirs_accepts(file)


@pytest.mark.parametrize("name", REFUSED_BY_US)
async def test_what_pythons_ssl_cannot_do_is_refused_by_name(name: str, tmp_path: Path) -> None:
    file = await asyncio.to_thread(_write, tmp_path, REFUSED_BY_US[name])
    with pytest.raises(WebConfigError, match="Python's ssl"):
        LiveWebConfig(str(file), lambda: read_web_config(file), (file,))
    assert await _theirs_accepts(file)
